#!/bin/sh
# usage: buildkitd.sh [buildctl]
#
# Prints the path of a real buildkitd, or of its client, of the version that go.mod beside this script names.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
. "$here/../once.sh"
program=${1:-buildkitd}
version=$(sed -n 's/.*github.com\/moby\/buildkit \(v[^ ]*\).*/\1/p' "$here/go.mod")
build() { (cd "$here" && CGO_ENABLED=0 go build -trimpath -o "$1" "github.com/moby/buildkit/cmd/$program"); }
once "$program-$version"
