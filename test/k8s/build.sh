#!/bin/bash
# usage: build.sh
#
# Prints a folder with what a Kubernetes of the tests needs, built from the modules that go.mod pins: the programs, and
# pause.tar, the image that holds a pod's namespaces. The first time on a machine it takes some 5 minutes on 2 cores.
set -euo pipefail
cd "$(dirname "$0")"
. ../once.sh
version=$(sed -n 's/.*k8s\.io\/kubernetes \(v[0-9.]*\).*/\1/p' go.mod)

build() {
	local programs=(kube-apiserver kube-controller-manager kube-proxy kube-scheduler kubectl kubelet) major minor in=k8s.io/component-base/version
	IFS=. read -r major minor _ <<<"${version#v}"
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X $in.gitVersion=$version -X $in.gitMajor=$major -X $in.gitMinor=$minor" -o "$1/" "${programs[@]/#/k8s.io/kubernetes/cmd/}"
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o "$1/pause" ./pause
	pause "$1"
}

# pause FOLDER packs the static program that waits as an image, in the format that containerd imports.
pause() {
	local made=$1/pause.tmp
	mkdir -p "$made"
	tar -C "$1" --owner 0 --group 0 --mtime @0 -cf "$made/layer.tar" pause
	printf '{"architecture":"%s","os":"linux","config":{"Entrypoint":["/pause"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
		"$(go env GOARCH)" "$(sha256sum "$made/layer.tar" | cut -d' ' -f1)" >"$made/config.json"
	printf '[{"Config":"config.json","RepoTags":["minimirror.local/pause:1"],"Layers":["layer.tar"]}]' >"$made/manifest.json"
	tar -C "$made" -cf "$1/pause.tar" manifest.json config.json layer.tar
	rm -r "$made"
}
once "kubernetes-$version-$(sha256sum pause/main.go build.sh | sha256sum | cut -c -8)"
