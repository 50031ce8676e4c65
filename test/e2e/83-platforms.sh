#!/bin/bash
# One image for two platforms: an index whose images share all layers but the program's. skopeo and a registry copy it, each machine takes its
# own from it, and the program for arm64 runs and serves what the one for amd64 serves.
. "$(dirname "$0")/lib.sh"
need openssl skopeo curl jq qemu-aarch64
[ "$(uname -m)" = x86_64 ] || die "this script is for an amd64 machine"

made_up_archive <<-END
	Suite: bookworm
	Codename: bookworm

	Package: app
	Version: 1.0-1
	Architecture: amd64
	Depends: data
	Filler: 300000

	Package: app
	Version: 1.0-1
	Architecture: arm64
	Depends: data
	Filler: 310000

	Package: data
	Version: 2.0-1
	Filler: 500000
END
definition site <<-END
	debian:
	  sources:
	    - { name: test, urls: [$archive], suites: [bookworm], components: [main], architectures: [amd64, arm64], signed-by: $mine/keys/archive.asc }
	  packages: [app]
	sets:
	  app: { debian: [app] }
END

# A program that lies alone, as make build leaves it.
mkdir -p "$mine/bin"
cp "$MINIMIRROR" "$mine/bin/minimirror"
MINIMIRROR=$mine/bin/minimirror
lock "$work/minimirror-linux-arm64"
(cd "$repo" && "${as_caller[@]}" CGO_ENABLED=0 GOARCH=arm64 GOARM64=v8.0 go build -trimpath -buildvcs=false -ldflags '-s -w' -o "$work/minimirror-linux-arm64" ./cmd/minimirror)
unlock

# build OUTPUT FLAG… builds, and sets $built_digest; what it says is in $mine/build.log.
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

say "without another program, the image is for this machine"
build "oci:$mine/one"
one=$built_digest
build "oci:$mine/one" --platform linux/amd64
[ "$built_digest" = "$one" ] || die "--platform linux/amd64 changes the image"
refused 2 'hint: name it with --program arm64=FILE' "$MINIMIRROR" build "$definition" --output "oci:$mine/no" --platform linux/amd64,linux/arm64
refused 1 'is for another machine' "$MINIMIRROR" build "$definition" --output "oci:$mine/no" --program "arm64=$MINIMIRROR"
refused 2 'no image is made for linux/arm64' "$MINIMIRROR" build "$definition" --output "oci:$mine/no" --platform linux/amd64 --program "arm64=$work/minimirror-linux-arm64"
[ ! -e "$mine/no" ] || die "a refused build leaves something"

say "with one beside it, the image is for both"
cp "$work/minimirror-linux-arm64" "$mine/bin/"
build "oci:$mine/both"
both=$built_digest
grep -q "^linux/arm64: program $mine/bin/minimirror-linux-arm64\$" "$mine/build.log" || { cat "$mine/build.log"; die "build does not say which program it took"; }
for output in "oci:$mine/both" "oci:$mine/again" "oci-archive:$mine/both.tar"; do
	build "$output" --platform linux/arm64,linux/amd64
	[ "$built_digest" = "$both" ] || die "$output: $built_digest is not $both"
