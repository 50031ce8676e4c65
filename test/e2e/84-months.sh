#!/bin/bash
# Two years of monthly updates: each ships what has changed and little else, to a folder and to Debian's docker-registry; when too much is unused,
# only what is wanted of the layers that are given up is shipped once more. Each image serves, verifies and bootstraps, and another user makes the same
# image of the same lock elsewhere.
. "$(dirname "$0")/lib.sh"
need skopeo curl jq docker-registry
need_root_or_die "another user"
months=24

# A made-up archive of 300 source packages with one to three packages each. A month changes 1 to 5 % of the sources, renames one and removes one.
awk -v months=$months -v dir="$mine" '
	function size() { return int(exp(8 + 4 * rand() * rand())) }
	BEGIN {
		srand(7)
		for (s = 1; s <= 300; s++) { name[s] = "s" s; version[s] = 1; n[s] = 1 + int(3 * rand()); for (p = 1; p <= n[s]; p++) bytes[s, p] = size() }
		for (m = 1; m <= months; m++) {
			if (m > 1) {
				changes = int(300 * (0.01 + 0.04 * rand()))
				for (c = 0; c < changes; c++) { s = 1 + int(300 * rand()); version[s]++; for (p = 1; p <= n[s]; p++) bytes[s, p] = int(bytes[s, p] * (0.95 + 0.1 * rand())) }
				s = 1 + int(300 * rand()); name[s] = name[s] "x"
				do s = 6 + int(295 * rand()); while (!n[s])
				n[s] = 0
			}
			file = dir "/archive-" m
			print "Suite: s" > file
			for (s = 1; s <= 300; s++) for (p = 1; p <= n[s]; p++)
				printf "\nPackage: %s-%d\nSource: %s\nVersion: %d\nArchitecture: amd64\nFiller: %d\n", name[s], p, name[s], version[s], bytes[s, p] > file
			close(file)
		}
	}'
go_program debiantest-serve ./internal/kinds/debian/debiantest/serve
definition site <<-END
	debian:
	  sources:
	    - { name: test, urls: ["http://ADDRESS"], suites: [s], components: [main], architectures: [amd64], signed-by: $mine/keys/archive.asc }
	  packages: all
	sets:
	  node: { debian: [s1-1, s2-1, s3-1, s4-1, s5-1] }
END

# archive_of MONTH serves the archive as it is in a month, always at the same address.
at=127.0.0.1:0
archive_of() {
	"$work/debiantest-serve" --listen "$at" --keys "$mine/keys" "$mine/archive-$1" >"$mine/archive-$1.log" 2>&1 &
	archive_pid=$!
	defer end "$archive_pid"
	await "$archive_pid" "$mine/archive-$1.log" '^http://(.*)'
	at=$said
}

# A registry that counts: the log of docker-registry says how many bytes each request has brought or taken.
mkdir -p "$mine/registry"
printf 'version: 0.1\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: "127.0.0.1:0"}\n' "$mine/registry" >"$mine/registry.yml"
docker-registry serve "$mine/registry.yml" >"$mine/registry.log" 2>&1 &
defer end $!
await $! "$mine/registry.log" 'listening on (127\.0\.0\.1:[0-9]+)'
registry=$said
stored() { find "$mine/registry" -type f -printf '0 %s\n' | sum; }

sum() { awk '{ sum += $2 } END { print sum + 0 }'; }

# look DIR NAME notes what is in an image: digests and sizes of files in files-NAME, of layers in layers-NAME; in placed-NAME, a line for each
# file with the digest of its layer and its size.
look() {
	"$MINIMIRROR" inspect "oci:$1" --details --format json >"$mine/details"
	jq -r '.items[].files[] | "\(.sha256) \(.size)"' "$mine/details" | sort -u >"$mine/files-$2"
	jq -r '.items[].files[] | "\(.layer_digest) \(.size) \(.sha256)"' "$mine/details" | sort -u >"$mine/placed-$2"
	skopeo inspect --raw "oci:$1" | jq -r '.layers[] | "\(.digest) \(.size)"' | sort -u >"$mine/layers-$2"
}

# quietly COMMAND… shows what a command says only if it fails.
quietly() { "$@" >"$mine/said.log" 2>&1 || { cat "$mine/said.log" >&2; die "month $m: $*"; }; }

# works DIR verifies an image, takes its set out, and lets it serve a package.
works() {
	local path sha256
	quietly "$MINIMIRROR" verify "oci:$1" --keyring "$mine/keys/archive.asc"
	rm -rf "$mine/taken"
	quietly "$MINIMIRROR" bootstrap "oci:$1" --set node --to "$mine/taken"
	[ "$(find "$mine/taken" -name 's[1-5]*.deb' | wc -l)" = 5 ] || die "$1: the set is not whole"
	start_server --image "oci:$1" >/dev/null
	read -r path sha256 < <(jq -r '.items[-1].files[0] | "\(.address) \(.sha256)"' "$mine/details")
	get "$url$path" --output "$mine/got"
	[ "$(sha256sum <"$mine/got")" = "$sha256  -" ] || die "$1: $path is wrong"
	end "$server"
}

