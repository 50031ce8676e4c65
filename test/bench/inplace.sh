#!/bin/bash
# usage: inplace.sh [PACKAGES [SCALE]]
#
# A whole archive in small: 63,000 packages with sizes like Debian's (median 65 kB, mean 1.3 MB), divided by SCALE (50), and 1,000 of 90 kB. From
# lock to a server that reads the image from Debian's docker-registry with a cache of a tenth, under 200 clients, while the registry is killed and
# starts again; then the same with a registry that lies. And the throughput of 90 kB files from there, cold and warm, beside the same image on disk
# and beside a client that only reads the same ranges from the registry. Not a part of run.sh: it takes some minutes, and 8 GB of disk.
#
# It ends with 1 if memory, cache, requests or bytes are out of bounds. Times are only printed.
. "$(dirname "$0")/lib.sh"
packages=${1:-63000} scale=${2:-50}
clients=200
failed=0
# atmost WHAT IS BOUND
atmost() { awk -v is="$2" -v bound="$3" 'BEGIN { exit is > bound }' || { echo "OUT OF BOUNDS: $1: $2, more than $3"; failed=1; }; }
command -v docker-registry >/dev/null || { echo "docker-registry is missing; type: sudo apt-get install docker-registry" >&2; exit 1; }

for tool in load:./test/bench/load ranges:./test/bench/ranges troubled:./test/e2e/troubled serve:./internal/kinds/debian/debiantest/serve; do
	(cd "$repo" && env -u XDG_CACHE_HOME go build -o "$work/${tool%%:*}" "${tool#*:}")
done

# The archive, and a month's updates: 3 % of the packages have a new version.
python3 - "$packages" "$scale" "$work" <<'END'
import math, random, sys
packages, scale, work = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
sizes, months = random.Random(17), random.Random(18)
def write(name, all):
    with open(f"{work}/{name}-archive", "w") as f:
        f.write(f"Suite: {name}\nCodename: {name}\n")
        for package, version, size in all:
            f.write(f"\nPackage: {package}\nArchitecture: amd64\nVersion: {version}\nCompression: gz\nFiller: {size}\n")
all = [(f"package-{i:05}", "1.0", int(min(sizes.lognormvariate(math.log(65e3), 2.45), 500e6) / scale)) for i in range(packages - 1000)]
all += [(f"large-{i:04}", "1.0", 90000) for i in range(1000)]
write("bench", all)
write("updates", [(p, "1.1", int(s * months.uniform(0.9, 1.1))) for p, v, s in all if p[0] == "p" and months.random() < 0.03])
END
await() { # FILE PATTERN
	for _ in $(seq 9000); do grep -Eq "$2" "$1" 2>/dev/null && return; sleep 0.1; done
	cat "$1" >&2
	exit 1
}
mkdir -p "$work/definition" "$work/registry"
printf 'name: bench\ndebian:\n  packages: all\n  sources:\n' >"$work/definition/mirror.yaml"
publish() { # NAME: serves an archive, and adds it to the definition
	"$work/serve" --keys "$work/keys-$1" "$work/$1-archive" >"$work/$1-url" 2>&1 &
	pids+=($!) archives+=($!)
	await "$work/$1-url" ^http
	printf '  - {name: %s, urls: ["%s"], suites: [%s], components: [main], architectures: [amd64], signed-by: %s}\n' \
		"$1" "$(head -n 1 "$work/$1-url")" "$1" "$work/keys-$1/archive.asc" >>"$work/definition/mirror.yaml"
}
archives=()
publish bench

start_registry() { # ADDRESS
	printf 'version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: "%s"}\n' "$work/registry" "$1" >"$work/registry.yml"
	docker-registry serve "$work/registry.yml" >"$work/registry.log" 2>&1 &
	registry_pid=$!
	pids+=($!)
}
port=$((20000 + RANDOM % 10000))
registry=127.0.0.1:$port
start_registry "$registry"

