#!/bin/sh
# usage: tools.sh crane|oras
#
# Prints the path of a program that pulls images, of the version that go.mod beside this script names: about a minute on 2 cores the first time on a
# machine.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
. "$here/../once.sh"
case $1 in
crane) module=github.com/google/go-containerregistry package=$module/cmd/crane ;;
oras) module=oras.land/oras package=$module/cmd/oras ;;
*) echo "usage: tools.sh crane|oras" >&2; exit 2 ;;
esac
version=$(sed -n "s#^[[:space:]]*$module \(v[^ ]*\).*#\1#p" "$here/go.mod")
build() { (cd "$here" && CGO_ENABLED=0 go build -ldflags "-s -w" -o "$1" "$package"); }
once "$1-$version"
