#!/bin/bash
# Provenance: verify compares what is signed about an image with the image, and refuses what was changed, signed with another key, is about another
# image, or is not true of this one.
. "$(dirname "$0")/lib.sh"
need jq openssl curl docker-registry skopeo go

cd "$mine"
made_up_archive <<-END
	Suite: bookworm
	Codename: bookworm

	Package: app
END
definition site <<-END
	debian:
	  sources:
	    - { name: test, urls: ["$archive"], suites: [bookworm], components: [main], architectures: [amd64], signed-by: $mine/keys/archive.asc }
	  packages: [app]
END
for name in own strange; do
	openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out $name.key
	openssl pkey -in $name.key -pubout -out $name.pub
done
sum=$("$MINIMIRROR" build "$definition" --sign-image own.key --output "oci:$mine/signed" | cut -d' ' -f2)
"$MINIMIRROR" build "$definition" --sign-image strange.key --output "oci:$mine/strange" >/dev/null

say "accepted"
start_registry
"$MINIMIRROR" build "$definition" --sign-image own.key --output "docker://$registry/site/signed:1" >/dev/null
builder=$(sha256sum "$MINIMIRROR" | cut -d' ' -f1) lock=sha256:$(sha256sum "$definition/mirror.lock" | cut -d' ' -f1)
for ref in signed "docker://$registry/site/signed:1"; do
	"$MINIMIRROR" verify "$ref" --verify-key own.pub --provenance >verify.log
	grep -qF "provenance with the key in own.pub: built by minimirror " verify.log && grep -qF "(sha256 $builder) from the lock $lock; the lock, 1 release of upstream and the program match" verify.log || die "$(cat verify.log)"
	"$MINIMIRROR" verify "$ref" --verify-key strange.pub --verify-key own.pub --format json | jq -e --arg program "$builder" --arg lock "$lock" \
		'.signed_by == "own.pub" and (.provenance | length == 1 and (.[0] | .key == "own.pub" and .compared and .lock == $lock and .releases == 1 and .program.sha256 == $program and .program.version != ""))' >/dev/null ||
		die "$ref: $("$MINIMIRROR" verify "$ref" --verify-key own.pub --format json)"
done
"$MINIMIRROR" verify signed --format json | jq -e '.provenance == null and (has("signed_by") | not)' >/dev/null || die "says more than it was asked"
# Another program builds the same image; only the provenance names the program that did.
cp "$MINIMIRROR" other-program
echo >>other-program # the end of a file is no part of its program
./other-program build "$definition" --program "$(go env GOARCH)=$MINIMIRROR" --sign-image own.key --output "oci:$mine/by-another" >by.log
[ "$(cut -d' ' -f2 by.log)" = "$sum" ] || die "the program that builds is a part of the image"
"$MINIMIRROR" verify by-another --verify-key own.pub | grep -qF "(sha256 $(sha256sum other-program | cut -d' ' -f1))" || die "the provenance does not name the program that built"

