#!/bin/bash
# Images for two platforms that carry only the items for their own architecture ("split-by-architecture"): they share the layers of what is for all
# architectures, byte for byte; each is what it is when it is built alone, also after an update; and every command takes the right one.
. "$(dirname "$0")/lib.sh"
need skopeo curl jq apt-get docker-registry openssl go runc
need_root_or_die "buildkitd"
cosign=$("${as_caller[@]}" "$repo/test/cosign/cosign.sh")
[ "$(uname -m)" = x86_64 ] || die "this script is for an amd64 machine"

# archive VERSION describes it: app and data of this version.
archive() {
	cat <<-END
		Suite: bookworm
		Codename: bookworm
		Date: $1

		Package: app
		Version: $2-1
		Architecture: amd64
		Depends: data
		Filler: 300000

		Package: app
		Version: $2-1
		Architecture: arm64
		Depends: data, blob
		Filler: 310000

		Package: blob
		Version: 1.0-1
		Architecture: arm64
		Filler: 2000000

		Package: data
		Version: 2.0-1
		Filler: 4000000

		Package: doc
		Version: $3-1
		Filler: 100000
	END
}
made_up_archive < <(archive "Sat, 01 Jun 2024 10:00:00 UTC" 1.0 1.0)
first=$archive
made_up_archive < <(archive "Mon, 01 Jul 2024 10:00:00 UTC" 1.1 1.1)
second=$archive
mkdir "$mine/files" && echo amd >"$mine/files/tool-amd64" && echo arm >"$mine/files/tool-arm64" && echo both >"$mine/files/notes"
# write DEFINITION ARCHIVE MORE writes the definition.
write() {
	definition "$1" <<-END
		split-by-architecture: true
		debian:
		  sources:
		    - { name: test, urls: [$2], suites: [bookworm], components: [main], architectures: [amd64, arm64], signed-by: $mine/keys/archive.asc }
		    - { name: arm-only, urls: [$2], suites: [bookworm], components: [main], architectures: [arm64], signed-by: $mine/keys/archive.asc }
		  packages: [app, doc]
		files:
		  - { name: amd, path: $mine/files/tool-amd64, architecture: amd64 }
		  - { name: arm, path: $mine/files/tool-arm64, architecture: arm64 }
		  - { name: own, path: $mine/files/notes }
		sets:
		  app: { debian: [app], files: [tool-*] }
		$3
	END
}
write site "$first" ""
site=$definition
mkdir -p "$mine/bin"
cp "$MINIMIRROR" "$mine/bin/minimirror"
MINIMIRROR=$mine/bin/minimirror
lock "$work/minimirror-linux-arm64"
(cd "$repo" && "${as_caller[@]}" CGO_ENABLED=0 GOARCH=arm64 GOARM64=v8.0 go build -trimpath -buildvcs=false -ldflags '-s -w' -o "$work/minimirror-linux-arm64" ./cmd/minimirror)
unlock

# build OUTPUT FLAG… builds $definition, and sets $built_digest; what it says is in $mine/build.log.
build() {
	local output=$1
	shift
	"$MINIMIRROR" build "$definition" --output "$output" "$@" >"$mine/build.out" 2>"$mine/build.log" || { cat "$mine/build.log" >&2; die "build $*"; }
	built_digest=$(sed 's/.* //' "$mine/build.out")
}
# refused CODE PATTERN COMMAND… wants that a command fails with a code and says something.
refused() {
	local code=0
	"${@:3}" >/dev/null 2>"$mine/refused" || code=$?
	[ "$code" = "$1" ] && grep -q -- "$2" "$mine/refused" || { cat "$mine/refused" >&2; die "exit $code instead of $1, or not \"$2\": ${*:3}"; }
}
# image INDEX-LAYOUT ARCHITECTURE prints the digest of one image of a layout, layers its layers.
image() { jq -r ".manifests[] | select(.platform.architecture == \"$2\").digest" "$1/blobs/sha256/$(jq -r '.manifests[0].digest' "$1/index.json" | cut -d: -f2)"; }
layers() { jq -r '.layers[].digest' "$1/blobs/sha256/$(image "$1" "$2" | cut -d: -f2)"; }
# items REF ARCHITECTURE prints what an image carries.
items() { "$MINIMIRROR" inspect "$1" '*' --platform "linux/$2" --format json | jq -r '.items[] | .name + " " + (.attributes.architecture // "-")' | sort; }

