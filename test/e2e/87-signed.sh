#!/bin/bash
# Signatures of the image itself: cosign's own library verifies both forms, also of a second signer, and verify, bootstrap, serve and kit refuse an
# image that is unsigned, signed with another key, or changed since it was signed. 87-provenance verifies what is stated of the image.
. "$(dirname "$0")/lib.sh"
need jq openssl docker-registry curl skopeo
cosign=$("${as_caller[@]}" "$repo/test/cosign/cosign.sh")

cd "$mine"
mkdir files && echo hello >files/hello
definition site <<-END
	files:
	  - { name: own, path: $mine/files }
	sets:
	  node: { files: [hello] }
END
for name in own strange; do
	openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out $name.key
	openssl pkey -in $name.key -pubout -out $name.pub
done
openssl genpkey -algorithm ED25519 -out ed.key
openssl pkey -in ed.key -pubout -out ed.pub
"$MINIMIRROR" build "$definition" --output "oci:$mine/unsigned" >unsigned.log
"$MINIMIRROR" build "$definition" --sign-image own.key --output "oci:$mine/signed" >signed.log
"$MINIMIRROR" build "$definition" --sign-image own.key --output "oci:$mine/again" >/dev/null
cmp signed/index.json again/index.json || die "the same image has another signature"
[ "$(cut -d' ' -f2 signed.log)" = "$(cut -d' ' -f2 unsigned.log)" ] || die "--sign-image changes the image"
"$MINIMIRROR" build "$definition" --sign-image own.key --sbom --output oci-archive:signed.tar
start_registry log
sum=$("$MINIMIRROR" build "$definition" --sign-image own.key --output "docker://$registry/site/signed:1" | cut -d' ' -f2)
"$MINIMIRROR" build "$definition" --sign-image ed.key --output "docker://$registry/site/ed:1"

say "cosign's library"
for image in signed:own ed:ed; do
	"$cosign" "$registry/site/${image%:*}@$sum" "${image#*:}.pub" >cosign.log || die "cosign refuses $image"
	grep -qx tag cosign.log || die "$image: no tag: $(cat cosign.log)"
	grep -q '^bundle https://sigstore.dev/cosign/sign/v1 ' cosign.log || die "$image: no bundle: $(cat cosign.log)"
	for form in bundle attested; do
		sed -n "s|^$form https://slsa.dev/provenance/v1 ||p" cosign.log >provenance.json
		jq -e --arg lock "sha256:$(sha256sum "$definition/mirror.lock" | cut -d' ' -f1)" --arg program "$(sha256sum "$MINIMIRROR" | cut -d' ' -f1)" \
			'.buildDefinition.externalParameters.lock == $lock and .runDetails.builder.builderDependencies[0].digest.sha256 == $program' provenance.json >/dev/null || die "$image: $form: $(cat provenance.json)"
	done
	! "$cosign" "$registry/site/${image%:*}@$sum" strange.pub 2>/dev/null || die "cosign takes another key"
done

