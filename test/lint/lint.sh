#!/bin/sh
# usage: lint.sh
#
# Runs golangci-lint, of the version that go.mod beside this script names, over the program: a few minutes of processor
# time to build it the first time on a machine, one to read the code, and seconds when nothing has changed.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
. "$here/../once.sh"
version=$(sed -n 's/.*golangci\/golangci-lint\/v2 \(v[^ ]*\).*/\1/p' "$here/go.mod" | head -n 1)
build() { (cd "$here" && CGO_ENABLED=0 go build -trimpath -o "$1" github.com/golangci/golangci-lint/v2/cmd/golangci-lint); }
lint=$(once "golangci-lint-$version")
cd "$here/../.."
"$lint" run --allow-parallel-runners ./...
