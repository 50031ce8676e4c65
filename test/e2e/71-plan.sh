#!/bin/bash
# plan says what build will fetch and need; build refuses before it fetches anything where it cannot fit; and an image that goes to a
# registry has no second copy on this machine's disk.
. "$(dirname "$0")/lib.sh"
need docker-registry python3 skopeo
need_root_or_die "a small disk"

{
	printf 'Suite: s\n'
	for i in $(seq 20); do printf '\nPackage: p%02d\nArchitecture: amd64\nFiller: 1000000\n' "$i"; done
} >"$mine/archive"
made_up_archive <"$mine/archive"
definition web <<-END
	debian:
	  sources:
	    - { name: test, urls: [$archive], suites: [s], components: [main], architectures: [amd64], signed-by: $mine/keys/archive.asc }
	  packages: all
END
mkdir "$mine/disk"
mount -t tmpfs -o size=31m,mode=755 tmpfs "$mine/disk"
defer umount "$mine/disk"
export XDG_CACHE_HOME=$mine/disk/cache

code=0
"$MINIMIRROR" plan "$definition" >"$mine/plan" 2>&1 || code=$?
[ "$code" = 3 ] || die "plan without a lock: exit code $code, want 3"
"$MINIMIRROR" lock "$definition" >"$mine/lock" 2>&1
! grep -q 'build will refuse' "$mine/lock" || die "$(cat "$mine/lock")"

say "it fits into a registry, and not into a folder on the same disk"
"$MINIMIRROR" plan "$definition" --output docker://127.0.0.1:1/site/web:1 --rate 1M | tee "$mine/plan"
grep -Eq '^web: 20 items, 20 files, 20\.' "$mine/plan"
grep -Eq '^to fetch: 20 files, 20\.[0-9] MB, 1?[0-9]+s at 1\.0 MB/s' "$mine/plan"
grep -Eq '^  test: 20 files' "$mine/plan"
grep -Eq "^disk of cache $mine/disk/cache/minimirror: 20\.[0-9] MB will be written, [23][0-9]\.[0-9] MB are free" "$mine/plan"
code=0
"$MINIMIRROR" plan "$definition" --output "oci:$mine/disk/out" --format json >"$mine/plan.json" 2>"$mine/plan.log" || code=$?
[ "$code" = 1 ] || die "plan of what does not fit: exit code $code, want 1"
python3 - "$mine/plan.json" <<'END'
import json, sys
p = json.load(open(sys.argv[1]))
assert p["items"] == 20 and p["fetch"]["files"] == 20 and p["cached"]["size"] < 1e5 and not p["fits"], p
assert len(p["disks"]) == 1 and len(p["disks"][0]["for"]) == 2 and p["disks"][0]["needs"] > 40e6 > p["disks"][0]["free"], p
END
code=0
"$MINIMIRROR" build "$definition" --output "oci:$mine/disk/out" >"$mine/build.log" 2>&1 || code=$?
[ "$code" = 1 ] || die "build of what does not fit: exit code $code, want 1"
grep -q 'not enough room on the disk of cache .* and output oci:' "$mine/build.log" || die "build says $(cat "$mine/build.log")"
grep -q '^hint: free .*--force' "$mine/build.log"
[ "$(find "$XDG_CACHE_HOME/minimirror/sha256" -size +500k | wc -l)" = 0 ] || die "something was fetched"
[ ! -e "$mine/disk/out" ] || die "something was written"

say "a registry gets 20 MB and the program from a disk that has 31 MB: the layers are made while they are sent"
start_registry
"$MINIMIRROR" plan "$definition" --output "docker://$registry/site/web:1" --format json >"$mine/plan.json"
cached() { find "$XDG_CACHE_HOME/minimirror/sha256" -type f -printf '%s\n' | awk '{ n += $1 } END { print n + 0 }'; }
had=$(cached)
"$MINIMIRROR" build "$definition" --output "docker://$registry/site/web:1"
skopeo inspect --raw --tls-verify=false "docker://$registry/site/web:1" >"$mine/manifest.json"
python3 - "$mine/plan.json" "$mine/manifest.json" "$(($(cached) - had))" "$(stat -c %s "$MINIMIRROR")" <<'END'
import json, sys
plan, manifest, fetched, program = json.load(open(sys.argv[1])), json.load(open(sys.argv[2])), int(sys.argv[3]), int(sys.argv[4])
layers = sum(layer["size"] for layer in manifest["layers"])
print("fetched: planned", plan["fetch"]["size"], "was", fetched, "layers: planned", plan["layers"]["new"], "are", layers, "with the program of", program)
assert 0 <= fetched - plan["fetch"]["size"] < 300e3, "other bytes were fetched than planned"
assert 0 <= layers - plan["layers"]["new"] - program < 300e3, "the layers have other bytes than planned"
END
"$MINIMIRROR" plan "$definition" --output "docker://$registry/site/web:1" | grep -E '^to fetch: 0 files'
[ "$(du -sm "$mine/disk" | cut -f1)" -le 24 ] || die "$(du -sh "$mine/disk")"
carries "docker://$registry/site/web:1" p07 --package

say "lock warns where the cache has no room"
mount -t tmpfs -o size=8m,mode=755 tmpfs "$mine/disk"
defer umount "$mine/disk"
rm "$definition"/mirror.*[!l]
"$MINIMIRROR" lock "$definition" >"$mine/lock" 2>&1
cat "$mine/lock"
grep -q 'build will refuse this lock' "$mine/lock" || die "$(cat "$mine/lock")"
grep -q 'free [0-9.]* MB, or put the cache on a larger disk (XDG_CACHE_HOME=DIR)' "$mine/lock" || die "lock does not say what to do: $(cat "$mine/lock")"
