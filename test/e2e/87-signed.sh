#!/bin/bash
# Signatures of the image itself: cosign's own library verifies both forms and the provenance, and verify, bootstrap, serve and kit refuse an image
# that is unsigned, signed with another key, or changed since it was signed.
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
start_registry
sum=$("$MINIMIRROR" build "$definition" --sign-image own.key --output "docker://$registry/site/signed:1" | cut -d' ' -f2)
"$MINIMIRROR" build "$definition" --sign-image ed.key --output "docker://$registry/site/ed:1"

say "cosign's library"
for image in signed:own ed:ed; do
	"$cosign" "$registry/site/${image%:*}@$sum" "${image#*:}.pub" >cosign.log || die "cosign refuses $image"
	grep -qx tag cosign.log || die "$image: no tag: $(cat cosign.log)"
	grep -q '^bundle https://sigstore.dev/cosign/sign/v1 ' cosign.log || die "$image: no bundle: $(cat cosign.log)"
	sed -n 's|^bundle https://slsa.dev/provenance/v1 ||p' cosign.log >provenance.json
	jq -e --arg lock "sha256:$(sha256sum "$definition/mirror.lock" | cut -d' ' -f1)" --arg program "$(sha256sum "$MINIMIRROR" | cut -d' ' -f1)" \
		'.buildDefinition.externalParameters.lock == $lock and .runDetails.builder.builderDependencies[0].digest.sha256 == $program' provenance.json >/dev/null || die "$(cat provenance.json)"
	! "$cosign" "$registry/site/${image%:*}@$sum" strange.pub 2>/dev/null || die "cosign takes another key"
done

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
# A manifest that was changed after it was signed.
cp -r signed changed
manifest=changed/blobs/sha256/$(jq -r '.manifests[0].digest' signed/index.json | cut -d: -f2)
sed -i 's/"schemaVersion": *2/"schemaVersion":3/' "$manifest"
refused 'mismatch' verify changed --verify-key own.pub
! "$MINIMIRROR" build "$definition" --sign-image own.pub --output "oci:$mine/none" 2>bad.log || die "a public key signs"
grep -q '^hint: make one' bad.log || die "$(cat bad.log)"
