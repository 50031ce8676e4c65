#!/bin/bash
# usage: registry.sh
#
# Images from this mirror and from Debian's docker-registry, in turn: 1 GB of blobs, 8 clients that fetch blobs at random. It prints
# the processor time of each for a GB, the throughput, and the most memory, with the ratios of the same round.
. "$(dirname "$0")/lib.sh"
for tool in docker-registry skopeo; do
	command -v "$tool" >/dev/null || { echo "$tool is missing; type: sudo apt-get install docker-registry skopeo" >&2; exit 1; }
done
clients=8 seconds=5
(cd "$repo" && go build -o "$work/load" ./test/bench/load)
await() { # FILE PATTERN
	for _ in $(seq 900); do grep -Eq "$2" "$1" 2>/dev/null && return; sleep 0.1; done
	cat "$1" >&2
	exit 1
}

# An image of layers from 1 to 300 MB, which do not compress.
mkdir -p "$work/layout/blobs/sha256" "$work/definition" "$work/registry"
put() { # TYPE FILE: sets $descriptor and $digest
	digest=$(sha256sum "$2" | cut -d' ' -f1)
	descriptor="{\"mediaType\":\"application/vnd.oci.image.$1\",\"digest\":\"sha256:$digest\",\"size\":$(stat -c %s "$2")}"
	mv "$2" "$work/layout/blobs/sha256/$digest"
}
layers=() diffs=()
for megabytes in 300 200 100 100 $(printf '25 %.0s' {1..8}) $(printf '5 %.0s' {1..18}) $(printf '1 %.0s' {1..10}); do
	head -c "${megabytes}000000" /dev/urandom >"$work/layer"
	put layer.v1.tar "$work/layer"
	layers+=("$descriptor") diffs+=("\"sha256:$digest\"")
	echo "$digest $(stat -c %s "$work/layout/blobs/sha256/$digest") sha256:$digest" >>"$work/list"
done
printf '{"os":"linux","architecture":"amd64","config":{},"rootfs":{"type":"layers","diff_ids":[%s]}}' "$(IFS=,; echo "${diffs[*]}")" >"$work/config.json"
put config.v1+json "$work/config.json"
printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":%s,"layers":[%s]}' "$descriptor" "$(IFS=,; echo "${layers[*]}")" >"$work/manifest"
put manifest.v1+json "$work/manifest"
printf '{"imageLayoutVersion":"1.0.0"}' >"$work/layout/oci-layout"
printf '{"schemaVersion":2,"manifests":[%s,"annotations":{"org.opencontainers.image.ref.name":"acme/app:1"}}]}' "${descriptor%?}" >"$work/layout/index.json"

printf 'name: bench\nimages:\n- { name: registry.example.org, from: "oci:%s", take: ["acme/app:1"] }\n' "$work/layout" >"$work/definition/mirror.yaml"
"$minimirror" lock "$work/definition" >"$work/out" 2>&1 || { cat "$work/out" >&2; exit 1; }
"$minimirror" build "$work/definition" --output "oci:$work/image" >"$work/out" 2>&1 || { cat "$work/out" >&2; exit 1; }
"$minimirror" serve --image "oci:$work/image" --audit "$work/audit.log" --listen 127.0.0.1:0 >"$work/ours.log" 2>&1 &
ours=$!
pids+=($ours)
await "$work/ours.log" 'listening on'
url=$(sed -n 's/^listening on //p' "$work/ours.log")

printf 'version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: "127.0.0.1:0"}\n' "$work/registry" >"$work/registry.yml"
sed -i 's/level: error/level: info/' "$work/registry.yml" # at error it does not say where it listens
docker-registry serve "$work/registry.yml" >"$work/registry.log" 2>&1 &
theirs=$!
pids+=($theirs)
await "$work/registry.log" 'listening on 127'
registry=$(grep -oE 'listening on 127\.0\.0\.1:[0-9]+' "$work/registry.log" | cut -d' ' -f3)
skopeo copy --quiet --preserve-digests --dest-tls-verify=false "oci:$work/layout:acme/app:1" "docker://$registry/acme/app:1"
kill "$theirs" && wait "$theirs" 2>/dev/null || true # a new process: not the memory of the push
sed -i "s/127.0.0.1:0/$registry/" "$work/registry.yml"
docker-registry serve "$work/registry.yml" >"$work/registry2.log" 2>&1 &
theirs=$!
pids+=($theirs)
await "$work/registry2.log" 'listening on 127'

memory() { awk '/VmHWM/ { printf "%.1f", $2 / 1000 }' "/proc/$1/status"; }
cpu() { cat /proc/"$1"/task/*/schedstat | awk '{ n += $1 } END { printf "%.0f", n / 1e6 }'; } # ms
# measure PID URL sets $cost (ms for a GB) and $rate (MB/s).
measure() {
	local before after said
	before=$(cpu "$1")
	said=$("$work/load" "$2" "$work/list" $clients $seconds)
	after=$(cpu "$1")
	rate=$(sed -E 's/.*: ([0-9.]+) MB\/s/\1/' <<<"$said")
	cost=$(awk -v ms=$((after - before)) -v mb="$(sed -E 's/.* ([0-9.]+) MB.*/\1/' <<<"${said%%:*}")" 'BEGIN { printf "%.0f", ms / mb * 1000 }')
}
# Once for the page cache, and every byte compared.
"$work/load" "$url/v2/registry.example.org/acme/app/blobs" "$work/list" $clients 0 verify >/dev/null
"$work/load" "http://$registry/v2/acme/app/blobs" "$work/list" $clients 0 verify >/dev/null
for round in $(seq "$runs"); do
	measure $ours "$url/v2/registry.example.org/acme/app/blobs"
	our_cost=$cost our_rate=$rate
	measure $theirs "http://$registry/v2/acme/app/blobs"
	echo "round $round: processor ms a GB: $our_cost, docker-registry $cost, ratio $(ratio "$our_cost" "$cost"); MB/s: $our_rate, docker-registry $rate, ratio $(ratio "$our_rate" "$rate")"
done
echo "memory at most: $(memory $ours) MB, docker-registry $(memory $theirs) MB"
