#!/bin/bash
# Two sites and a connected side, for three months: each time the receipt of a site decides what it is sent, the site serves, and a node installs with
# apt. In the second month, a part of a bundle is lost and another blob is damaged; in the third, a site's disk is replaced. What clients of a site asked
# for in vain gets into the definition.
. "$(dirname "$0")/lib.sh"
need minisign jq curl apt-get dpkg age age-keygen
cd "$mine"
export XDG_STATE_HOME=$mine/state

for month in 1 2 3; do
	cat >"archive-$month" <<-END
		Suite: bookworm
		Codename: bookworm
		Origin: Debian

		Package: app
		Version: $month.0-1
		Architecture: amd64
		Depends: libapp (>= $month.0), mailer
		Filler: 3000000

		Package: libapp
		Version: $month.0-1
		Architecture: amd64
		Filler: 400000

		Package: mta
		Version: 1.0-1
		Architecture: amd64
		Provides: mailer
		Filler: 400000

		Package: extra
		Version: 1.0-1
		Architecture: amd64
		Filler: 400000
	END
done
go_program debiantest-serve ./internal/kinds/debian/debiantest/serve
definition site <<-END
	debian:
	  sources:
	    - { name: test, urls: ["http://ADDRESS"], suites: [bookworm], components: [main], architectures: [amd64], signed-by: $mine/keys/archive.asc }
	  packages:
	    - app
	sets:
	  app: { debian: [app] }
END
at=127.0.0.1:0

# month NUMBER locks and builds the image of a month, $image, on the connected side.
month() {
	"$work/debiantest-serve" --listen "$at" --keys "$mine/keys" "archive-$1" >"archive-$1.log" 2>&1 &
	local pid=$!
	defer end "$pid"
	await "$pid" "archive-$1.log" '^http://(.*)'
	at=$said month=$1 image=$mine/image-$1
	sed -i "s#http://[^\"]*#http://$at#" "$definition/mirror.yaml"
	"$MINIMIRROR" lock "$definition" --update >lock.log
	"$MINIMIRROR" build "$definition" --output "oci:$image" >build.log 2>&1 || { cat build.log >&2; die "build"; }
	end "$pid"
}

# receipt SITE [FLAG…] is what the site writes before the trip: SITE.receipt.
receipt() {
	"$MINIMIRROR" receipt "oci:$mine/$1" --name "$1" --sign-key "$1.key" --output "$1.receipt" "${@:2}" 2>"$1.said" || { cat "$1.said" >&2; die "receipt of $1"; }
}

# sends SITE [FLAG…] exports what the site lacks to its stick, in small parts.
sends() {
	rm -rf "stick-$1"
	"$MINIMIRROR" export "oci:$image" --have "$1.receipt" --have-key "$1.pub" --to "stick-$1" --sign-key out.key --recipient "$recipient" --part-size 1M "${@:2}"
}

# takes SITE imports the stick.
takes() { "$MINIMIRROR" import "stick-$1" --to "oci:$mine/$1" --verify-key out.pub --identity identity.txt; }

# blobs DIR lists the blobs of an image with their sizes.
blobs() { find "$1/blobs" -type f -printf '%f %s\n' | sort; }

# installs SITE VERSION serves the newest image of a site, and lets apt and dpkg install app on an empty node.
installs() {
	local name node=$mine/node-$1-$month
	name=$(jq -r '.manifests[-1].annotations["org.opencontainers.image.ref.name"]' "$1/index.json")
	start_server --image "oci:$mine/$1:$name" --audit "$mine/audit-$1.log" >/dev/null
	apt_client "$node"
	mkdir -p "$node"/var/log/apt "$node"/root/var/lib/dpkg/{updates,info,triggers}
	: >"$node/root/var/lib/dpkg/status"
	sed -i "s#Dir::State::status \"[^\"]*\"#Dir::State::status \"$node/root/var/lib/dpkg/status\"#" "$node/apt.conf"
	apt_in "$node" apt-get --quiet --error-on=any update >apt.log 2>&1 || { cat apt.log >&2; die "apt-get update, $1, month $month"; }
	apt_in "$node" apt-get --quiet --yes -o "DPkg::Options::=--root=$node/root" -o DPkg::Options::=--force-not-root -o DPkg::Options::=--log=/dev/null install app >apt.log 2>&1 || { cat apt.log >&2; die "apt-get install, $1, month $month"; }
	[ "$(dpkg-query --admindir "$node/root/var/lib/dpkg" -W -f '${Version} ${db:Status-Abbrev}' app)" = "$2.0-1 ii " ] || die "$1 has not installed app $2"
	{ cat "$node/root/var/lib/dpkg/status"; printf 'Package: dpkg\nStatus: install ok installed\nVersion: 1.21.22\nArchitecture: amd64\n'; } >"$1.status" # a real node has dpkg
	say "month $month: $1 serves, and a node has app $2"
}

