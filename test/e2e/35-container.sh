#!/bin/bash
# What a container runtime does with the image: its layers unpacked into a
# read-only root, its entrypoint run there as its numeric user, with nothing
# else: no writable place, no shell, no home, no /proc.
. "$(dirname "$0")/lib.sh"
need skopeo curl apt-get unshare pgrep

small_definition tiny
"$MINIMIRROR" build "$definition" --output "oci:$mine/image"

mkdir "$mine/root"
for layer in $(skopeo inspect --format '{{range .Layers}}{{.}} {{end}}' "oci:$mine/image"); do
	tar -C "$mine/root" --no-same-owner -xf "$mine/image/blobs/${layer/://}"
done
! grep -rlq 'PGP PRIVATE KEY' "$mine/root/mirror" || die "a private key is in the image"
user=$(skopeo inspect --config "oci:$mine/image" | tr -d ' \n' | grep -Eo '"User":"[^"]*"' | cut -d'"' -f4)
case $user in [1-9]*) ;; *) die "the image's user is \"$user\", want a number above 0" ;; esac

# Root takes the image's user; an ordinary user has only a namespace for it.
how=(--mount --propagation private) as=(chroot "--userspec=${user%%:*}:${user%%:*}")
[ "$(id -u)" = 0 ] || { how=(--user --map-root-user --mount); as=(chroot); }
# The program's name is what start_server adds first: the image has its own.
# shellcheck disable=SC2016,SC2034
serve_as=(env -i "ROOT=$mine/root" "AS=${as[*]}" PATH=/usr/sbin:/usr/bin:/sbin:/bin unshare "${how[@]}" sh -ec '
	mount --bind "$ROOT" "$ROOT"
	mount -o remount,bind,ro "$ROOT"
	shift
	exec $AS "$ROOT" /minimirror "$@"' sh)
say "an archive by its plain name, where there is no /proc"
"$MINIMIRROR" build "$definition" --output "$mine/image.tar"
mkdir "$mine/alone" "$mine/alone/tmp"
cp "$MINIMIRROR" "$mine/alone/minimirror"
cp "$mine/image.tar" "$mine/alone/docker"
gzip -1 <"$mine/image.tar" >"$mine/alone/packed"
in_alone() { TMPDIR=/tmp unshare "${how[@]}" "$(command -v chroot)" "$mine/alone" /minimirror "$@"; }
in_alone verify docker
in_alone verify --image packed
in_alone bootstrap packed --package app --architecture amd64 --to /taken
(cd "$mine/alone/taken" && sha256sum --quiet --check SHA256SUMS)
in_alone bootstrap - --list <"$mine/image.tar"
in_alone serve docker --listen 127.0.0.1:0 >"$mine/alone.log" 2>&1 &
alone=$!
defer end "$alone"
await "$alone" "$mine/alone.log" 'listening on'
url=http://$(grep -Eo '127\.0\.0\.1:[0-9]+' "$mine/alone.log" | head -n 1)
apt_client "$mine/apt-alone"
apt_in "$mine/apt-alone" apt-get -qq --error-on=any update
apt_in "$mine/apt-alone" apt-get -qq --yes --download-only install app
end "$alone"

say "the entrypoint, as user $user in a read-only root"
fetches_from "" app
