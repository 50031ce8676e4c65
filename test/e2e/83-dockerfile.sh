#!/bin/bash
# The real buildkitd builds the Dockerfile. Its base image is made from this machine's Go and given as a named context; modules come from
# the folder that Go keeps them in, and what is compiled already is not compiled again. The program in the image is the one of
# "make build", and serves.
. "$(dirname "$0")/lib.sh"
need go runc skopeo jq unshare pgrep
need_root_or_die "buildkitd"

say "the base image"
layout=$mine/golang
blobs=$layout/blobs/sha256
mkdir -p "$blobs" "$mine/rest/bin" "$mine/rest/etc/ssl/certs" "$mine/rest/tmp"
chmod 1777 "$mine/rest/tmp"
echo 'root:x:0:0:root:/root:/bin/sh' >"$mine/rest/etc/passwd" # Go's cache is below his home
cp /etc/ssl/certs/ca-certificates.crt "$mine/rest/etc/ssl/certs/"
cp /bin/sh "$mine/rest/bin/"
ldd /bin/sh | grep -Eo '/[^ ]+' | while read -r library; do install -D "$library" "$mine/rest$library"; done
go_env() { "${as_caller[@]}" go env "$1"; }
goroot=$(go_env GOROOT) gocache=$(go_env GOCACHE) modules=$(go_env GOMODCACHE)/cache/download
mkdir -p "$mine/rest/usr/local/go"
{ grep -Ev '^(GOPROXY|GOSUMDB)=' "$goroot/go.env" || true; printf 'GOPROXY=file:///modules\nGOSUMDB=off\n'; } >"$mine/rest/usr/local/go/go.env"

# Of the modules, those that go.sum names.
(cd "$repo" && "${as_caller[@]}" go mod download)
awk '{ mod = sub("/go.mod$", "", $2); print $1 "/@v/" $2 (mod ? ".mod" : ".zip") "\n" $1 "/@v/" $2 ".info" }' "$repo/go.sum" |
	sed 's/[A-Z]/!\L&/g' | sort -u | while read -r file; do [ ! -e "$modules/$file" ] || echo "$file"; done >"$mine/modules"

# Of Go's cache, the packages of the program: the compiled files, and the entries that lead to them.
(cd "$repo" && "${as_caller[@]}" CGO_ENABLED=0 go list -trimpath -export -deps -f '{{.Export}}' ./cmd/minimirror) | sed -n "s|^$gocache/||p" | sort -u >"$mine/compiled"
sed 's|.*/||; s/-d$//' "$mine/compiled" >"$mine/outputs"
[ -s "$mine/outputs" ] || die "Go's cache has no package of the program"
# Other programs may trim the cache meanwhile: what is missing then is compiled again.
(cd "$gocache" && { grep -rlsF --include='*-a' -f "$mine/outputs" . || true; } | sed 's|^\./||') >"$mine/entries"
[ -s "$mine/entries" ] || die "no entry of Go's cache leads to a package of the program"
cat "$mine/entries" >>"$mine/compiled"