for key in out north south stranger; do minisign -G -W -p $key.pub -s $key.key >/dev/null; done
age-keygen -o identity.txt 2>/dev/null
recipient=$(age-keygen -y identity.txt)
mkdir north south

say "month 1: both sites are empty"
month 1
for site in north south; do
	receipt $site
	sends $site >export.log 2>&1
	takes $site >import.log
	[ "$(blobs $site)" = "$(blobs "$image")" ] || die "$site has other blobs"
	installs $site 1
done
get "$url/test/pool/extra_1.0-1_amd64.deb" --output none 2>/dev/null && die "extra is carried"
end "$server"

say "month 2: a delta, of which a part is lost; a blob is damaged at the site"
receipt north
receipt south --audit "$mine/audit-south.log" --status south.status south.status
month 2
new=$(comm -13 <(blobs "$mine/image-1") <(blobs "$image") | awk '{ sum += $2 } END { print sum }')
sends north >export.log 2>&1
carried=$(du -cb stick-north/part-* | tail -n 1 | cut -f1)
[ "$carried" -le $((new * 105 / 100 + 20000)) ] || die "$carried bytes are carried for new blobs of $new"
say "month 2: $carried bytes are carried for new blobs of $new"
lost=$(find stick-north -name 'part-*' | sort | sed -n 2p)
rm "$lost"
if takes north >import.log 2>&1; then die "it imports without $lost"; fi
grep -q "$(basename "$lost"): missing" import.log || { cat import.log >&2; die "the missing part is not named"; }
# The stick is gone: a receipt is all that comes back. Meanwhile, the disk has damaged a layer that the new image needs, too.
layer=$(comm -12 <(blobs north) <(blobs "$image") | sort -k2n | tail -n 1 | cut -d' ' -f1)
printf 'damaged' | dd of="north/blobs/sha256/$layer" bs=1 seek=100000 conv=notrunc status=none
receipt north
grep -q "^warning: damaged: sha256:$layer: " north.said || { cat north.said >&2; die "the damaged blob is not named"; }
! "$MINIMIRROR" inspect north.receipt --format json | jq -e --arg d "sha256:$layer" '.digests | index($d)' >/dev/null || die "the damaged blob is listed"
sed 's/"count": [0-9]*/"count": 1/' north.receipt >forged.receipt
for refused in "forged.receipt north.pub" "north.receipt stranger.pub" "south.receipt north.pub"; do
	read -r file key <<<"$refused"
	code=0
	"$MINIMIRROR" export "oci:$image" --have "$file" --have-key "$key" --to none --sign-key out.key --plain >refused.log 2>&1 || code=$?
	[ "$code" = 4 ] && [ ! -e none ] || { cat refused.log >&2; die "$file by $key: exit code $code"; }
done
sends north >export.log 2>&1
takes north >import.log
"$MINIMIRROR" verify "oci:$mine/north:$(jq -r '.manifests[-1].annotations["org.opencontainers.image.ref.name"]' north/index.json)" >verify.log
receipt north
! grep warning north.said || die "north has holes"
installs north 2
end "$server"
sends south >export.log 2>&1
takes south >import.log
installs south 2
end "$server"

say "month 3: what south's clients missed is carried; south's disk was replaced"
"$MINIMIRROR" lock "$definition" --want south.receipt --want-key south.pub >want.yaml
grep -q '^    - extra  # 1 request, 1 client: extra 1.0-1 (amd64)$' want.yaml || { cat want.yaml >&2; die "extra is not proposed"; }
"$MINIMIRROR" inspect south.receipt | grep -q '^installed on 2 nodes: 4 items$' || die "the receipt does not say what the nodes have"
sed -i "/- app$/r /dev/stdin" "$definition/mirror.yaml" < <(grep '^    - extra' want.yaml)
month 3
cp south.receipt old.receipt
rm -rf south
mkdir south
receipt south
sends south >export.log 2>&1
"$MINIMIRROR" export "oci:$image" --have old.receipt --have-key south.pub --to none --sign-key out.key --plain >refused.log 2>&1 && die "an older receipt is believed"
grep -q 'was used before' refused.log || { cat refused.log >&2; die "an older receipt"; }
takes south >import.log
[ "$(blobs south)" = "$(blobs "$image")" ] || die "south has other blobs"
installs south 3
apt_in "$mine/node-south-3" apt-get --quiet --yes --download-only install extra >apt.log 2>&1 || { cat apt.log >&2; die "extra is not carried"; }
end "$server"
# From north, only paper comes back.
"$MINIMIRROR" receipt "oci:$mine/north" --sign-key north.key --qr --output north.txt 2>/dev/null
sort -r north.txt >north.receipt
sends north >export.log 2>&1
takes north >import.log
installs north 3
