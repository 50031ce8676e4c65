#!/bin/sh
# usage: quadlet.sh
#
# Prints the path of podman's generator of systemd units, of the version that go.mod names (Debian 13's; Debian 12's
# podman has none): some 10 s the first time on a machine.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
. "$here/../once.sh"
version=$(sed -n 's/.*containers\/podman\/v5 \(v[^ ]*\).*/\1/p' "$here/go.mod")
build() { (cd "$here" && CGO_ENABLED=0 go build -trimpath -o "$1" github.com/containers/podman/v5/cmd/quadlet); }
once "quadlet-$version"