seconds() { local start=${EPOCHREALTIME/./}; "$@"; echo "$(((${EPOCHREALTIME/./} - start) / 100000))" | sed 's/.$/.&/' >"$work/seconds"; }
# measured WHAT COMMAND… says how long a command takes and how much memory. For a build, memory has a bound.
measured() {
	local what=$1
	shift
	seconds peak "$minimirror" "$@" >"$work/memory"
	echo "$what: $(cat "$work/seconds") s, $(cat "$work/memory") MB of memory"
	[ "$1" = lock ] || atmost "memory of $what, MB" "$(cat "$work/memory")" 400
}
layers() { # DIGEST: the layers of an image, "DIGEST SIZE" each
	curl --noproxy '*' --silent --fail -H 'Accept: application/vnd.oci.image.manifest.v1+json' "http://$registry/v2/bench/mirror/manifests/$1" |
		python3 -c 'import json, sys; [print(l["digest"], l["size"]) for l in json.load(sys.stdin)["layers"]]'
}
# planned WHAT LIST-OF-LAYERS compares plan's figures, in $work/plan, with what build has done.
planned() {
	python3 - "$work/plan" "$work/before" "$2" "$work/fetched" "$1" <<'END'
import json, sys
plan = json.load(open(sys.argv[1]))
lines = lambda name: dict(l.split() for l in open(name))
before, after, fetched = lines(sys.argv[2]), lines(sys.argv[3]), int(open(sys.argv[4]).read())
new = sum(int(size) for digest, size in after.items() if digest not in before)
print(f"{sys.argv[5]}: plan says {plan['fetch']['size']/1e6:.1f} MB to fetch and {plan['layers']['new']/1e6:.1f} MB of new layers; {fetched/1e6:.1f} MB were fetched, and {new/1e6:.1f} MB of layers are new, with the generated files, the catalog and the program")
END
}
cached() { du -sb "$work/cache/minimirror/sha256" 2>/dev/null | cut -f1; }
first="docker://$registry/bench/mirror:1" second="docker://$registry/bench/mirror:2"
: >"$work/before"
measured "lock of $packages packages" lock "$work/definition"
"$minimirror" plan "$work/definition" --output "$first" --format json >"$work/plan"
had=$(cached)
measured "build into the registry, with all fetched" build "$work/definition" --output "$first"
digest=$(grep -oE 'sha256:[0-9a-f]{64}' "$work/out" | tail -n 1)
echo $(($(cached) - had)) >"$work/fetched"
layers "$digest" >"$work/layers-1"
planned "first build" "$work/layers-1"
measured "the same build again" build "$work/definition" --output "$first"

publish updates
cp "$work/layers-1" "$work/before"
measured "lock a month later" lock "$work/definition"
"$minimirror" plan "$work/definition" --output "$second" --format json >"$work/plan"
had=$(cached)
measured "update in the registry" build "$work/definition" --output "$second"
digest=$(grep -oE 'sha256:[0-9a-f]{64}' "$work/out" | tail -n 1)
echo $(($(cached) - had)) >"$work/fetched"
layers "$digest" >"$work/layers-2"
planned update "$work/layers-2"
"$minimirror" build "$work/definition" --output "oci:$work/image" >/dev/null 2>&1
kill "${archives[@]}"

python3 - "$work/definition/mirror.lock" >"$work/list" <<'END'
import json, sys
for item in json.load(open(sys.argv[1]))["items"]:
    for file in item["files"]:
        print(file["sha256"], file["size"], item["source"] + "/" + file["path"])
END
[ "$(wc -l <"$work/list")" -ge "$packages" ] || { head -c 1000 "$work/definition/mirror.lock" >&2; exit 1; }
grep /large- "$work/list" >"$work/large"
total=$(awk '{ n += $2 } END { print n }' "$work/list")

start_server() { # NAME ARGUMENT…
	local log=$work/$1.log
	shift
	"$minimirror" serve "$@" --audit none --listen 127.0.0.1:0 >"$log" 2>&1 &
	server=$!
	pids+=($!)
	await "$log" 'listening on'
	url=$(sed -n 's/^listening on //p' "$log")
}
memory() { awk '/VmHWM/ { print int($2 / 1000) }' "/proc/$server/status"; }
cpu() { awk '{ print ($14 + $15) * 10 }' "/proc/$1/stat"; } # PID: ms of the processors, at 100 ticks a second
stop() { kill "$server"; wait "$server" || true; }

