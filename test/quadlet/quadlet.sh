#!/bin/sh
# usage: quadlet.sh
#
# Prints the path of podman's generator of systemd units, of the version that go.mod names (Debian 13's; Debian 12's
# podman has none). It is built once per machine into ${XDG_CACHE_HOME:-$HOME/.cache}/minimirror-test: some 10 s.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/minimirror-test
version=$(sed -n 's/.*containers\/podman\/v5 \(v[^ ]*\).*/\1/p' "$here/go.mod")
program=$cache/quadlet-$version
if [ ! -x "$program" ]; then
	echo "quadlet: building it into $cache, once per machine" >&2
	mkdir -p "$cache"
	trap 'rm -f "$program.$$"' EXIT
	(cd "$here" && CGO_ENABLED=0 go build -trimpath -o "$program.$$" github.com/containers/podman/v5/cmd/quadlet) >&2
	mv "$program.$$" "$program"
fi
echo "$program"
