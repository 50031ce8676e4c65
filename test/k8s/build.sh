#!/bin/bash
# usage: build.sh
#
# Builds what a Kubernetes of the tests needs from the modules that go.mod and helm/go.mod pin, once per machine,
# and prints the folder: the programs, pause.tar (the image that holds a pod's namespaces) and helm.
# Nothing is built twice, and two who call at once build once. Needs Go, and the module proxy the first time.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/minimirror-test
programs="kube-apiserver kube-controller-manager kube-proxy kube-scheduler kubectl kubelet"
cd "$here"
version=$(sed -n 's/.*k8s\.io\/kubernetes \(v[0-9.]*\).*/\1/p' go.mod)
folder=$cache/kubernetes-$version
mkdir -p "$folder"
exec 9>"$cache/kubernetes.lock"
flock 9

# The pod network's own image: a static program that waits, in the format that containerd imports.
pause() {
	local made=$folder/pause.tmp
	rm -rf "$made"
	mkdir -p "$made/layer"
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o "$made/layer/pause" ./pause
	cp "$made/layer/pause" "$folder/pause"
	tar -C "$made/layer" --owner 0 --group 0 --mtime @0 -cf "$made/layer.tar" pause
	printf '{"architecture":"%s","os":"linux","config":{"Entrypoint":["/pause"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
		"$(go env GOARCH)" "$(sha256sum "$made/layer.tar" | cut -d' ' -f1)" >"$made/config.json"
	printf '[{"Config":"config.json","RepoTags":["minimirror.local/pause:1"],"Layers":["layer.tar"]}]' >"$made/manifest.json"
	tar -C "$made" -cf "$folder/pause.tar.tmp" manifest.json config.json layer.tar
	mv "$folder/pause.tar.tmp" "$folder/pause.tar"
	rm -rf "$made"
}

missing=()
for program in $programs; do
	[ -x "$folder/$program" ] || missing+=("k8s.io/kubernetes/cmd/$program")
done
if [ ${#missing[@]} -gt 0 ]; then
	echo "k8s: building Kubernetes $version in $folder, once per machine: some 5 minutes on 2 cores" >&2
	rm -rf "$folder/new"
	IFS=. read -r major minor _ <<<"${version#v}"
	in=k8s.io/component-base/version
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X $in.gitVersion=$version -X $in.gitMajor=$major -X $in.gitMinor=$minor" -o "$folder/new/" "${missing[@]}" >&2
	mv "$folder/new/"* "$folder/"
	rmdir "$folder/new"
	echo "k8s: built in $SECONDS s" >&2
fi
[ pause/main.go -ot "$folder/pause.tar" ] || pause
echo "$folder"
