#!/bin/bash
# usage: inplace.sh [PACKAGES]
#
# A whole archive in small: 63,000 packages, most of 4 kB and 1,000 of 90 kB, from lock to a server that reads the image from Debian's
# docker-registry with a cache of a tenth, under 200 clients, while the registry is killed and starts again. And the throughput of
# 90 kB files from there, cold and warm, against the same image on disk. Not a part of run.sh: it takes some minutes.
. "$(dirname "$0")/lib.sh"
packages=${1:-63000}
clients=200
command -v docker-registry >/dev/null || { echo "docker-registry is missing; type: sudo apt-get install docker-registry" >&2; exit 1; }

(cd "$repo" && go build -o "$work/serve" ./internal/kinds/debian/debiantest/serve && go build -o "$work/load" ./test/bench/load)
{
	printf 'Suite: bench\nCodename: bench\n'
	for ((i = 1; i <= packages - 1000; i++)); do printf '\nPackage: package-%05d\nArchitecture: amd64\nFiller: %d\n' "$i" $((2000 + i % 4000)); done
	for ((i = 1; i <= 1000; i++)); do printf '\nPackage: large-%04d\nArchitecture: amd64\nFiller: 90000\n' "$i"; done
} >"$work/archive"
await() { # FILE PATTERN
	for _ in $(seq 9000); do grep -Eq "$2" "$1" 2>/dev/null && return; sleep 0.1; done
	cat "$1" >&2
	exit 1
}
"$work/serve" --keys "$work/keys" "$work/archive" >"$work/url" 2>&1 &
pids+=($!)
await "$work/url" ^http
mkdir -p "$work/definition" "$work/registry"
printf 'name: bench\ndebian:\n  sources:\n  - {name: bench, urls: ["%s"], suites: [bench], components: [main], architectures: [amd64], signed-by: %s}\n  packages: all\n' \
	"$(head -n 1 "$work/url")" "$work/keys/archive.asc" >"$work/definition/mirror.yaml"

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
seconds peak "$minimirror" lock "$work/definition" >"$work/memory"
echo "lock: $packages packages, $(cat "$work/seconds") s, $(cat "$work/memory") MB of memory"
"$minimirror" plan "$work/definition" --output "docker://$registry/bench/mirror:1" --rate 10M
seconds peak "$minimirror" build "$work/definition" --output "docker://$registry/bench/mirror:1" >"$work/memory"
digest=$(grep -oE 'sha256:[0-9a-f]{64}' "$work/out" | tail -n 1)
echo "build into the registry, with all fetched: $(cat "$work/seconds") s, $(cat "$work/memory") MB of memory; cache $(du -sm "$work/cache" | cut -f1) MB"
seconds peak "$minimirror" build "$work/definition" --output "docker://$registry/bench/mirror:1" >"$work/memory"
echo "again, nothing new: $(cat "$work/seconds") s, $(cat "$work/memory") MB"
"$minimirror" build "$work/definition" --output "oci:$work/image" >/dev/null 2>&1
kill "${pids[0]}"

python3 - "$work/definition/mirror.lock" >"$work/list" <<'END'
import json, sys
for item in json.load(open(sys.argv[1]))["items"]:
    for file in item["files"]:
        print(file["sha256"], file["size"], file["path"])
END
[ "$(wc -l <"$work/list")" = "$packages" ] || { head -c 1000 "$work/definition/mirror.lock" >&2; exit 1; }
grep /large- "$work/list" >"$work/large"
total=$(awk '{ n += $2 } END { print n }' "$work/list")

start_server() { # NAME ARGUMENT…
	local log=$work/$1.log
	shift
	"$minimirror" serve "$@" --audit none --listen 127.0.0.1:0 >"$log" 2>&1 &
	server=$!
	pids+=($!)
	await "$log" 'listening on'
	url=$(sed -n 's/^listening on //p' "$log")/bench
}
memory() { awk '/VmHWM/ { print int($2 / 1000) }' "/proc/$server/status"; }
cpu() { awk '{ print ($14 + $15) * 10 }' "/proc/$1/stat"; } # PID: ms of the processors, at 100 ticks a second
stop() { kill "$server"; wait "$server" || true; }

# CPU time changes less with what else the machine does than wall time does.
echo "90 kB files, $clients clients:"
rate() { sed -E 's/.*: ([0-9.]+) MB\/s/\1/' <<<"$1"; }
each() { awk -v ms="$1" -v n="${2%% *}" 'BEGIN { printf "%.2f", ms / n }'; } # MS RESULT: ms of the processors for a request
for round in 1 2 3; do
	sync
	start_server "local-$round" --image "oci:$work/image"
	at=$(cpu "$server")
	once=$("$work/load" "$url" "$work/large" $clients 0)
	local=$("$work/load" "$url" "$work/large" $clients 4)
	local_cpu=$(each $(($(cpu "$server") - at)) "$(($(cut -d' ' -f1 <<<"$local") + 1000)) ")
	stop
	rm -rf "$work/warm"
	start_server "cold-$round" --image "docker://$registry/bench/mirror@$digest" --cache "$work/warm" --cache-size 1G
	at=$(cpu "$server") of_registry=$(cpu "$registry_pid")
	cold=$("$work/load" "$url" "$work/large" $clients 0)
	cold_cpu=$(each $(($(cpu "$server") - at)) "$cold") registry_cpu=$(each $(($(cpu "$registry_pid") - of_registry)) "$cold")
	at=$(cpu "$server")
	warm=$("$work/load" "$url" "$work/large" $clients 4)
	warm_cpu=$(each $(($(cpu "$server") - at)) "$warm")
	stop
	echo "  MB/s, each once: local $(rate "$once"), in place cold $(rate "$cold"), ratio $(ratio "$(rate "$cold")" "$(rate "$once")"); for 4 s: local $(rate "$local"), in place warm $(rate "$warm"), ratio $(ratio "$(rate "$warm")" "$(rate "$local")")"
	echo "  CPU ms a file: local $local_cpu, warm $warm_cpu, cold $cold_cpu and the registry $registry_cpu"
done

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
) &
pids+=($!)
for _ in $(seq 30); do
	sleep 1
	du -s --block-size=1 "$work/tenth/files" "$work/tenth/part" 2>/dev/null | awk '{ n += $1 } END { print n }'
done >"$work/sizes" &
pids+=($!)
trap 'kill "$(cat "$work/registry.pid")" 2>/dev/null || true; for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done; rm -rf --one-file-system "$work"' EXIT
code=0
"$work/load" "$url" "$work/list" $clients 30 verify || code=$?
echo "of $((total / 1000000)) MB, a cache of $((tenth / 1000000)) MB: at most $(sort -n "$work/sizes" | tail -n 1 | awk '{ printf "%.1f", $1 / 1e6 }') MB on the disk, $(memory) MB of memory"
exit $code
