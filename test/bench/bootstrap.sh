#!/bin/bash
# The packages of a set out of a local image of 1 GB: bootstrap --to, against cat (which verifies nothing), sha256sum
# after cat, docker load and docker cp, and skopeo copy and umoci unpack. The set has as many packages as
# Docker's, of the same sizes; all run alternately. Then the same image in Debian's registry: the bytes that are read.
# RUNS=9 takes more runs.
. "$(dirname "$0")/../e2e/lib.sh"
need go skopeo umoci curl
need_root_or_die "dockerd"
runs=${RUNS:-5}

say "a node with Docker, for its own way"
bare_root "$mine/node"
definition docker <<-END
	debian:
	  sources: host
	  packages: [docker.io]
	sets:
	  docker: { debian: [docker.io, iptables] }
END
"$MINIMIRROR" build "$definition" --output "docker-archive:$mine/docker.tar" >/dev/null 2>&1
"$MINIMIRROR" bootstrap --image "docker-archive:$mine/docker.tar" --set docker --root "$mine/node" --install --no-start >/dev/null 2>&1
"$MINIMIRROR" bootstrap --image "docker-archive:$mine/docker.tar" --set docker --architecture amd64 --to "$mine/sizes" >/dev/null 2>&1

say "an image of 1 GB with a set of the same sizes"
{
	printf 'Suite: bench\n'
	n=0
	for file in "$mine/sizes"/*.deb; do printf '\nPackage: set-%03d\nArchitecture: amd64\nFiller: %s\n' "$((++n))" "$(stat -c %s "$file")"; done
	for i in $(seq 100); do printf '\nPackage: other-%03d\nArchitecture: amd64\nFiller: 9500000\n' "$i"; done
} >"$mine/archive"
made_up_archive <"$mine/archive"
definition bench <<-END
	debian:
	  sources:
	    - { name: test, urls: [$archive], suites: [bench], components: [main], architectures: [amd64], signed-by: $mine/keys/archive.asc }
	  packages: all
	sets:
	  docker: { debian: ["set-*"] }
END
"$MINIMIRROR" build "$definition" --output "docker-archive:$mine/image.tar:site/bench:1" >/dev/null 2>&1
mkdir "$mine/set"
"$MINIMIRROR" bootstrap --image "docker-archive:$mine/image.tar" --set docker --architecture amd64 --to "$mine/out" >/dev/null 2>&1
mv "$mine/out"/*.deb "$mine/set/"

netns_up bench
node_up "$mine/node"
"${node_enter[@]}" dockerd --data-root /var/lib/docker --exec-root /run/docker --pidfile /run/docker.pid -H unix:///var/run/docker.sock >"$mine/dockerd.log" 2>&1 &
dockerd=$!
defer end "$dockerd"
await "$dockerd" "$mine/dockerd.log" 'API listen on'
ln "$mine/image.tar" "$mine/node/image.tar"

# The ways. Each leaves the packages in $mine/out.
ours() { /usr/bin/time -f %M -o "$mine/memory-ours" "$MINIMIRROR" bootstrap --image "docker-archive:$mine/image.tar" --set docker --architecture amd64 --to "$mine/out"; }
cat_one() { cat "$mine/set"/* >"$mine/out/all"; }
cat_each() { for file in "$mine/set"/*; do cat "$file" >"$mine/out/${file##*/}"; done; }
cat_and_verify() { cat_each && cd "$mine/out" && sha256sum ./* >/dev/null; }
docker_way() {
	on_node docker load --quiet --input /image.tar
	on_node docker create --name bench site/bench:1
	on_node docker cp bench:/mirror/test/pool /out
}
# umoci 0.4 reads compressed layers alone.
umoci_way() {
	/usr/bin/time -f %M -o "$mine/memory-skopeo" skopeo --insecure-policy copy --quiet "docker-archive:$mine/image.tar" "oci:$mine/layout:1"
	/usr/bin/time -f %M -o "$mine/memory-umoci" umoci raw unpack --image "$mine/layout:1" "$mine/out/root"
}
clean() {
	on_node sh -c 'docker rm bench; docker rmi site/bench:1' >/dev/null 2>&1 || true
	rm -rf "$mine/out" "$mine/layout" "$mine/node/out"
	mkdir "$mine/out"
}

say "$runs runs of each, in turn"
ways="ours cat_one cat_each cat_and_verify docker_way umoci_way"
for ((i = 0; i < runs; i++)); do
	for way in $ways; do
		clean
		start=${EPOCHREALTIME/./}
		("$way") >"$mine/said" 2>&1 || { cat "$mine/said" >&2; die "$way"; }
		echo $(((${EPOCHREALTIME/./} - start) / 1000)) >>"$mine/times-$way"
	done
done
clean
median() { sort -n "$mine/times-$1" | sed -n "$(((runs + 1) / 2))p"; }
memory() { awk '{ n = $1 > n ? $1 : n } END { print int(n / 1000) }' "$@"; }
line() { awk -v what="$1" -v t="$(median "$2")" -v ours="$(median ours)" -v more="$3" 'BEGIN { printf "%s: %d ms%s; ratio %.2f\n", what, t, more, ours / t }'; }
echo "$(find "$mine/set" -type f | wc -l) packages, $(($(cat "$mine/set"/* | wc -c) / 1000000)) MB, out of an image of $(($(stat -c %s "$mine/image.tar") / 1000000)) MB; medians of $runs runs"
echo "bootstrap --to: $(median ours) ms, peak memory $(memory "$mine/memory-ours") MB"
line "cat into one file" cat_one ""
line "cat, one for each file" cat_each ""
line "the same and sha256sum" cat_and_verify ""
line "docker load, create and cp" docker_way ", dockerd $(awk '/VmHWM/ { print int($2 / 1000) }' "/proc/$(on_node cat /run/docker.pid)/status") MB"
line "skopeo copy and umoci unpack" umoci_way ", $(memory "$mine/memory-skopeo") and $(memory "$mine/memory-umoci") MB"
[ "$(memory "$mine/memory-ours")" -le 40 ] || die "more than 40 MB of memory"

inside=()
start_registry
"$MINIMIRROR" build "$definition" --output "docker://$registry/site/bench:1" >/dev/null 2>&1
go_program troubled ./test/e2e/troubled
for what in "--set docker" "--package other-050"; do
	rm -f "$mine/proxy.log"
	"$work/troubled" "http://$registry" none >"$mine/proxy.log" 2>&1 &
	proxy=$!
	defer end "$proxy"
	await "$proxy" "$mine/proxy.log" '^127.*'
	rm -rf "$mine/out"
	# shellcheck disable=SC2086
	/usr/bin/time -f %M -o "$mine/memory-registry" "$MINIMIRROR" bootstrap --image "docker://$said/site/bench:1" $what --architecture amd64 --to "$mine/out" >/dev/null 2>&1
	read_bytes=$(get "http://$said/sent" | cut -d' ' -f2) size=$(cat "$mine/out"/*.deb | wc -c)
	echo "from a registry, $what: $read_bytes bytes are read, $((read_bytes - size)) beside the packages, peak memory $(memory "$mine/memory-registry") MB"
	[ "$read_bytes" -le $((size * 102 / 100 + 256000)) ] || die "that is too much"
done
