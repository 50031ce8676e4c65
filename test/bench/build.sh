#!/bin/bash
# build of 2,000 packages (270 MB) from the cache against tar and sha256sum over the same files.
. "$(dirname "$0")/lib.sh"

(cd "$repo" && go build -o "$work/serve" ./internal/kinds/debian/debiantest/serve)
{
	printf 'Suite: bench\nCodename: bench\n'
	for i in $(seq 2000); do printf '\nPackage: package-%04d\nArchitecture: amd64\nFiller: 134000\n' "$i"; done
} >"$work/archive"
"$work/serve" --keys "$work/keys" "$work/archive" >"$work/url" 2>&1 &
pids+=($!)
for _ in $(seq 200); do grep -q ^http "$work/url" 2>/dev/null && break; sleep 0.1; done
mkdir -p "$work/definition"
printf 'name: bench\ndebian:\n  sources:\n  - {name: bench, urls: ["%s"], suites: [bench], components: [main], architectures: [amd64], signed-by: %s}\n  packages: all\n' \
	"$(head -n 1 "$work/url")" "$work/keys/archive.asc" >"$work/definition/mirror.yaml"
"$minimirror" lock "$work/definition" >/dev/null 2>&1
"$minimirror" build "$work/definition" --output "oci:$work/image" >/dev/null 2>&1
size=$(du -sb "$work/cache/minimirror/sha256" | cut -f1)

prepare() { rm -rf "$work/image" "$work/cache/minimirror/note/layer"; }
best cold "$minimirror" build "$work/definition" --output "oci:$work/image"
memory=$(prepare; peak "$minimirror" build "$work/definition" --output "oci:$work/image")
unset -f prepare
best again "$minimirror" build "$work/definition" --output "oci:$work/image"
baseline() { tar c -C "$work/cache/minimirror" sha256 >"$work/tar" && find "$work/cache/minimirror/sha256" -type f -print0 | xargs -0 sha256sum; }
best theirs baseline
echo "build, 2,000 packages, $((size / 1000000)) MB from the cache: $cold ms; tar c + sha256sum: $theirs ms; ratio $(ratio "$cold" "$theirs"); unchanged rebuild $again ms; peak memory $memory MB"
