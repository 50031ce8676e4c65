#!/bin/bash
# Other people's tools and our image: skopeo inspects and copies it, a registry
# carries it without a change, and we serve what they have written.
. "$(dirname "$0")/lib.sh"
need skopeo curl apt-get

small_definition tiny
"$MINIMIRROR" lock "$definition"
for output in "oci:$mine/ours" "oci-archive:$mine/ours.oci.tar" "docker-archive:$mine/ours.docker.tar:site/tiny:1"; do
	say "build $output"
	"$MINIMIRROR" build "$definition" --output "$output"
done

say "skopeo inspects"
config=$(skopeo inspect --config "oci:$mine/ours")
for want in '"Entrypoint":\["/minimirror","serve"\]' '"8080/tcp"' '"architecture":"amd64"' '"User":"[1-9][0-9]*'; do
	tr -d ' \n' <<<"$config" | grep -Eq "$want" || die "the configuration lacks $want: $config"
done
skopeo inspect "oci:$mine/ours" >/dev/null
skopeo inspect "docker-archive:$mine/ours.docker.tar" >/dev/null
ours=$(digest "oci:$mine/ours")
[ "$(digest "oci-archive:$mine/ours.oci.tar")" = "$ours" ] || die "oci-archive: has another digest than oci:"

say "skopeo copies"
# skopeo compresses what it writes in the OCI layout, unless it is told to keep it as it is.
keep=(--preserve-digests --dest-oci-accept-uncompressed-layers)
skopeo copy --quiet "${keep[@]}" "oci:$mine/ours" "oci:$mine/theirs"
[ "$(digest "oci:$mine/theirs")" = "$ours" ] || die "a copy by skopeo has another digest"
skopeo copy --quiet "${keep[@]}" "oci:$mine/ours" "oci-archive:$mine/theirs.oci.tar"
skopeo copy --quiet "oci:$mine/ours" "docker-archive:$mine/theirs.docker.tar:site/tiny:1"
skopeo copy --quiet "docker-archive:$mine/ours.docker.tar" "oci:$mine/compressed"

say "push to a registry, and pull"
start_registry
"$MINIMIRROR" build "$definition" --output "docker://$registry/site/tiny:1"
[ "$(digest --tls-verify=false "docker://$registry/site/tiny:1")" = "$ours" ] || die "the registry has another digest than oci:"
skopeo copy --quiet "${keep[@]}" --src-tls-verify=false "docker://$registry/site/tiny:1" "oci:$mine/pulled"
[ "$(digest "oci:$mine/pulled")" = "$ours" ] || die "push and pull changed the digest"
say "digest sha256:$ours everywhere"

say "verify all of them"
for ref in "oci:$mine/ours" "oci-archive:$mine/ours.oci.tar" "docker-archive:$mine/ours.docker.tar" "oci:$mine/pulled" "oci:$mine/compressed" \
	"oci-archive:$mine/theirs.oci.tar" "docker-archive:$mine/theirs.docker.tar" "docker://$registry/site/tiny:1"; do
	"$MINIMIRROR" verify --insecure "$ref"
done

say "serve all of them"
for ref in "oci:$mine/ours" "oci-archive:$mine/ours.oci.tar" "docker-archive:$mine/ours.docker.tar" \
	"oci:$mine/pulled" "oci-archive:$mine/theirs.oci.tar" "docker-archive:$mine/theirs.docker.tar"; do
	fetches_from "$ref" app
done

say "compressed layers cannot be read in place: the hint tells what to do, and it helps"
! "$MINIMIRROR" serve --image "oci:$mine/compressed" --listen 127.0.0.1:0 2>"$mine/hint" || die "it served compressed layers"
grep -q '^hint: .*docker-archive:' "$mine/hint" || { cat "$mine/hint" >&2; die "no hint"; }
skopeo copy --quiet "oci:$mine/compressed" "docker-archive:$mine/uncompressed.tar"
fetches_from "docker-archive:$mine/uncompressed.tar" app
