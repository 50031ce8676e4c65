#!/bin/bash
# Archives as other people's tools write and compress them: the same packages come out of each. What cannot
# be read says what to do. (Docker's, containerd's and podman's own are read in 95-genesis and 96-runtimes.)
. "$(dirname "$0")/lib.sh"
need skopeo gzip zstd xz bzip2 lz4

cd "$mine"
small_definition tiny
"$MINIMIRROR" build "$definition" --output "oci:$mine/ours"
carries "oci:$mine/ours" app

say "skopeo finds the image by no name, and by its own"
one_name ours
skopeo copy --quiet "oci:$mine/ours" "oci:$mine/by-none"
skopeo copy --quiet "oci:$mine/ours:$name" "oci:$mine/by-name"
carries "oci:$mine/ours:$name" app
"$MINIMIRROR" build "$definition" --output archive.tar
for tag in "$name" "${name%:*}:latest" "${name%:*}"; do
	skopeo copy --quiet "docker-archive:$mine/archive.tar:$tag" "oci:$mine/by-tag"
	carries "docker-archive:archive.tar:$tag" app
done
carries archive.tar app

say "skopeo"
skopeo copy --quiet "oci:$mine/ours" "docker-archive:$mine/docker.tar:site/tiny:1"
skopeo copy --quiet "oci:$mine/ours" "docker-archive:$mine/nameless.tar"
skopeo copy --quiet "oci:$mine/ours" "oci-archive:$mine/oci.tar"
skopeo copy --quiet "oci:$mine/ours" "oci-archive:$mine/named.tar:site/tiny:1"
skopeo copy --quiet --dest-compress-format zstd "oci:$mine/ours" "oci:$mine/zstd"
skopeo copy --quiet --format v2s2 "oci:$mine/ours" "oci:$mine/v2s2"
cp docker.tar oci # a file that is called as a transport is
for ref in "docker-archive:$mine/docker.tar" "$mine/docker.tar" docker.tar oci ours oci:ours zstd "docker-archive:$mine/docker.tar:site/tiny:1" "docker-archive:$mine/nameless.tar" "oci-archive:$mine/oci.tar" \
	"oci-archive:$mine/named.tar:site/tiny:1" "$mine/named.tar" "oci:$mine/zstd" "oci:$mine/v2s2"; do
	carries "$ref" app
done

say "compressed"
for tool in "gzip -1" "zstd -1" "xz -0" "bzip2 -1"; do
	$tool <"$mine/docker.tar" >"$mine/docker.tar.${tool%% *}"
	$tool <"$mine/oci.tar" >"$mine/oci.tar.${tool%% *}"
	carries "docker-archive:$mine/docker.tar.${tool%% *}" app
	carries "$mine/oci.tar.${tool%% *}" app
	carries - app <"$mine/docker.tar.${tool%% *}"
	cat "$mine/oci.tar.${tool%% *}" | carries - app
done

# refused HINT REF wants that an image is refused, with a hint.
refused() {
	! "$MINIMIRROR" bootstrap --image "$2" --set app --architecture amd64 --to "$mine/refused" >"$mine/refused.log" 2>&1 || die "$2 is read"
	grep -Eq -- "^hint: .*$1" "$mine/refused.log" || { cat "$mine/refused.log" >&2; die "$2: no hint \"$1\""; }
	[ ! -e "$mine/refused" ] || die "$2: it extracted something"
	say "$2: $(tail -n 1 "$mine/refused.log")"
}
say "what cannot be read"
lz4 -1 -q <"$mine/docker.tar" >"$mine/docker.tar.lz4"
refused "lz4 -d" "docker-archive:$mine/docker.tar.lz4"
skopeo copy --quiet "oci:$mine/ours" "dir:$mine/dir"
refused 'skopeo copy' "$mine/dir"
refused 'skopeo copy' "oci:$mine/dir"

skopeo copy --quiet --additional-tag site/tiny:2 "oci:$mine/ours" "docker-archive:$mine/several.tar:site/tiny:1"
carries "docker-archive:$mine/several.tar:site/tiny:2" app
refused 'docker-archive:' "oci-archive:$mine/docker.tar"
refused 'oci-archive:' "docker-archive:$mine/oci.tar"
refused 'oci-archive:|docker-archive:' "oci:$mine/docker.tar"
refused 'oci:' "oci-archive:$mine/ours"
refused 'oci:' "docker-archive:$mine/ours"
