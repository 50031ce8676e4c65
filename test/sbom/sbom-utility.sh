#!/bin/sh
# usage: sbom-utility.sh
#
# Prints the path of OWASP's sbom-utility, of the version that go.mod names, which reads SBOMs without anything of ours: some 15 s the first
# time on a machine.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
. "$here/../once.sh"
version=$(sed -n 's/.*CycloneDX\/sbom-utility \(v[^ ]*\).*/\1/p' "$here/go.mod")
build() { (cd "$here" && CGO_ENABLED=0 go build -trimpath -o "$1" github.com/CycloneDX/sbom-utility); }
once "sbom-utility-$version"