say "one program: only the items for this machine, and a warning"
build "oci:$mine/alone"
grep -q 'there is no program for their architecture.*architecture=arm64 items=' "$mine/build.log" || { cat "$mine/build.log"; die "build does not say that items for arm64 are in no image"; }
alone=$built_digest
rm "$site/mirror.layers"
cp "$work/minimirror-linux-arm64" "$mine/bin/"
build "oci:$mine/both"
both=$built_digest
[ "$(image "$mine/both" amd64)" = "$alone" ] || die "the image for amd64 is $(image "$mine/both" amd64), and $alone when it is built alone"
! grep -q 'there is no program' "$mine/build.log" || die "a warning with all programs"

say "each has its own items"
[ "$(items "$mine/both" amd64 | tr '\n' ',')" = "app amd64,data all,doc all,notes -,tool-amd64 amd64," ] || die "amd64 carries $(items "$mine/both" amd64)"
[ "$(items "$mine/both" arm64 | tr '\n' ',')" = "app arm64,blob arm64,data all,doc all,notes -,tool-arm64 arm64," ] || die "arm64 carries $(items "$mine/both" arm64)"
"$MINIMIRROR" inspect "$mine/both" --platform arm64 | grep '^holds .* only those for arm64)' >/dev/null || die "inspect does not say what is carried"
shared() { comm -12 <(layers "$1" amd64 | sort) <(layers "$1" arm64 | sort); }
# largest LAYOUT DIGEST… prints the size of the largest of some layers.
largest() { local d; for d in "${@:2}"; do stat -c %s "$1/blobs/sha256/${d#sha256:}"; done | sort -n | tail -1; }
[ "$(largest "$mine/both" $(shared "$mine/both"))" -gt 4000000 ] || die "the images do not share the layer with data"
for d in $(shared "$mine/both"); do
	! tar -tf "$mine/both/blobs/sha256/${d#sha256:}" | grep -E '_(amd64|arm64)\.deb|binary-(amd64|arm64)|tool-' || die "a shared layer has what only one architecture needs"
done
for d in $(layers "$mine/both" arm64); do
	! tar -tf "$mine/both/blobs/sha256/${d#sha256:}" | grep -E '_amd64\.deb|binary-amd64|tool-amd64' || die "the image for arm64 has something of amd64"
done

say "the same everywhere"
build "oci:$mine/again"
[ "$built_digest" = "$both" ] || die "again: $built_digest is not $both"
build "oci:$mine/arm" --platform linux/arm64
[ "$built_digest" = "$(image "$mine/both" arm64)" ] || die "arm64 alone: $built_digest is not $(image "$mine/both" arm64)"
build "oci:$mine/again"
[ "$built_digest" = "$both" ] || die "after a build for one platform: $built_digest is not $both"
build "oci-archive:$mine/both.tar"
[ "$built_digest" = "$both" ] || die "the archive: $built_digest is not $both"

say "verify checks all of them, also against upstream's key and the lock"
"$MINIMIRROR" verify "$mine/both" --keyring "$mine/keys/archive.asc" --lock "$site" >"$mine/verify.out" 2>"$mine/verify.err"
for want in '^linux/amd64: .*: all digests match' '^linux/arm64: .*: all digests match' '^linux/arm64: .*: all items match those for arm64' '^linux/arm64: test: all 4 packages are listed' '^linux/amd64: test: all 3 packages'; do
	grep -q "$want" "$mine/verify.out" || { cat "$mine/verify.out"; die "verify does not print $want"; }
done
"$MINIMIRROR" diff "$site" "$mine/both" >"$mine/diff.out"
grep -q '^items    nothing has changed' "$mine/diff.out" && grep -q 'this is about its items for amd64' "$mine/diff.out" || { cat "$mine/diff.out"; die "diff with the lock"; }
"$MINIMIRROR" plan "$site" --platform linux/amd64 | grep '^site: 5 items, ' >/dev/null || die "plan for one platform: $("$MINIMIRROR" plan "$site" --platform linux/amd64)"
"$MINIMIRROR" plan "$site" | grep '^site: 8 items, ' >/dev/null || die "plan: $("$MINIMIRROR" plan "$site")"

say "bootstrap takes the node's"
start_registry
build "docker://$registry/site/site:1"
[ "$built_digest" = "$both" ] || die "in the registry: $built_digest is not $both"
for ref in "oci:$mine/both" "$mine/both.tar" "docker://$registry/site/site:1"; do
	for architecture in amd64 arm64; do
		rm -rf "$mine/node"
		"$MINIMIRROR" bootstrap --image "$ref" --set app --architecture "$architecture" --to "$mine/node" >/dev/null 2>"$mine/node.log" || { cat "$mine/node.log" >&2; die "bootstrap of $ref for $architecture"; }
		[ -e "$mine/node/app_1.0-1_$architecture.deb" ] && [ -e "$mine/node/tool-$architecture" ] && (cd "$mine/node" && sha256sum --quiet --check SHA256SUMS) || die "bootstrap of $ref for $architecture: $(ls "$mine/node")"
	done
