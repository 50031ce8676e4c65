#!/bin/bash
# The whole way as an ordinary user without Docker: lock, build, serve, and apt
# fetches. Then again where user namespaces and mounts are forbidden, as in an
# unprivileged CI container. And the disk that it takes.
. "$(dirname "$0")/lib.sh"
need setpriv unshare curl apt-get

# whole_way UID runs everything as $as, below the user's home.
whole_way() {
	local home=$work/home-$1
	mkdir -p "$home/tmp"
	cp -r "$repo/images" "$home/"
	rm -f "$home/images/docker/mirror.lock"
	[ "$(id -u)" != 0 ] || chown -R "$1:$1" "$home"
	as+=("TMPDIR=$home/tmp")
	"${as[@]}" "$MINIMIRROR" lock "$home/images/docker"
	"${as[@]}" "$MINIMIRROR" build "$home/images/docker" --output "oci:$home/out/docker"
	[ -z "$(ls -A "$home/tmp")" ] || die "files are left in TMPDIR: $(ls -A "$home/tmp")"
	disk "$home"

	serve_as=("${as[@]}") apt_as=("${as[@]}")
	start_server --image "oci:$home/out/docker"
	apt_client "$home/apt"
	[ "$(id -u)" != 0 ] || chown -R "$1:$1" "$home/apt"
	apt_in "$home/apt" apt-get -qq --error-on=any update
	apt_in "$home/apt" apt-get -qq --yes --download-only install docker.io
	say "apt fetched $(find "$home/apt/cache/archives" -name '*.deb' | wc -l) packages"
	end "$server"
}

# disk HOME compares what the program keeps with what the issue allows.
disk() {
	local debs image used
	debs=$(sed -n '/^  "items"/,$p' "$1/images/docker/mirror.lock" | grep -Eo '"size": *[0-9]+' | awk -F: '{n += $2} END {print n}')
	image=$(du -s -B1 "$1/out/docker" | cut -f1)
	used=$(du -s -B1 "$1" | cut -f1)
	say "disk: $used bytes; packages $debs, image $image, limit $((debs + image * 11 / 10))"
	[ "$used" -le $((debs + image * 11 / 10)) ] || { du -a -B1 "$1" | sort -rn | sed 30q >&2; die "too much disk"; }
}

me=$(id -u) other=$(id -u)
[ "$me" != 0 ] || me=2003 other=2004
say "as user $me"
become "$me"
whole_way "$me"

say "as user $other, without user namespaces and mounts"
rm -rf --one-file-system "$work/home-$me"
become "$other"
settings=("${as[@]: -4}")
# In a user namespace whose own limit is zero, all privilege dropped for good.
# shellcheck disable=SC2016
as=("${as[@]}" "$(command -v unshare)" --user --map-current-user --keep-caps /bin/sh -ec '
	echo 0 >/proc/sys/user/max_user_namespaces
	exec "$@"' sh "$(command -v setpriv)" --no-new-privs --ambient-caps=-all --inh-caps=-all --bounding-set=-all
	"$(command -v env)" "${settings[@]}")
! "${as[@]}" /usr/bin/unshare --user /bin/true 2>/dev/null || die "a user namespace could be made"
! "${as[@]}" /usr/bin/unshare --mount /bin/true 2>/dev/null || die "a mount namespace could be made"
! "${as[@]}" /bin/mount -t tmpfs none /mnt 2>/dev/null || die "a mount could be made"
whole_way "$other"
