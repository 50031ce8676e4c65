#!/bin/sh
# usage: buildkitd.sh
#
# Prints the path of a real buildkitd, of the version that go.mod beside this script names.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
. "$here/../once.sh"
version=$(sed -n 's/.*github.com\/moby\/buildkit \(v[^ ]*\).*/\1/p' "$here/go.mod")
build() { (cd "$here" && CGO_ENABLED=0 go build -trimpath -o "$1" github.com/moby/buildkit/cmd/buildkitd); }
once "buildkitd-$version"