# refused WHAT COMMAND… wants exit code 4 and the words.
refused() {
	local want=$1 code=0
	shift
	"$MINIMIRROR" "$@" >refused.log 2>&1 || code=$?
	[ $code = 4 ] || { cat refused.log >&2; die "$*: exit code $code, want 4"; }
	grep -q -- "$want" refused.log || { cat refused.log >&2; die "$*: it does not say \"$want\""; }
	say "$(head -n 1 refused.log)"
}
# attach DIR STATEMENT KEY makes DIR, the image with its signatures and only this provenance, signed with the key.
attach() {
	local sig payload manifest
	rm -rf "$1"
	cp -r signed "$1"
	{ printf 'DSSEv1 28 application/vnd.in-toto+json %d ' "$(stat -c %s "$2")" && cat "$2"; } >pae
	sig=$(openssl dgst -sha256 -sign "$3" pae | base64 -w0) payload=$(base64 -w0 "$2")
	jq -nc --arg sig "$sig" --arg payload "$payload" '{mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json", verificationMaterial: {publicKey: {hint: ""}}, dsseEnvelope: {payload: $payload, payloadType: "application/vnd.in-toto+json", signatures: [{sig: $sig}]}}' >"$1.bundle"
	put "$1" "$1.bundle"
}
# put DIR BUNDLE replaces the provenance in the folder.
put() {
	local type=application/vnd.dev.sigstore.bundle.v0.3+json layer old manifest
	layer=$(blob "$1" "$2" $type)
	old=$(jq -r '.manifests[] | select(.annotations["dev.sigstore.bundle.predicateType"] == "https://slsa.dev/provenance/v1") | .digest' "$1/index.json")
	jq -c --argjson layer "$layer" '.layers = [$layer]' "$1/blobs/sha256/${old#*:}" >manifest
	manifest=$(blob "$1" manifest application/vnd.oci.image.manifest.v1+json)
	jq -c --argjson manifest "$manifest" '.manifests = [.manifests[] | select((.annotations["org.opencontainers.image.ref.name"] // "" | endswith(".att")) or .annotations["dev.sigstore.bundle.predicateType"] == "https://slsa.dev/provenance/v1" | not)] + [$manifest + {artifactType: "'$type'", annotations: {"dev.sigstore.bundle.predicateType": "https://slsa.dev/provenance/v1"}}]' "$1/index.json" >index && mv index "$1/index.json"
}
blob() {
	local sum
	sum=$(sha256sum "$2" | cut -d' ' -f1)
	cp "$2" "$1/blobs/sha256/$sum"
	jq -nc --arg digest "sha256:$sum" --arg type "$3" --argjson size "$(stat -c %s "$2")" '{mediaType: $type, digest: $digest, size: $size}'
}
att=$(jq -r '.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] // "" | endswith(".att")) | .digest' signed/index.json)
jq -r '.payload | @base64d' "signed/blobs/sha256/$(jq -r '.layers[0].digest' "signed/blobs/sha256/${att#*:}" | cut -d: -f2)" >statement

say "refused"
attach made statement own.key
"$MINIMIRROR" verify made --verify-key own.pub --provenance >/dev/null || die "what openssl signs is not accepted, so nothing follows from what is refused"
attach made statement strange.key
refused "made: the provenance of the image $sum is not valid with the key in own.pub" verify made --verify-key own.pub
attach made statement own.key
jq -c --arg payload "$(sed 's/bookworm/buster/g' statement | base64 -w0)" '.dsseEnvelope.payload = $payload' made.bundle >changed && put made changed
refused "made: the provenance of the image $sum is not valid with the key in own.pub" verify made --verify-key own.pub
head -c 1000 made.bundle >short && put made short
refused "made: a signed statement about the image $sum is damaged" verify made --verify-key own.pub
# lie WHAT FILTER states something else with the right key.
lie() {
	jq -c "$2" statement >lied
	attach made lied own.key
	refused "$1" verify made --verify-key own.pub
}
other=$(printf '%064d' 0)
lie "made: the provenance is about another image, sha256:$other: this one is $sum" ".subject[0].digest.sha256 = \"$other\""
lie "made: image $sum: the provenance does not match the image: it gives the lock \"sha256:$other\"" ".predicate.buildDefinition.externalParameters.lock = \"sha256:$other\""
lie "it gives \"test bookworm\" the sha256 $other" "(.predicate.buildDefinition.resolvedDependencies[] | select(.name == \"test bookworm\")).digest.sha256 = \"$other\""
lie "it gives \"program linux/$(go env GOARCH)\" the sha256 $other" "(.predicate.buildDefinition.resolvedDependencies[] | select(.name | startswith(\"program \"))).digest.sha256 = \"$other\""
lie 'it does not list "test bookworm"' 'del(.predicate.buildDefinition.resolvedDependencies[] | select(.name == "test bookworm"))'
# In a registry, everybody who may push there can attach provenance.
"$MINIMIRROR" build "$definition" --sign-image strange.key --output "docker://$registry/site/foreign:1" >/dev/null
skopeo copy --quiet --preserve-digests --dest-tls-verify=false "oci:signed:sha256-${sum#*:}.sig" "docker://$registry/site/foreign:sha256-${sum#*:}.sig"
"$MINIMIRROR" kit "docker://$registry/site/foreign:1" --verify-key own.pub --to "$mine/kit" >/dev/null || die "the image is signed"
refused "foreign:1: the provenance of the image $sum is not valid" verify "docker://$registry/site/foreign:1" --verify-key own.pub

say "none"
jq -c '.manifests = [.manifests[] | select((.annotations["org.opencontainers.image.ref.name"] // "" | endswith(".att")) or .annotations["dev.sigstore.bundle.predicateType"] == "https://slsa.dev/provenance/v1" | not)]' signed/index.json >index
cp -r signed none && mv index none/index.json
"$MINIMIRROR" verify none --verify-key own.pub --format json 2>none.log | jq -e '.provenance == []' >/dev/null
grep -q '^warning: the image has no provenance' none.log || die "no warning: $(cat none.log)"
refused "none: the image $sum has no provenance" verify none --verify-key own.pub --provenance
