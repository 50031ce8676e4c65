#!/bin/sh
# Loads the images of TITLE into the container runtimes of this machine, containerd, Docker and podman:
#	sh install.sh [--from FOLDER] [--no-start]
# Needs root, tar and sha256sum. Run it again after a failure: images that a runtime has are left out.
set -eu
began=$(pwd)
cd "$(dirname "$0")"
die() { echo "install.sh: $*" >&2; exit 1; }
from=$(pwd) start=yes
while [ $# -gt 0 ]; do
	case $1 in
	--no-start) start= ;;
	--from)
		[ $# -gt 1 ] || die "--from FOLDER"
		case $2 in /*) from=$2 ;; *) from=$began/$2 ;; esac
		shift ;;
	*) die "usage: sh install.sh [--from FOLDER] [--no-start]" ;;
	esac
	shift
done

# What this machine runs, the best first.
case $(uname -m) in
x86_64) platforms="linux/amd64 linux/386" ;;
i?86) platforms="linux/386" ;;
aarch64) platforms="linux/arm64/v8 linux/arm64 linux/arm/v8 linux/arm/v7 linux/arm linux/arm/v6 linux/arm/v5" ;;
armv7l | armv8l) platforms="linux/arm/v7 linux/arm linux/arm/v6 linux/arm/v5" ;;
armv6l) platforms="linux/arm/v6 linux/arm/v5" ;;
loongarch64) platforms="linux/loong64" ;;
*) platforms="linux/$(uname -m)" ;;
esac

# The runtimes that pods and containers may run in. Docker has a containerd of its own, in which only a kubelet would look for images.
have() { command -v "$1" >/dev/null 2>&1; }
runtimes=
if have ctr && have containerd; then
	if ! have dockerd || have kubelet; then runtimes=containerd; fi
fi
if have dockerd && have docker; then runtimes="$runtimes docker"; fi
if have podman; then runtimes="$runtimes podman"; fi
[ -n "$runtimes" ] || die "no container runtime is installed: neither containerd nor Docker nor podman"
ctr="ctr --connect-timeout 5s --namespace k8s.io"
for runtime in $runtimes; do
	case $runtime in
	containerd) answer=$($ctr version 2>&1) ;;
	docker) answer=$(docker version 2>&1) ;;
	podman) : ;;
	esac && continue
	if [ -z "$start" ]; then
		echo "install.sh: $runtime is not started: no images are loaded; start it, and run this again"
		exit 0
	fi
	die "$runtime does not answer: $answer
hint: start it, for example: systemctl start $runtime; then run this again"
done

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
find "$from" -type f >"$dir/files"

# image NAMES PLATFORM DIGEST TYPE SIZE CONFIG MANIFEST: standard input lists the files, a digest and a SHA-256 each. They are found by their
# names, and count by their SHA-256.
image() {
	names=$1 platform=$2 digest=$3 type=$4 size=$5 config=$6 manifest=$7
	name=${names%% *} tag=
	case $name in *@*) ;; *) tag=$name ;; esac
	cat >"$dir/list"
	for runtime in $runtimes; do
		if "has_$runtime"; then continue; fi
		[ -d "$dir/layout" ] || layout
		"load_$runtime" >"$dir/log" 2>&1 || { cat "$dir/log" >&2; die "$runtime does not load $name"; }
		echo "install.sh: $runtime has $name"
	done
	rm -rf "$dir/layout"
}

# layout makes an OCI layout of links.
layout() {
	while read -r blob sum; do
		file=$dir/layout/blobs/${blob%%:*}/${blob#*:}
		mkdir -p "${file%/*}"
		grep "/${blob#*:}\$" "$dir/files" | while IFS= read -r found; do
			[ -e "$file" ] || [ "$(sha256sum <"$found")" != "$sum  -" ] || ln -s "$found" "$file"
		done
		[ -e "$file" ] || die "$name: the file ${blob#*:} with the SHA-256 $sum is not below $from"
	done <"$dir/list"
	printf '{"imageLayoutVersion":"1.0.0"}' >"$dir/layout/oci-layout"
	# Docker before version 25 reads manifest.json, which lists a layer as often as the manifest does.
	layers=$(tr ',{}[]' '\n\n\n\n\n' <"$dir/layout/blobs/${manifest%%:*}/${manifest#*:}" |
		sed -n 's/.*"digest"[[:space:]]*:[[:space:]]*"\([0-9a-z]*:[0-9a-f]*\)".*/\1/p' | while read -r blob; do
		[ "$blob" = "$config" ] || ! grep -q "^$blob " "$dir/list" || printf ',"blobs/%s/%s"' "${blob%%:*}" "${blob#*:}"
	done)
	printf '[{"Config":"blobs/%s/%s","RepoTags":[%s],"Layers":[%s]}]' "${config%%:*}" "${config#*:}" "${tag:+\"$tag\"}" "${layers#,}" >"$dir/layout/manifest.json"
}

# archive NAME… writes an OCI archive in which the image has the names.
archive() {
	entries=
	for one; do
		entries="$entries${entries:+,}{\"mediaType\":\"$type\",\"digest\":\"$digest\",\"size\":$size,\"annotations\":{\"io.containerd.image.name\":\"$one\"}}"
	done
	printf '{"schemaVersion":2,"manifests":[%s]}' "$entries" >"$dir/layout/index.json"
	tar -C "$dir/layout" -chf - oci-layout index.json manifest.json blobs
}

# A kubelet asks for images by tag and by digest; the label keeps them from being removed.
has_containerd() {
	for one in $names; do
		$ctr images ls "name==\"$one\"" | grep -F "$digest" | grep -q 'io.cri-containerd.pinned=pinned' || return 1
		$ctr images check "name==\"$one\"" | grep -q ' complete ' || return 1
	done
}
load_containerd() {
	# shellcheck disable=SC2086
	archive $names | $ctr images import --platform "$platform" - || return 1
	for one in $names; do $ctr images label "$one" io.cri-containerd.pinned=pinned || return 1; done
}

# is_there PROGRAM reports whether it has the image by its tag, or by its configuration.
is_there() {
	id=$("$1" image inspect --format '{{.Id}}' "${tag:-$config}" 2>/dev/null) || return 1
	case " $config $manifest $digest " in *":${id#*:} "*) ;; *) return 1 ;; esac
}
has_docker() { is_there docker; }
load_docker() {
	# shellcheck disable=SC2086
	archive $names | docker load
}
has_podman() { is_there podman; }
load_podman() { archive "$name" | podman load; }
