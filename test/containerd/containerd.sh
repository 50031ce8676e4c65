#!/bin/sh
# usage: containerd.sh
#
# Prints a folder with containerd, ctr and crictl, of the versions that go.mod names: some 4 minutes of processor time the first time on a machine.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
. "$here/../once.sh"
version=$(sed -n 's/.*containerd\/containerd\/v2 \(v[^ ]*\).*/\1/p' "$here/go.mod")
build() {
	mkdir "$1"
	(cd "$here" && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X github.com/containerd/containerd/v2/version.Version=${version#v}" -o "$1/" \
		github.com/containerd/containerd/v2/cmd/containerd github.com/containerd/containerd/v2/cmd/ctr sigs.k8s.io/cri-tools/cmd/crictl)
}
once "containerd-$version"
