#!/bin/bash
# What upstream signed travels with the image: verify follows it to every
# package, without the network, and names the file in which a byte is wrong. With "upstream: serve", apt updates and
# installs with Debian's own key alone.
. "$(dirname "$0")/lib.sh"
need curl jq
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -e "$keyring" ] || die "$keyring is missing; type: apt-get install debian-archive-keyring"

definition upstream <<-END
	debian:
	  sources: host
	  packages: [openssl, hello]
	  upstream: serve
END
"$MINIMIRROR" build "$definition" --output "oci:$mine/image"
"$MINIMIRROR" verify "oci:$mine/image"
netns_up upstream
"${inside[@]}" "$MINIMIRROR" verify "oci:$mine/image" --keyring "$keyring"
! "$MINIMIRROR" verify "oci:$mine/image" --keyring "$repo/images/keys/none" 2>/dev/null || die "a keyring that is not there"

say "apt with Debian's own key"
start_server --image "oci:$mine/image"
apt_client "$mine/apt"
rm "$mine/apt/etc/sources.list.d/minimirror.sources"
jq -r --arg url "$url" --arg keyring "$keyring" '.sources[] | . as $s | .releases[] |
	"Types: deb\nURIs: \($url)/upstream/\($s.name)\nSuites: \(.name)\nComponents: main\nSigned-By: \($keyring)\nLanguages: none\nCheck-Valid-Until: no\n"' \
	"$definition/mirror.lock" >"$mine/apt/etc/sources.list.d/upstream.sources"
apt_in "$mine/apt" apt-get --quiet --error-on=any update
apt_in "$mine/apt" apt-get -qq --yes --download-only install openssl hello
compgen -G "$mine/apt/cache/archives/openssl_*.deb" >/dev/null || die "apt fetched no openssl"
missing=$(apt_in "$mine/apt" apt-get -qq --yes --download-only install cowsay 2>&1) && die "apt fetched what is not carried"
grep -q 404 <<<"$missing" || die "what is not carried is not answered with 404: $missing"
for path in debian/dists/ debian/dists/bookworm/Release none/dists/bookworm/InRelease; do
	code=$("${inside[@]}" curl --noproxy '*' --silent -o /dev/null -w '%{http_code}' "$url/upstream/$path")
	[ "$code" = 404 ] || die "$path is answered with $code"
done

say "a byte is wrong"
layer=$(jq -r '.manifests[0].digest' "$mine/image/index.json" | tr : / | xargs -I@ jq -r '.layers[0].digest' "$mine/image/blobs/@" | tr : /)
printf X | dd of="$mine/image/blobs/$layer" bs=1 seek=5000 conv=notrunc status=none
code=0
"$MINIMIRROR" verify "oci:$mine/image" >/dev/null 2>"$mine/error" || code=$?
[ "$code" = 4 ] || die "exit code $code"
grep -Eq 'pool/.*\.deb: sha256 mismatch' "$mine/error" || die "the file is not named: $(cat "$mine/error")"
