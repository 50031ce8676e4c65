#!/bin/bash
# The real archive, the whole way: images/docker locked, built and served; apt
# updates and installs docker.io from it into a bare root, trusting only our
# key, in a network namespace without any route; the installed dockerd answers.
. "$(dirname "$0")/lib.sh"
need curl
need_root_or_die "a root file system"

say "lock and build images/docker"
cp -r "$repo/images" "$mine/"
rm -f "$mine/images/docker/mirror.lock"
"$MINIMIRROR" lock "$mine/images/docker"
"$MINIMIRROR" build "$mine/images/docker" --output "oci:$mine/image"

bare_root "$mine/root"
[ ! -e "$mine/root/usr/sbin/dockerd" ] || die "the bare root is not bare"
netns_up docker
start_server --image "oci:$mine/image"

say "install docker.io"
get "$url/minimirror.sources" >"$mine/root/etc/apt/sources.list.d/minimirror.sources"
check_sources "$mine/root/etc/apt/sources.list.d/minimirror.sources"
in_root "$mine/root" apt-get --quiet --error-on=any update
in_root "$mine/root" apt-get --quiet --quiet --yes install docker.io >"$mine/install.log" 2>&1 ||
	{ cat "$mine/install.log" >&2; die "apt-get install docker.io"; }

version=$(in_root "$mine/root" dockerd --version)
case $version in "Docker version "*) say "$version" ;; *) die "dockerd --version: $version" ;; esac
audit=$(in_root "$mine/root" dpkg --audit)
[ -z "$audit" ] || die "dpkg --audit: $audit"
