#!/bin/bash
# The same lock, program and signing key give the same manifest digest: as
# another user, in another folder, with other umask, zone and caches, and with a
# remote buildkitd.
. "$(dirname "$0")/lib.sh"
need skopeo gpg gpgconf
small_definition tiny

say "a signing key, made by gpg"
export GNUPGHOME=$mine/gnupg
mkdir -m 700 "$GNUPGHOME"
defer gpgconf --kill all
gpg --batch --quiet --passphrase '' --quick-generate-key 'Mirror <mirror@example.org>' ed25519 sign never
gpg --batch --quiet --armor --export-secret-keys >"$mine/key.asc"

# build_as UID FOLDER [SETTING…] locks and builds in a folder, and prints the digest.
build_as() {
	local uid=$1 folder=$2
	shift 2
	(umask 022 && mkdir -p "$folder")
	cp "$definition/mirror.yaml" "$mine/key.asc" "$folder"
	chmod -R a+rX "$folder"
	become "$uid"
	[ "$(id -u)" != 0 ] || chown -R "$uid:$uid" "$folder"
	# Everything but the definition, its lock and the key may differ.
	"${as[@]}" "$@" "$MINIMIRROR" lock "$folder" >/dev/null
	"${as[@]}" "$@" "$MINIMIRROR" build "$folder" --sign-key "$folder/key.asc" --output "oci:$folder/image" >/dev/null
	digest "oci:$folder/image"
}
one=$(id -u) two=$(id -u)
if [ "$(id -u)" = 0 ]; then one=2001 two=2002; else say "not root: both builds are by user $one"; fi
first=$(build_as "$one" "$mine/one")
second=$(umask 077 && build_as "$two" "$mine/an other folder/två" TZ=Asia/Kathmandu LC_ALL=de_DE.UTF-8 SOURCE_DATE_EPOCH=1)
cmp "$mine/one/mirror.lock" "$mine/an other folder/två/mirror.lock" || die "the locks differ"
say "user $one: sha256:$first"
say "user $two: sha256:$second"
[ "$first" = "$second" ] || die "two users, two digests"

# The key is younger than the lock: apt must take the signature nevertheless.
fetches_from "oci:$mine/one/image" app

say "with a remote buildkitd"
need_root_or_die "buildkitd"
need go runc
daemon=$("${as_caller[@]}" "$repo/test/buildkitd/up" "$mine/buildkitd")
end_daemon() { kill "$daemon" && eventually eval '! kill -0 "$daemon"'; } # no child of the script's
defer end_daemon
BUILDKIT_HOST=unix://$mine/buildkitd/buildkitd.sock \
	"$MINIMIRROR" build "$mine/one" --sign-key "$mine/key.asc" --output "oci:$mine/remote" >/dev/null
third=$(digest "oci:$mine/remote")
say "buildkitd: sha256:$third"
[ "$first" = "$third" ] || die "the embedded BuildKit and a remote one give two digests"

# The daemon pushes the image, and this program its signature, and then the tag.
need openssl docker-registry
openssl genpkey -quiet -algorithm ED25519 -out "$mine/image.key"
openssl pkey -in "$mine/image.key" -pubout -out "$mine/image.pub"
start_registry
BUILDKIT_HOST=unix://$mine/buildkitd/buildkitd.sock \
	"$MINIMIRROR" build "$mine/one" --sign-key "$mine/key.asc" --sign-image "$mine/image.key" --output "docker://$registry/site/one:1" >/dev/null
[ "$(digest --tls-verify=false "docker://$registry/site/one:1")" = "$first" ] || die "the daemon pushes another image"
"$MINIMIRROR" verify "docker://$registry/site/one:1" --verify-key "$mine/image.pub" --provenance >/dev/null || die "what the daemon pushed is not signed"
