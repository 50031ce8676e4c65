#!/bin/sh
# usage: helm.sh
#
# Prints the path of the real helm, of the version that go.mod beside this script names. It is built once per
# machine into ${XDG_CACHE_HOME:-$HOME/.cache}/minimirror-test: about 2 minutes on 2 cores.
set -eu

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/minimirror-test
version=$(sed -n 's/.*helm\.sh\/helm\/v3 \(v[^ ]*\).*/\1/p' "$here/go.mod")
# client-go v0.37 speaks Kubernetes 1.37: what helm takes for the cluster's version where it asks none.
minor=$(sed -n 's/.*k8s\.io\/client-go v0\.\([0-9]*\)\..*/\1/p' "$here/go.mod")
program=$cache/helm-$version

if [ ! -x "$program" ]; then
	echo "chart: building helm $version into $cache, once per machine: this takes about 2 minutes" >&2
	mkdir -p "$cache"
	trap 'rm -f "$program.$$"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	flags="-s -w -X helm.sh/helm/v3/internal/version.version=$version"
	for package in chartutil lint/rules; do
		flags="$flags -X helm.sh/helm/v3/pkg/$package.k8sVersionMajor=1 -X helm.sh/helm/v3/pkg/$package.k8sVersionMinor=$minor"
	done
	(cd "$here" && CGO_ENABLED=0 go build -ldflags "$flags" -o "$program.$$" helm.sh/helm/v3/cmd/helm) >&2
	mv "$program.$$" "$program"
fi
echo "$program"