layer=$mine/layer.tar
tar -cf "$layer" -C "$mine/rest" .
tar -rf "$layer" --transform 's|^|usr/local/go/|' -C "$goroot" bin pkg src lib VERSION
tar -rf "$layer" --transform 's|^|modules/|' -C "$modules" -T "$mine/modules"
tar -rf "$layer" --transform 's|^|root/.cache/go-build/|' -C "$gocache" -T "$mine/compiled"
# blob FILE moves a file among the blobs, and prints its descriptor without a type.
blob() {
	local digest
	digest=$(sha256sum <"$1" | cut -d' ' -f1)
	jq -n --arg digest "sha256:$digest" --argjson size "$(stat -c %s "$1")" '{$digest, $size}'
	mv "$1" "$blobs/$digest"
}
layer=$(blob "$layer")
architecture=$("${as_caller[@]}" go env GOARCH)
jq -n --arg architecture "$architecture" --argjson layer "$layer" '{$architecture, os: "linux", rootfs: {type: "layers", diff_ids: [$layer.digest]},
	config: {Env: ["PATH=/go/bin:/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "GOPATH=/go"]}}' >"$mine/config"
config=$(blob "$mine/config")
jq -n --argjson config "$config" --argjson layer "$layer" '{schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json",
	config: ($config + {mediaType: "application/vnd.oci.image.config.v1+json"}), layers: [$layer + {mediaType: "application/vnd.oci.image.layer.v1.tar"}]}' >"$mine/manifest"
manifest=$(blob "$mine/manifest")
jq -n --argjson manifest "$manifest" '{schemaVersion: 2, manifests: [$manifest + {mediaType: "application/vnd.oci.image.manifest.v1+json"}]}' >"$layout/index.json"
echo '{"imageLayoutVersion": "1.0.0"}' >"$layout/oci-layout"
say "$(du -sm "$layout" | cut -f1) MB"

say "buildkitd builds the Dockerfile"
daemon=$("${as_caller[@]}" "$repo/test/buildkitd/up" "$mine/buildkitd" overlayfs)
end_daemon() { kill "$daemon" && eventually eval '! kill -0 "$daemon"'; } # no child of the script's
defer end_daemon
buildctl=$("${as_caller[@]}" "$repo/test/buildkitd/buildkitd.sh" buildctl)
read -r _ version _ < <("$MINIMIRROR" version)
"$buildctl" --addr "unix://$mine/buildkitd/buildkitd.sock" build --progress plain --frontend dockerfile.v0 --local "context=$repo" --local "dockerfile=$repo" \
	--oci-layout "golang=$layout" --opt "context:golang:1.26=oci-layout://golang@$(jq -r .digest <<<"$manifest")" --opt "build-arg:VERSION=$version" \
	--output "type=oci,tar=false,dest=$mine/image,name=minimirror:test" >"$mine/build.log" 2>&1 || { tail -n 50 "$mine/build.log" >&2; die "buildctl build"; }

say "the image"
[ "$(skopeo inspect --config "oci:$mine/image" | jq -c '[.config.User, .config.Entrypoint, (.config.ExposedPorts | keys)]')" = '["65532:65532",["/minimirror"],["8080/tcp"]]' ] ||
	die "its configuration is $(skopeo inspect --config "oci:$mine/image")"
mkdir "$mine/root"
for blob in $(skopeo inspect --format '{{range .Layers}}{{.}} {{end}}' "oci:$mine/image"); do
	tar -C "$mine/root" --no-same-owner -xf "$mine/image/blobs/${blob/://}"
done
[ "$(cd "$mine/root" && find . -type f | sort | xargs)" = "./etc/ssl/certs/ca-certificates.crt ./minimirror" ] || die "it holds $(cd "$mine/root" && find . -type f)"
made=$(chroot --userspec=65532:65532 "$mine/root" /minimirror version)
[ "$made" = "minimirror $version $("${as_caller[@]}" go env GOVERSION) linux/$architecture" ] || die "it says: $made"
cmp "$mine/root/minimirror" "$MINIMIRROR" || die "the program is not the one of make build"

say "it serves, as its user in a read-only root"
small_definition served
"$MINIMIRROR" build "$definition" --output "oci:$mine/root/image"
chmod -R a+rX "$mine/root/image"
# shellcheck disable=SC2016,SC2034
serve_as=(env -i "ROOT=$mine/root" PATH=/usr/sbin:/usr/bin:/sbin:/bin unshare --mount --propagation private sh -ec '
	mount --bind "$ROOT" "$ROOT"
	mount -o remount,bind,ro "$ROOT"
	shift
	exec chroot --userspec=65532:65532 "$ROOT" /minimirror "$@"' sh)
fetches_from oci:/image app