done
openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$mine/image.key"
openssl pkey -in "$mine/image.key" -pubout -out "$mine/image.pub"
build "oci:$mine/signed" --sign-image "$mine/image.key"
[ "$("$MINIMIRROR" verify "oci:$mine/signed" --verify-key "$mine/image.pub" --provenance --format json | jq -c '[(.platforms | length), (.provenance | length)]')" = '[2,1]' ] || die "verify does not find the provenance of the index"
start_registry
build "docker://$registry/site/site:1"
[ "$built_digest" = "$both" ] || die "in the registry: $built_digest is not $both"
[ "sha256:$(digest --tls-verify=false "docker://$registry/site/site:1")" = "$both" ] || die "the registry has another index"
skopeo copy --quiet --all --src-tls-verify=false "docker://$registry/site/site:1" "oci:$mine/copied:site"
"$MINIMIRROR" verify "oci:$mine/copied" | grep 'images for linux/amd64 and linux/arm64' >/dev/null || die "verify checks one platform only"
"$MINIMIRROR" diff "oci:$mine/both" "oci:$mine/copied" --platform linux/arm64 >"$mine/diff.out"
grep -q '^items    nothing has changed' "$mine/diff.out" && grep -q '^note     B (.*) has images for linux/amd64, linux/arm64, .*: this is about linux/arm64$' "$mine/diff.out" || die "diff of an index: $(cat "$mine/diff.out")"

say "a docker-archive has one image"
build "docker-archive:$mine/one.tar"
"$MINIMIRROR" inspect "$mine/one.tar" | grep '^platform  *linux/amd64$' >/dev/null || die "the docker-archive is for another platform"
refused 2 'one platform only' "$MINIMIRROR" build "$definition" --output "docker-archive:$mine/two.tar" --platform linux/amd64,linux/arm64
build "docker-archive:$mine/arm.tar" --platform linux/arm64
refused 1 'the image is for linux/arm64, not for linux/amd64' "$MINIMIRROR" inspect "$mine/arm.tar" --platform amd64

say "the images share all layers but the program's"
manifest() { skopeo inspect --raw "docker://$registry/site/site@$1" --tls-verify=false; }
of() { skopeo inspect --raw --tls-verify=false "docker://$registry/site/site:1" | jq -r ".manifests[] | select(.platform.architecture == \"$1\").digest"; }
[ "$(of amd64)" = "$one" ] || die "the image for amd64 is $(of amd64), and $one when it is built alone"
[ "$(diff <(manifest "$(of amd64)" | jq -r '.layers[].digest') <(manifest "$(of arm64)" | jq -r '.layers[].digest') | grep -c '^[<>]')" = 2 ] || die "the images differ in other layers"

say "an SBOM for each image, and for the index"
build "oci:$mine/listed" --sbom
[ "$built_digest" = "$both" ] || die "--sbom changes the index"
subjects=$(jq -r '.manifests[] | select(.artifactType == "application/spdx+json").digest' "$mine/listed/index.json" | while read -r sum; do
	jq -r '.subject.digest + " " + .layers[0].digest' "$mine/listed/blobs/sha256/${sum#sha256:}"
done)
[ "$(cut -d' ' -f1 <<<"$subjects" | sort)" = "$(printf '%s\n' "$both" "$(of amd64)" "$(of arm64)" | sort)" ] || die "SBOMs are about $subjects"
[ "$(cut -d' ' -f2 <<<"$subjects" | sort -u)" = "sha256:$("$MINIMIRROR" sbom "$mine/both" | sha256sum | cut -d' ' -f1)" ] || die "not the SBOM that minimirror sbom prints"

say "each machine takes its own"
"$MINIMIRROR" inspect "oci:$mine/both" | grep '^platform  *linux/amd64 (there are images for linux/arm64, too)$' >/dev/null || die "inspect does not name the platforms"
[ "$("$MINIMIRROR" inspect "$mine/both.tar" --platform linux/arm64 --format json | jq -r .digest)" = "$(of arm64)" ] || die "inspect --platform takes another"
refused 1 'hint: choose one with --platform' "$MINIMIRROR" inspect "oci:$mine/both" --platform linux/s390x
carries "oci:$mine/both" app
carries "docker://$registry/site/site:1" app
"$MINIMIRROR" kit "docker://$registry/site/site:1" --to "$mine/kit" >/dev/null
grep -q "$both" "$mine/kit/server/chart-values.yaml" || die "the kit names the image of one platform"

say "the program for arm64 serves the same"
arm=$mine/arm
mkdir "$arm"
program_layer=$(jq -r '.layers[-3].digest' <<<"$(manifest "$(of arm64)")")
tar -xf "$mine/both/blobs/sha256/${program_layer#sha256:}" -C "$arm" minimirror
cmp "$arm/minimirror" "$work/minimirror-linux-arm64"
qemu-aarch64 "$arm/minimirror" version | grep 'linux/arm64' >/dev/null || die "version"
start_server "oci:$mine/both"
ours=$url
native=$MINIMIRROR
printf '#!/bin/sh\nexec qemu-aarch64 %s "$@"\n' "$arm/minimirror" >"$mine/bin/arm"
chmod 755 "$mine/bin/arm"
MINIMIRROR=$mine/bin/arm
start_server "oci:$mine/both"
theirs=$url
MINIMIRROR=$native
for file in test/dists/bookworm/{In,}Release test/dists/bookworm/main/binary-{amd64,arm64}/Packages minimirror.asc \
	$("$MINIMIRROR" inspect "oci:$mine/both" '*' --format json | jq -r '.items[] | .source + "/" + .files[].path'); do
	get "$ours/$file" >"$mine/ours" && get "$theirs/$file" >"$mine/theirs" || die "$file is not served"
	cmp "$mine/ours" "$mine/theirs" || die "$file differs"
done
"$mine/bin/arm" bootstrap --image "oci:$mine/both" --set app --architecture arm64 --to "$mine/node" >/dev/null 2>"$mine/node.log" || { cat "$mine/node.log" >&2; die "bootstrap on arm64"; }
grep -q "$(of arm64)" "$mine/node.log" || die "bootstrap on arm64 reads another image"
ls "$mine/node" | grep '^app_1.0-1_arm64.deb$' >/dev/null || die "bootstrap on arm64: $(ls "$mine/node")"

say "an index is a base, and damage to one platform is found"
build "oci:$mine/next" --base "docker://$registry/site/site:1" --insecure
[ "$built_digest" = "$both" ] || die "the same content with the index as its base is another image"
printf 'x' | dd of="$mine/both/blobs/sha256/${program_layer#sha256:}" bs=1 seek=5000 conv=notrunc status=none
"$MINIMIRROR" verify "oci:$mine/both" --platform linux/amd64 >/dev/null || die "the image for amd64 is intact"
refused 4 'linux/arm64' "$MINIMIRROR" verify "oci:$mine/both"
