#!/bin/sh
# usage: conformance.sh
#
# Prints the path of the conformance program of the OCI distribution specification, of the version that go.mod names: some 10 s the first time on a
# machine.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
. "$here/../once.sh"
version=$(sed -n 's/.*distribution-spec\/conformance \(v[^ ]*\).*/\1/p' "$here/go.mod")
build() { (cd "$here" && CGO_ENABLED=0 go build -trimpath -o "$1" github.com/opencontainers/distribution-spec/conformance); }
once "conformance-$version"