say "two signers"
# manifest TAG, tags: what the registry has.
manifest() { get -H 'Accept: application/vnd.oci.image.manifest.v1+json' "http://$registry/v2/site/two/manifests/$1"; }
push() { "$MINIMIRROR" build "$definition" --sign-image "$1" --output "docker://$registry/site/two:1" >/dev/null; }
push own.key
manifest "sha256-${sum#*:}.sig" >one.sig
push own.key
manifest "sha256-${sum#*:}.sig" | cmp - one.sig || die "the same key adds a second signature"
push ed.key
push own.key
for tag in sig att; do
	[ "$(manifest "sha256-${sum#*:}.$tag" | jq '.layers | length')" = 2 ] || die "$tag: not the signatures of two: $(manifest "sha256-${sum#*:}.$tag")"
done
for key in own ed; do
	"$cosign" "$registry/site/two@$sum" "$key.pub" >cosign.log || die "cosign refuses the signature of $key beside another one"
	[ "$(cut -d' ' -f1,2 cosign.log | sort -u | wc -l)" = 4 ] || die "$key: not all forms: $(cut -c1-80 cosign.log)"
	"$MINIMIRROR" verify "docker://$registry/site/two:1" --verify-key "$key.pub" >/dev/null
done
# Into a folder, one after another, and both at once.
for key in own ed; do "$MINIMIRROR" build "$definition" --sign-image "$key.key" --output "oci:$mine/two" >/dev/null; done
"$MINIMIRROR" build "$definition" --output "oci:$mine/two" >/dev/null
"$MINIMIRROR" build "$definition" --sign-image own.key --sign-image ed.key --output "oci-archive:$mine/two.tar" >/dev/null
for ref in two two.tar; do
	for key in own ed; do "$MINIMIRROR" verify "$ref" --verify-key "$key.pub" --provenance >/dev/null || die "$ref lost the signature of $key"; done
done
named() { { jq -r '.manifests[].digest' two/index.json; for m in $(jq -r '.manifests[].digest' two/index.json); do jq -r '.config.digest, .layers[].digest' "two/blobs/sha256/${m#*:}"; done; } | cut -d: -f2 | sort -u; }
named | diff - <(ls two/blobs/sha256) || die "the folder has blobs that it does not name"

say "signed before it has a tag"
order=$(sed -n 's|.*"PUT /v2/site/ed/manifests/\([^ ]*\) HTTP.*|\1|p' "$mine/registry.log")
[ "$(tail -n 1 <<<"$order")" = 1 ] && [ "$(grep -cx 1 <<<"$order")" = 1 ] || die "the tag is not what was pushed last: $order"
[ "$(grep -n "^sha256-.*sig$" <<<"$order" | cut -d: -f1)" -gt 1 ] || die "the image was not pushed before its signature: $order"

say "accepted"
for ref in signed signed.tar "docker://$registry/site/signed:1"; do
	"$MINIMIRROR" verify "$ref" --verify-key strange.pub --verify-key own.pub >/dev/null
	"$MINIMIRROR" bootstrap --image "$ref" --verify-key own.pub --set node --architecture amd64 --to "$mine/to"
	rm -r to
done
"$MINIMIRROR" kit signed --verify-key own.pub --address http://mirror.example.org --to "$mine/kit" >/dev/null
start_server --image oci:signed --verify-key own.pub
get "$url/healthz" >/dev/null

# refused WHAT COMMAND… wants exit code 4 and the words.
refused() {
	local want=$1 code=0
	shift
	"$MINIMIRROR" "$@" >refused.log 2>&1 || code=$?
	[ $code = 4 ] || { cat refused.log >&2; die "$*: exit code $code, want 4"; }
	grep -q -- "$want" refused.log || { cat refused.log >&2; die "$*: it does not say \"$want\""; }
	say "$(grep -v ^image: refused.log | head -n 1)"
}
say "refused"
refused 'is not signed' verify unsigned --verify-key own.pub
refused 'none is valid with the key in strange.pub' verify signed --verify-key strange.pub
refused 'none is valid' verify "docker://$registry/site/signed:1" --verify-key strange.pub
refused 'is not signed' bootstrap --image unsigned --verify-key own.pub --set node --architecture amd64 --to "$mine/to"
[ ! -e to ] || die "something of an unsigned image was extracted"
refused 'is not signed' serve --image oci:unsigned --verify-key own.pub --listen 127.0.0.1:0
refused 'is not signed' kit unsigned --verify-key own.pub --address http://mirror.example.org --to "$mine/kit2"
# A signature of another image: the index names another one beside it.
echo other >files/hello
"$MINIMIRROR" lock "$definition" 2>/dev/null
"$MINIMIRROR" build "$definition" --output "oci:$mine/other" >/dev/null
cp -n signed/blobs/sha256/* other/blobs/sha256/
jq --slurpfile signed signed/index.json '.manifests += $signed[0].manifests[1:]' other/index.json >index.json && mv index.json other/index.json
refused 'about another image' verify other --verify-key own.pub
# An index with the signed image and one for another platform that nobody has signed.
cp -r other mix
blob() { local sum; sum=$(sha256sum "$1" | cut -d' ' -f1); mv "$1" "mix/blobs/sha256/$sum"; echo "sha256:$sum"; }
descriptor() { jq -n --arg digest "$1" --arg type "$2" --argjson size "$(stat -c %s "mix/blobs/sha256/${1#*:}")" '{mediaType: $type, digest: $digest, size: $size}'; }
manifest=$(jq -r '.manifests[0].digest' other/index.json)
config=$(jq -r .config.digest "mix/blobs/sha256/${manifest#*:}")
jq -c '.architecture = "riscv64"' "mix/blobs/sha256/${config#*:}" >config
config=$(blob config)
jq -c --argjson config "$(descriptor "$config" application/vnd.oci.image.config.v1+json)" '.config = $config' "mix/blobs/sha256/${manifest#*:}" >manifest
manifest=$(blob manifest)
jq -c --argjson strange "$(descriptor "$manifest" application/vnd.oci.image.manifest.v1+json)" --arg arch "$(go env GOARCH)" \
	'{schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests: [.manifests[0] + {platform: {os: "linux", architecture: $arch}}, $strange + {platform: {os: "linux", architecture: "riscv64"}}]}' signed/index.json >index
index=$(blob index)
jq -c --argjson index "$(descriptor "$index" application/vnd.oci.image.index.v1+json)" '.manifests = [$index + {annotations: {"org.opencontainers.image.ref.name": "mix"}}] + .manifests[1:]' signed/index.json >mix/index.json
"$MINIMIRROR" verify mix --verify-key own.pub --platform "linux/$(go env GOARCH)"
refused 'linux/riscv64: .* about another image' verify mix --verify-key own.pub
skopeo copy --quiet --all --preserve-digests --dest-tls-verify=false oci:mix:mix "docker://$registry/site/mix:1"
skopeo copy --quiet --preserve-digests --dest-tls-verify=false "oci:signed:sha256-${sum#*:}.sig" "docker://$registry/site/mix:sha256-${sum#*:}.sig"
"$MINIMIRROR" kit "docker://$registry/site/mix:1" --verify-key own.pub --to "$mine/mix-kit" >/dev/null 2>kit.log
grep -q '^warning: only the image for linux/.* is signed' kit.log || die "no warning: $(cat kit.log)"
grep -rqF "site/mix@$sum" mix-kit || die "the kit does not name the signed image"
! grep -rqF "$index" mix-kit || die "the kit names the index, which is not signed"
# An image of an index whose configuration claims a layer that the other image has, but that has other content.
manifest=$(jq -r '.manifests[0].digest' signed/index.json)
config=$(jq -r .config.digest "signed/blobs/sha256/${manifest#*:}")
jq -c '.architecture = "riscv64"' "signed/blobs/sha256/${config#*:}" >config
config=$(blob config)
mkdir -p strange/mirror && echo strange >strange/mirror/strange
tar --directory strange --create --gzip --file layer mirror
layer=$(blob layer)
jq -c --argjson config "$(descriptor "$config" application/vnd.oci.image.config.v1+json)" --argjson layer "$(descriptor "$layer" application/vnd.oci.image.layer.v1.tar+gzip)" \
	'.config = $config | .layers[0] = $layer' "signed/blobs/sha256/${manifest#*:}" >manifest
manifest=$(blob manifest)
jq -c --argjson strange "$(descriptor "$manifest" application/vnd.oci.image.manifest.v1+json)" --arg arch "$(go env GOARCH)" \
	'{schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests: [.manifests[0] + {platform: {os: "linux", architecture: $arch}}, $strange + {platform: {os: "linux", architecture: "riscv64"}}]}' signed/index.json >index
jq -c --argjson index "$(descriptor "$(blob index)" application/vnd.oci.image.index.v1+json)" '.manifests = [$index]' signed/index.json >mix/index.json
refused 'linux/riscv64: layer 0: ' verify mix

# A manifest that was changed after it was signed.
cp -r signed changed
manifest=changed/blobs/sha256/$(jq -r '.manifests[0].digest' signed/index.json | cut -d: -f2)
sed -i 's/"schemaVersion": *2/"schemaVersion":3/' "$manifest"
refused 'mismatch' verify changed --verify-key own.pub
# It is unclear which key of two in a file counts: each command refuses it.
cat strange.pub own.pub >both.pub
for command in "verify signed" "bootstrap --image signed --set node --architecture amd64 --to $mine/to" "serve --image oci:signed --listen 127.0.0.1:0" "kit signed --address http://mirror.example.org --to $mine/kit2"; do
	# shellcheck disable=SC2086 # the words of a command
	! "$MINIMIRROR" $command --verify-key both.pub 2>both.log || die "$command: takes a file with two keys"
	grep -q 'both.pub: it has more than one key' both.log || die "$command: $(cat both.log)"
done
! "$MINIMIRROR" build "$definition" --sign-image own.pub --output "oci:$mine/none" 2>bad.log || die "a public key signs"
grep -q '^hint: make one' bad.log || die "$(cat bad.log)"

say "a server whose registry is away"
serve=(--image "docker://$registry/site/signed@$sum" --cache "$mine/cache")
refused 'none is valid' serve "${serve[@]}" --verify-key strange.pub --listen 127.0.0.1:0
start_server "${serve[@]}" --verify-key own.pub
end "$server"
end "$registry_pid"
start_server "${serve[@]}" --verify-key own.pub
get "$url/healthz" >/dev/null
end "$server"
# What is kept proves nothing by itself: another key, and a signature of another image in its place.
! "$MINIMIRROR" serve "${serve[@]}" --verify-key strange.pub --listen 127.0.0.1:0 2>away.log || die "what is kept counts for every key"
grep -q 'connection refused' away.log || die "$(cat away.log)"
kept=cache/image/signature-${sum#*:}
jq -c --arg other "$(jq -r '.data | @base64d' "$kept" | sed 's/"sha256:[0-9a-f]*"/"sha256:'"$(printf '%064d' 0)"'"/' | base64 -w0)" '.data = $other' "$kept" >kept.changed && mv kept.changed "$kept"
! "$MINIMIRROR" serve "${serve[@]}" --verify-key own.pub --listen 127.0.0.1:0 2>away.log || die "what is kept is not verified"