done
refused 1 'hint: use the image for linux/arm64' "$MINIMIRROR" bootstrap --image "oci:$mine/alone" --set app --architecture arm64 --to "$mine/no"

say "serve: each platform's own index, for apt, too"
start_server "oci:$mine/both"
get "$url/test/dists/bookworm/Release" | grep -x 'Architectures: amd64' >/dev/null || die "the Release names other architectures"
get "$url/test/dists/bookworm/main/binary-amd64/Packages" | grep -c '^Package: ' | grep -x 3 >/dev/null || die "the index for amd64"
apt_client "$mine/apt"
apt_in "$mine/apt" apt-get -qq update
apt_in "$mine/apt" apt-get -qq --download-only install app doc
[ "$(ls "$mine/apt/cache/archives" | grep -c '\.deb$')" = 3 ] || die "apt has $(ls "$mine/apt/cache/archives")"
! get "$url/test/dists/bookworm/main/binary-arm64/Packages" 2>/dev/null || die "the image for amd64 serves an index for arm64"
! get "$url/test/pool/main/b/blob/blob_1.0-1_arm64.deb" 2>/dev/null || die "the image for amd64 serves a package for arm64"
start_server "oci:$mine/both" --platform linux/arm64
get "$url/test/dists/bookworm/main/binary-arm64/Packages" | grep -c '^Package: ' | grep -x 4 >/dev/null || die "the index for arm64"
"$MINIMIRROR" kit "docker://$registry/site/site:1" --to "$mine/kit" >/dev/null
grep -q "$both" "$mine/kit/server/chart-values.yaml" || die "the kit names the image of one platform"
[ "$("$MINIMIRROR" sbom "$mine/both" --platform arm64 | jq -r '[.packages[].externalRefs[]?.referenceLocator | select(startswith("pkg:deb") and contains("arch=a"))] | map(capture("arch=(?<a>[a-z0-9]+)").a) | unique | join(",")')" = "all,arm64" ] || die "the SBOM of arm64"

say "an update keeps the shared layers and each image's own"
write site "$second" ""
"$MINIMIRROR" lock "$site" --update >/dev/null 2>&1
cp "$site/mirror.layers" "$mine/before.layers"
build "oci:$mine/next"
next=$built_digest
for architecture in amd64 arm64; do
	[ -n "$(comm -12 <(layers "$mine/both" "$architecture" | sort) <(layers "$mine/next" "$architecture" | sort))" ] || die "$architecture keeps no layers"
done
[ "$(largest "$mine/next" $(comm -12 <(shared "$mine/both") <(shared "$mine/next")))" -gt 4000000 ] || die "the shared layer with data is not kept"
"$MINIMIRROR" verify "$mine/next" --lock "$site" >/dev/null
build "oci:$mine/next2"
[ "$built_digest" = "$next" ] || die "built again: $built_digest is not $next"
# Another machine: an empty cache, no mirror.layers, and the previous index as the base; upstream has only the second state.
rm "$site/mirror.layers"
XDG_CACHE_HOME=$mine/cache2 build "oci:$mine/based" --base "docker://$registry/site/site:1" --insecure
[ "$built_digest" = "$next" ] || die "with --base and an empty cache: $built_digest is not $next"
cmp <(gzip -dc "$site/mirror.layers") <("$MINIMIRROR" build "$site" --output "oci:$mine/next" >/dev/null 2>&1; gzip -dc "$site/mirror.layers")
cp "$mine/before.layers" "$site/mirror.layers"
build "oci:$mine/arm" --platform linux/arm64
[ "$built_digest" = "$(image "$mine/next" arm64)" ] || die "arm64 alone after an update: $built_digest is not $(image "$mine/next" arm64)"

say "a real buildkitd makes the same index, and pushes it"
daemon=$("${as_caller[@]}" "$repo/test/buildkitd/up" "$mine/buildkitd")
end_daemon() { kill "$daemon" && eventually eval '! kill -0 "$daemon"'; } # no child of the script's
defer end_daemon
for output in "oci:$mine/remote" "docker://$registry/site/remote:1 --insecure"; do
	build $output --buildkit "unix://$mine/buildkitd/buildkitd.sock"
	[ "$built_digest" = "$next" ] || die "buildkitd, $output: $built_digest is not $next"
done
"$MINIMIRROR" verify "docker://$registry/site/remote:1" --lock "$site" >/dev/null

