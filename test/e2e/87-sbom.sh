#!/bin/bash
# The list of software (SBOM) of an image: another program finds it valid and counts the same packages as dpkg's own tools; it is the same
# bytes from every form of the image, from the server, and from a second build elsewhere; licences are those of the copyright files.
. "$(dirname "$0")/lib.sh"
need jq curl skopeo docker-registry dpkg-deb
utility=$("${as_caller[@]}" "$repo/test/sbom/sbom-utility.sh")

cd "$mine"
# Packages made by dpkg-deb: one whose copyright a machine can read, one that leads to its neighbour's, one for people only.
copyright="Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
Copyright: 2020 Somebody
License: GPL-2+ or Artistic, and Expat

Files: logo.svg
Copyright: 2021 Somebody
License: Logo
 The logo may be shown.
"
package() { # NAME FIELDS
	mkdir -p "tree-$1/DEBIAN" "tree-$1/usr/share/doc"
	printf 'Package: %s\nVersion: 1:2.0+dfsg-1\nArchitecture: all\nMaintainer: Site Team <site@example.org>\nHomepage: https://www.example.org/\nDescription: test\n%s' "$1" "${2:-}" >"tree-$1/DEBIAN/control"
}
package app 'Source: suite (2.0+dfsg-1)
'
mkdir "tree-app/usr/share/doc/app" && printf '%s' "$copyright" >tree-app/usr/share/doc/app/copyright
package app-doc 'Source: suite (2.0+dfsg-1)
'
ln -s app tree-app-doc/usr/share/doc/app-doc
package words
mkdir tree-words/usr/share/doc/words && echo "This program is free: License: GPL." >tree-words/usr/share/doc/words/copyright
mkdir debs
for name in app app-doc words; do dpkg-deb --root-owner-group -b "tree-$name" debs >/dev/null; done
mkdir files && echo hello >files/hello
definition listed <<-END
	debian:
	  sources:
	    - { name: site, debs: [$mine/debs/*.deb] }
	  packages: all
	files:
	  - { name: own, path: $mine/files }
END
"$MINIMIRROR" build "$definition" --output "oci:$mine/image"

say "valid, and complete"
"$MINIMIRROR" sbom image --output image.spdx.json
"$MINIMIRROR" sbom image --format cyclonedx >image.cdx.json
"$utility" validate -i image.spdx.json >validate.log 2>&1 || { cat validate.log >&2; die "sbom-utility refuses the SPDX document"; }
# What others count: three packages, the file, and the source packages.
"$utility" component list --quiet --format csv -i image.cdx.json >components.csv
purls='.packages[].externalRefs[]? | select(.referenceType == "purl").referenceLocator'
for purl in pkg:deb/site/{app,app-doc,words}@1:2.0%2Bdfsg-1?arch=all pkg:deb/site/{suite@2.0,words@1:2.0}%2Bdfsg-1?arch=source pkg:generic/own/hello; do
	grep -qF "$purl" components.csv || { cat components.csv >&2; die "sbom-utility finds no $purl"; }
	jq -e --arg purl "$purl" "[$purls | select(startswith(\$purl))] | length == 1" image.spdx.json >/dev/null || die "SPDX: not one $purl"
done
listed=$(grep -c 'pkg:deb/.*arch=all' components.csv)
[ "$listed" = "$(find debs -name '*.deb' | wc -l)" ] || die "$listed packages are listed"
for deb in debs/*.deb; do
	jq -e --arg sum "$(sha256sum "$deb" | cut -d' ' -f1)" --arg name "$(dpkg-deb -f "$deb" Package)" \
		'.packages[] | select(.name == $name and .checksums[0].checksumValue == $sum)' image.spdx.json >/dev/null || die "$deb: no package with its digest"
done

say "licences"
licence() { jq -r --arg name "$1" '.packages[] | select(.name == $name and .primaryPackagePurpose != "SOURCE").licenseDeclared' image.spdx.json; }
[[ $(licence app) =~ ^'(GPL-2.0-or-later OR Artistic-1.0) AND MIT AND LicenseRef-Logo-'[0-9a-f]{8}$ ]] || die "app: $(licence app)"
[ "$(licence app-doc)" = "$(licence app)" ] || die "app-doc: $(licence app-doc)"
[ "$(licence words)" = NOASSERTION ] || die "words: $(licence words)"
[ "$(licence hello)" = NOASSERTION ] || die "a plain file: $(licence hello)"
[ "$(jq -r '[.packages[] | select(.primaryPackagePurpose == "SOURCE").licenseDeclared] | unique | join(" ")' image.spdx.json)" = NOASSERTION ] || die "a source package states licences"
jq -e '.hasExtractedLicensingInfos | length == 1 and .[0].extractedText == "The logo may be shown."' image.spdx.json >/dev/null || die "the logo's licence has no text"

say "the same bytes everywhere"
"$MINIMIRROR" build "$definition" --output oci-archive:image.tar
"$MINIMIRROR" build "$definition" --output docker-archive:docker.tar
start_registry
"$MINIMIRROR" build "$definition" --output "docker://$registry/site/listed:1"
for ref in oci-archive:image.tar docker-archive:docker.tar "docker://$registry/site/listed:1"; do
	"$MINIMIRROR" sbom "$ref" | cmp - image.spdx.json || die "$ref has another SBOM"
done
"$MINIMIRROR" sbom - --format cyclonedx <docker.tar | cmp - image.cdx.json
# Nothing of it is known to a second machine: the image and its list are the same.
XDG_CACHE_HOME=$mine/elsewhere "$MINIMIRROR" build "$definition" --output "oci:$mine/again" >/dev/null
cmp image/index.json again/index.json || die "another image without what the cache noted"

say "attached to the image"
# attached FOLDER wants that a layout has both lists as artifacts about its image.
attached() {
	local subject type file manifest
	subject=$(jq -r '.manifests[0].digest' "$1/index.json")
	for file in image.spdx.json image.cdx.json; do
		type=application/spdx+json
		[ $file = image.spdx.json ] || type=application/vnd.cyclonedx+json
		manifest=$1/blobs/sha256/$(jq -r --arg type $type '.manifests[] | select(.artifactType == $type).digest' "$1/index.json" | cut -d: -f2)
		[ "$(jq -r .subject.digest "$manifest")" = "$subject" ] || die "$1: the subject of $type is not $subject"
		cmp "$1/blobs/sha256/$(jq -r '.layers[0].digest' "$manifest" | cut -d: -f2)" $file || die "$1: another list"
	done
}
"$MINIMIRROR" build "$definition" --sbom --output "oci:$mine/with"
attached with
cmp <(jq '.manifests[0]' with/index.json) <(jq '.manifests[0]' image/index.json) || die "--sbom changes the image"
"$MINIMIRROR" sbom with | cmp - image.spdx.json
one_name with
skopeo copy --quiet "oci:$mine/with:$name" "oci:$mine/copy"
"$MINIMIRROR" build "$definition" --sbom --output oci-archive:with.tar
mkdir unpacked && tar -xf with.tar -C unpacked
attached unpacked
"$MINIMIRROR" verify with.tar >/dev/null
"$MINIMIRROR" build "$definition" --output "oci:$mine/with"
[ "$(find with/blobs -type f | wc -l)" = "$(find image/blobs -type f | wc -l)" ] || die "lists of the last image are still there"
! "$MINIMIRROR" build "$definition" --sbom --output docker-archive:with-docker.tar 2>bad.log || die "a docker-archive with a list"
grep -q '^hint: write to oci-archive:FILE' bad.log || die "$(cat bad.log)"
# Debian's registry does not list referrers: a tag does.
sum=$("$MINIMIRROR" build "$definition" --sbom --output "docker://$registry/site/listed:2" | cut -d' ' -f2)
for try in 1 2; do
	get -H 'Accept: application/vnd.oci.image.index.v1+json' "http://$registry/v2/site/listed/manifests/${sum/:/-}" >referrers.json
	[ "$(jq '.manifests | length' referrers.json)" = 2 ] || die "try $try: $(cat referrers.json)"
	"$MINIMIRROR" build "$definition" --sbom --output "docker://$registry/site/listed:2"
done
skopeo copy --quiet --src-tls-verify=false "docker://$registry/site/listed@$(jq -r '.manifests[] | select(.artifactType == "application/spdx+json").digest' referrers.json)" "dir:$mine/pulled"
cmp "pulled/$(jq -r '.layers[0].digest' pulled/manifest.json | cut -d: -f2)" image.spdx.json || die "the registry has another list"

say "at the server"
start_server --image oci:image
get "$url/sbom" | cmp - image.spdx.json
get "$url/sbom?format=cyclonedx" | cmp - image.cdx.json
get -H 'Accept: application/vnd.cyclonedx+json;q=0.9, */*' "$url/sbom" | cmp - image.cdx.json
get --head "$url/sbom" | grep -qi '^content-type: application/spdx+json' || die "HEAD does not tell the type"
[ "$("${inside[@]}" curl --noproxy '*' -s -o bad.txt -w '%{http_code}' "$url/sbom?format=xml")" = 400 ] || die "format=xml is accepted"

say "mistakes"
! "$MINIMIRROR" sbom image --format xml 2>bad.log || die "--format xml is accepted"
grep -q 'spdx and cyclonedx' bad.log || die "$(cat bad.log)"
! "$MINIMIRROR" sbom none 2>bad.log || die "an image that is not there"
grep -q '^hint: ' bad.log || die "$(cat bad.log)"
