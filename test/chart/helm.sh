#!/bin/sh
# usage: helm.sh
#
# Prints the path of the real helm, of the version that go.mod beside this script names: about 2 minutes on 2 cores
# the first time on a machine.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
. "$here/../once.sh"
version=$(sed -n 's/.*helm\.sh\/helm\/v3 \(v[^ ]*\).*/\1/p' "$here/go.mod")
# client-go v0.37 speaks Kubernetes 1.37: what helm takes for the cluster's version where it asks none.
minor=$(sed -n 's/.*k8s\.io\/client-go v0\.\([0-9]*\)\..*/\1/p' "$here/go.mod")
build() {
	flags="-s -w -X helm.sh/helm/v3/internal/version.version=$version"
	for package in chartutil lint/rules; do
		flags="$flags -X helm.sh/helm/v3/pkg/$package.k8sVersionMajor=1 -X helm.sh/helm/v3/pkg/$package.k8sVersionMinor=$minor"
	done
	(cd "$here" && CGO_ENABLED=0 go build -ldflags "$flags" -o "$1" helm.sh/helm/v3/cmd/helm)
}
once "helm-$version"