say "each image has its own SBOM, and a signature; the index is signed, too"
openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$mine/own.key"
openssl pkey -in "$mine/own.key" -pubout -out "$mine/own.pub"
build "docker://$registry/site/signed:1" --sbom --sign-image "$mine/own.key"
[ "$built_digest" = "$next" ] || die "--sbom or --sign-image changes the index: $built_digest is not $next"
build "oci:$mine/signed" --sbom --sign-image "$mine/own.key"
build "oci-archive:$mine/signed.tar" --sbom --sign-image "$mine/own.key"
for ref in "docker://$registry/site/signed:1" "docker://$registry/site/signed@$(image "$mine/next" arm64)" "$mine/signed" "$mine/signed.tar"; do
	"$MINIMIRROR" verify "$ref" --verify-key "$mine/own.pub" --provenance >/dev/null || die "verify --verify-key of $ref"
done
# referrers DIGEST TYPE prints the digests of the artifacts of an image or index, as the tag of an old registry or a new one's API lists them.
referrers() {
	{ get "http://$registry/v2/site/signed/referrers/$1" 2>/dev/null || get "http://$registry/v2/site/signed/manifests/${1/:/-}" -H 'Accept: application/vnd.oci.image.index.v1+json'; } |
		jq -r --arg type "$2" '.manifests[] | select(.artifactType == $type).digest'
}
for architecture in amd64 arm64; do
	digest=$(image "$mine/next" "$architecture")
	spdx=$(referrers "$digest" application/spdx+json)
	blob=$(get "http://$registry/v2/site/signed/manifests/$spdx" -H 'Accept: application/vnd.oci.image.manifest.v1+json' | jq -r '.layers[0].digest')
	get "http://$registry/v2/site/signed/blobs/$blob" | cmp - <("$MINIMIRROR" sbom "$mine/next" --platform "linux/$architecture") || die "the SBOM at the image for $architecture is not its own"
	[ "$(jq -r --arg digest "$digest" '[.manifests[] | select(.artifactType == "application/spdx+json").digest] | length' "$mine/signed/index.json")" = 2 ] || die "the layout has not one SPDX document for each image"
	for sum in "$digest" "$next"; do
		"$cosign" "$registry/site/signed@$sum" "$mine/own.pub" >"$mine/cosign.log" || die "cosign refuses $sum"
		grep -qx tag "$mine/cosign.log" && grep -q '^bundle https://sigstore.dev/cosign/sign/v1 ' "$mine/cosign.log" || die "$sum: $(cat "$mine/cosign.log")"
	done
	"$cosign" "$registry/site/signed@$digest" "$mine/own.pub" | sed -n 's|^bundle https://slsa.dev/provenance/v1 ||p' |
		jq -e --arg name "program linux/$architecture" '[.buildDefinition.resolvedDependencies[].name | select(startswith("program "))] == [$name]' >/dev/null || die "the provenance of $architecture names another program"
done
[ -z "$(referrers "$next" application/spdx+json)" ] || die "the index has an SBOM, though its images carry different items"

say "container images: each image carries those for its own platform"
definition pods <<-END
	split-by-architecture: true
	images:
	  - { name: registry.example.org, from: "http://$registry", platforms: [linux/amd64, linux/arm64], take: ["site/site:1"] }
END
build "oci:$mine/pods-image"
"$MINIMIRROR" verify "$mine/pods-image" --lock "$definition" >/dev/null
for architecture in amd64 arm64; do
	start_server "oci:$mine/pods-image" --platform "linux/$architecture"
	command skopeo --insecure-policy --override-arch "$architecture" copy --quiet --src-tls-verify=false --preserve-digests --dest-oci-accept-uncompressed-layers \
		"docker://${url#http://}/registry.example.org/site/site:1" "oci:$mine/pulled-$architecture"
	[ "$(jq -r '.manifests[0].digest' "$mine/pulled-$architecture/index.json")" = "$(image "$mine/both" "$architecture")" ] || die "skopeo pulls another image for $architecture"
done
! get "$url/v2/registry.example.org/site/site/manifests/$(image "$mine/both" amd64)" >/dev/null 2>&1 || die "the image for arm64 carries a container image for amd64"

say "what makes no sense is refused"
refused 1 'linux/riscv64: .* has no items for it' "$MINIMIRROR" build "$site" --output "oci:$mine/no" --platform linux/riscv64 --program "riscv64=$MINIMIRROR"
grep -q '^hint: .*the lock has items for amd64, arm64$' "$mine/refused" || { cat "$mine/refused"; die "no hint"; }
[ ! -e "$mine/no" ] || die "a refused build leaves something"
sed -i 's/^split-by-architecture: true/split-by-architecture: yes please/' "$site/mirror.yaml"
refused 1 'mirror.yaml:2: ' "$MINIMIRROR" lock "$site"