# CPU time changes less with what else the machine does than wall time does. Each round has a folder of its own: files are made slowly where others
# have just been removed.
echo "90 kB files, $clients clients, $(nproc) processors:"
rate() { sed -E 's/.*: ([0-9.]+) MB\/s/\1/' <<<"$1"; }
each() { awk -v ms="$1" -v n="${2%% *}" 'BEGIN { printf "%.2f", ms / n }'; } # MS RESULT: ms of the processors for a request
bytes=$(awk '{ n += $2 } END { print n }' "$work/large")
for round in 1 2 3 4 5; do
	sync
	start_server "local-$round" --image "oci:$work/image"
	at=$(cpu "$server")
	once=$("$work/load" "$url" "$work/large" $clients 0)
	once_cpu=$(each $(($(cpu "$server") - at)) "$once")
	at=$(cpu "$server")
	local=$("$work/load" "$url" "$work/large" $clients 4)
	local_cpu=$(each $(($(cpu "$server") - at)) "$local")
	stop
	of_registry=$(cpu "$registry_pid")
	bare=$("$work/ranges" "http://$registry/v2/bench/mirror" "$digest" $((4 << 20)) "$bytes")
	bare_cpu=$(each $(($(cpu "$registry_pid") - of_registry)) 1000)
	start_server "cold-$round" --image "docker://$registry/bench/mirror@$digest" --cache "$work/warm-$round" --cache-size 1G
	at=$(cpu "$server") of_registry=$(cpu "$registry_pid")
	cold=$("$work/load" "$url" "$work/large" $clients 0)
	cold_cpu=$(each $(($(cpu "$server") - at)) "$cold") registry_cpu=$(each $(($(cpu "$registry_pid") - of_registry)) "$cold")
	at=$(cpu "$server")
	warm=$("$work/load" "$url" "$work/large" $clients 4)
	warm_cpu=$(each $(($(cpu "$server") - at)) "$warm")
	stop
	echo "  MB/s, each once: local $(rate "$once"), in place cold $(rate "$cold"), ratio $(ratio "$(rate "$cold")" "$(rate "$once")"); ranges alone $(rate "$bare"), ratio $(ratio "$(rate "$bare")" "$(rate "$once")"); for 4 s: local $(rate "$local"), in place warm $(rate "$warm"), ratio $(ratio "$(rate "$warm")" "$(rate "$local")")"
	echo "  CPU ms a file: local once $once_cpu, cold $cold_cpu and the registry $registry_cpu, ranges alone the registry $bare_cpu; local $local_cpu, warm $warm_cpu"
done
rm -rf "$work"/warm-*

tenth=$((total / 10))
start_server tenth --image "docker://$registry/bench/mirror@$digest" --cache "$work/tenth" --cache-size "$tenth"
echo "start with $packages packages: $(memory) MB"
(
	sleep 5
	kill -KILL "$registry_pid"
	sleep 2
	start_registry "$registry"
	echo "$registry_pid" >"$work/registry.pid"
	wait
) 2>/dev/null &
pids+=($!)
for _ in $(seq 40); do
	sleep 1
	du -s --block-size=1 "$work/tenth/files" "$work/tenth/part" 2>/dev/null | awk '{ n += $1 } END { print n }'
done >"$work/sizes" &
pids+=($!)
trap 'kill "$(cat "$work/registry.pid")" 2>/dev/null || true; for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done; rm -rf --one-file-system "$work"' EXIT
"$work/load" "$url" "$work/list" $clients 40 verify || { echo "OUT OF BOUNDS: requests failed"; failed=1; }
most=$(sort -n "$work/sizes" | tail -n 1)
echo "of $((total / 1000000)) MB, a cache of $((tenth / 1000000)) MB: at most $((most / 1000000)) MB on the disk, $(memory) MB of memory"
atmost "bytes on the disk of the cache" "$most" $((tenth + 1000000)) # folders have some blocks, too
atmost "files in the cache" "$(find "$work/tenth/files" -type f | wc -l)" $((tenth / 4096))
atmost "memory of the server, MB" "$(memory)" 150
stop

"$work/troubled" "http://$registry" liar >"$work/liar" &
pids+=($!)
await "$work/liar" '^127'
start_server liar --image "docker://$(head -n 1 "$work/liar")/bench/mirror@$digest" --cache "$work/lies" --cache-size "$tenth"
code=0
"$work/load" "$url" "$work/list" $clients 15 verify >"$work/lied" 2>"$work/lied.log" || code=$?
echo "a registry that lies: $(cat "$work/lied")"
[ "$code" != 2 ] || { echo "OUT OF BOUNDS: $(tail -n 1 "$work/lied.log")"; failed=1; }
stop
for file in "$work/lies/files"/*; do
	[ "$(sha256sum <"$file")" = "${file##*/}  -" ] || echo "$file"
done >"$work/wrong"
atmost "wrong files in the cache" "$(wc -l <"$work/wrong")" 0
"$work/troubled" "http://$registry" manifest >"$work/other" &
pids+=($!)
await "$work/other" '^127'
! timeout 60 "$minimirror" serve --image "docker://$(head -n 1 "$work/other")/bench/mirror@$digest" --cache "$work/other-cache" --listen 127.0.0.1:0 >"$work/other.log" 2>&1 ||
	{ echo "OUT OF BOUNDS: another manifest is served"; failed=1; }
grep -q 'sha256 mismatch' "$work/other.log" || { cat "$work/other.log"; failed=1; }
exit $failed
