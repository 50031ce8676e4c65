#!/bin/bash
# A mirror's images as a registry, by the conformance program of the OCI distribution specification: all that can be read. The program ends
# with an error of its own when nothing may be pushed; what counts is its summary.
. "$(dirname "$0")/lib.sh"
need curl
conformance=$("${as_caller[@]}" "$repo/test/conformance/conformance.sh")

# An OCI layout with a repository that has something of everything. put TYPE DATA [ALGORITHM [FIELDS]] stores data and sets $descriptor and $digest.
layout=$mine/layout
mkdir -p "$layout/blobs/sha256" "$layout/blobs/sha512"
printf '{"imageLayoutVersion":"1.0.0"}' >"$layout/oci-layout"
put() {
	local algorithm=${3:-sha256} sum
	printf %s "$2" >"$mine/data"
	sum=$("${algorithm}sum" "$mine/data" | cut -d' ' -f1)
	cp "$mine/data" "$layout/blobs/$algorithm/$sum"
	digest=$algorithm:$sum
	descriptor="{\"mediaType\":\"$1\",\"digest\":\"$digest\",\"size\":$(stat -c %s "$mine/data")${4:+,$4}}"
}
oci=application/vnd.oci.image
listed=() blobs=() manifests=()
# blob TYPE DATA [ALGORITHM] puts a blob. list TAG puts $descriptor into the layout's index, with a tag or without.
blob() { put "$@"; blobs+=("$digest"); }
list() {
	local named=""
	manifests+=("$digest")
	[ -z "$1" ] || named=",\"annotations\":{\"org.opencontainers.image.ref.name\":\"conformance/app:$1\"}"
	listed+=("${descriptor%?}$named}")
}
# image PLATFORM DATA [ALGORITHM] puts an image of two layers.
image() {
	local config layers
	blob "$oci.config.v1+json" "{\"os\":\"linux\",\"architecture\":\"$1\",\"x-unknown\":1,\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}" "${3:-}"
	config=$descriptor
	blob "$oci.layer.v1.tar" "$2" "${3:-}"
	layers=$descriptor
	blob "$oci.layer.v1.tar" "" "${3:-}"
	put "$oci.manifest.v1+json" "{\"schemaVersion\":2,  \"mediaType\":\"$oci.manifest.v1+json\",\"config\":$config,\"layers\":[$layers,$descriptor]}
" "${3:-}" "\"platform\":{\"os\":\"linux\",\"architecture\":\"$1\"}"
}
# artifact TYPE SUBJECT puts an artifact that is attached to a manifest.
artifact() {
	local config
	blob application/vnd.oci.empty.v1+json '{}'
	config=$descriptor
	blob text/plain "about $2"
	put "$oci.manifest.v1+json" "{\"schemaVersion\":2,\"mediaType\":\"$oci.manifest.v1+json\",\"artifactType\":\"$1\",\"config\":$config,\"layers\":[$descriptor],\"subject\":$2}"
}

image amd64 "one layer"
list image
image amd64 "another"
amd64=$descriptor
manifests+=("$digest")
image arm64 "a third"
manifests+=("$digest")
put "$oci.index.v1+json" "{ \"schemaVersion\": 2, \"mediaType\": \"$oci.index.v1+json\", \"x-unknown\": [], \"manifests\": [$amd64, $descriptor] }"
list index
index=$digest subject=$descriptor
artifact application/vnd.example.signature "$subject"
list ""
signature=$digest
artifact application/vnd.example.bill "$subject"
list ""
image amd64 "by SHA-512" sha512
list sha512
sha512=$digest
printf '{"schemaVersion":2,"manifests":[%s]}' "$(IFS=,; echo "${listed[*]}")" >"$layout/index.json"

definition images <<-END
	images:
	  - { name: registry.example.org, from: "oci:$layout", platforms: all, take: ["conformance/app:*"] }
END
"$MINIMIRROR" lock "$definition"
"$MINIMIRROR" build "$definition" --output "oci:$mine/out"
start_server "oci:$mine/out"

# Its settings come from the environment; results.yaml says what became of each test.
(
	cd "$mine"
	env OCI_REGISTRY="${url#http://}" OCI_TLS=disabled OCI_REPO1=registry.example.org/conformance/app OCI_REPO2=registry.example.org/conformance/app \
		OCI_API_PUSH=false OCI_API_BLOBS_DELETE=false OCI_API_MANIFESTS_DELETE=false OCI_API_TAGS_DELETE=false \
		OCI_RO_DATA_TAGS="image index sha512" OCI_RO_DATA_MANIFESTS="${manifests[*]}" OCI_RO_DATA_BLOBS="${blobs[*]}" OCI_RO_DATA_REFERRERS="$index" \
		"$conformance" >"$mine/conformance.txt" 2>&1
) || true
summary() { sed -n "s/^  $1\.*: *//p" "$mine/conformance.txt"; }
grep -qx 'OCI Conformance Result: Pass' "$mine/conformance.txt" && [ "$(summary FAIL)" = 0 ] && [ "$(summary Error)" = 0 ] || { cat "$mine/conformance.txt"; die "the program reports failures"; }
for part in "Tag listing" "Blob get" "Blob head" "Manifest get by digest" "Manifest get by tag" "Manifest head by digest" "Manifest head by tag" Referrers Ping "Read Only Inputs"; do
	[ "$(summary "$part")" = Pass ] || { cat "$mine/conformance.txt"; die "not tested: $part"; }
done
say "conformance: $(summary Pass) tests pass, none fails"

# What it does not compare: bytes, the digests' algorithm, and what is attached.
repository=$url/v2/registry.example.org/conformance/app
get --output "$mine/index" "$repository/manifests/index"
cmp "$mine/index" "$layout/blobs/${index/://}"
get --output "$mine/sha512" "$repository/manifests/sha512"
cmp "$mine/sha512" "$layout/blobs/${sha512/://}"
get --output "$mine/referrers" --dump-header "$mine/header" "$repository/referrers/$index?artifactType=application/vnd.example.signature"
grep -q "\"$signature\"" "$mine/referrers" && ! grep -q example.bill "$mine/referrers" || { cat "$mine/referrers"; die "the referrers are not those of the type"; }
grep -qi '^oci-filters-applied: artifactType' "$mine/header" || die "the filter is not announced"
for digest in "${blobs[@]}"; do
	get --output "$mine/blob" "$repository/blobs/$digest"
	cmp "$mine/blob" "$layout/blobs/${digest/://}"
done