elsewhere=$mine/elsewhere
install -d -o nobody -g nogroup "$elsewhere"
changed_bytes=0 shipped_bytes=0 whole_bytes=0 given_up=0
for ((m = 1; m <= months; m++)); do
	archive_of "$m"
	sed -i "s#http://[^\"]*#http://$at#" "$definition/mirror.yaml"
	quietly "$MINIMIRROR" lock "$definition" --update
	rm -rf "$mine/base"
	[ "$m" = 1 ] || cp -r "$definition" "$mine/base"
	image=$mine/image-$m
	quietly "$MINIMIRROR" build "$definition" --output "oci:$image"
	if ((m % 6 == 2)); then # another user, in another folder, without a cache, with the base of the month before
		rm -rf "${elsewhere:?}"/*
		cp "$mine/base/mirror.layers" "$elsewhere/"
		cp "$definition"/mirror.{yaml,lock,proofs} "$elsewhere/"
		cp "$HOME/.config/minimirror/signing-key.asc" "$elsewhere/key.asc"
		chown -R nobody:nogroup "$elsewhere"
		(cd "$elsewhere" && quietly setpriv --reuid=nobody --regid=nogroup --clear-groups env HOME="$elsewhere" "$MINIMIRROR" build . --base "docker://$registry/site/mirror:$((m - 1))" --sign-key key.asc --output oci:out)
		[ "$(digest "oci:$elsewhere/out")" = "$(digest "oci:$image")" ] || die "month $m: another user's image differs"
		say "month $m: another user makes the same image"
	fi
	end "$archive_pid"
	look "$image" "$m"
	held=$(stored)
	quietly "$MINIMIRROR" build "$definition" --output "docker://$registry/site/mirror:$m"
	pushed=$(($(stored) - held))

	works "$image"
	unused=$("$MINIMIRROR" inspect "oci:$image" --format json | jq '.unused.size // 0')
	layers=$(wc -l <"$mine/layers-$m")
	all=$(join "$mine/layers-$m" <(cut -d" " -f1 "$mine/placed-$m" | uniq) | sum) # of the layers with files of items
	[ "$layers" -le 64 ] || die "month $m: $layers layers"
	[ "$((unused * 4))" -le "$all" ] || die "month $m: $unused of $all bytes are unused"
	[ "$m" != 1 ] || continue
	changed=$(comm -13 "$mine/files-$((m - 1))" "$mine/files-$m" | sum)
	comm -13 "$mine/layers-$((m - 1))" "$mine/layers-$m" >"$mine/new"
	new=$(sum <"$mine/new")
	shipped=$(join -o 1.1,2.2 "$mine/new" "$mine/placed-$m" | sum) # of files; the rest is tar, what upstream signed, generated files and the catalog
	[ "$pushed" -le $((new + 40000)) ] || die "month $m: the registry got $pushed bytes for new layers of $new"
	again=$(join -v 1 "$mine/placed-$((m - 1))" "$mine/layers-$m" | cut -d' ' -f3,2 | awk '{ print $2, $1 }' | sort | join - "$mine/files-$m" | sum) # of layers that are given up
	[ "$shipped" -le $((changed * 105 / 100 + again)) ] || die "month $m: $shipped bytes are shipped, $changed have changed, and $again are of layers that are given up"
	[ "$again" = 0 ] || given_up=$((given_up + 1))
	changed_bytes=$((changed_bytes + changed)) shipped_bytes=$((shipped_bytes + shipped)) whole_bytes=$((whole_bytes + $(sum <"$mine/files-$m")))
	say "month $m: $changed bytes changed, $shipped shipped ($again again) in new layers of $new, $pushed pushed, $unused of $all unused, $layers layers"
done
say "in all: $changed_bytes bytes changed, $shipped_bytes shipped, $whole_bytes if each month were one layer; in $given_up months layers are given up"
[ "$given_up" -gt 0 ] || die "no layer is ever given up"
[ $((shipped_bytes * 5)) -le "$whole_bytes" ] || die "that is too much"

say "after --compact nothing is unused, and what it serves is the same"
m=compact
quietly "$MINIMIRROR" build "$definition" --compact --output "oci:$mine/compact"
look "$mine/compact" compact
works "$mine/compact"
cmp "$mine/files-compact" "$mine/files-$months"
[ "$("$MINIMIRROR" inspect "oci:$mine/compact" --format json | jq '.unused.size // 0')" = 0 ] || die "files are unused"
