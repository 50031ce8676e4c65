#!/bin/bash
# What diff says of two images is what apt does: on a node that has all of image A, "apt-get -s dist-upgrade" with image B as its mirror
# upgrades the packages that diff names as upgraded, to the same versions, and no others. And the bytes that diff says are to be
# shipped are those of the layers that a registry with A does not have.
. "$(dirname "$0")/lib.sh"
need apt-get jq skopeo python3

# The archive of two months.
archive_of_a() {
	cat <<-END
		Suite: stable
		Date: 2024-01-01
		Label: Debian
		Sources: yes

		Package: plain
		Version: 1.9
		Filler: 40000

		Package: plain-doc
		Version: 1.9
		Source: plain
		Recommends: plain

		Package: epoch
		Version: 9.0-1
		Architecture: amd64
		Depends: libboth (>= 1), leaves

		Package: leaves
		Version: 1.0

		Package: tilde
		Version: 1.0~rc1-1
		Architecture: amd64

		Package: built-again
		Version: 1.0-1
		Architecture: amd64

		Package: libboth
		Version: 1.0-1
		Architecture: amd64
		Multi-Arch: same

		Package: libboth
		Version: 1.0-1
		Architecture: i386
		Multi-Arch: same

		Package: needs-i386
		Version: 1.0
		Architecture: i386
		Depends: libboth

		Package: becomes-amd64
		Version: 1.0

		Package: becomes-all
		Version: 1.0
		Architecture: amd64

		Package: lower
		Version: 2.0

		Package: stays
		Version: 1.0
		Filler: 3000000

		Package: becomes-stable
		Version: 1.0-1

		Suite: stable-security
		Date: 2024-01-01
		Label: Debian-Security

		Package: becomes-stable
		Version: 1.0-1+deb12u1
	END
}
archive_of_b() {
	cat <<-END
		Suite: stable
		Date: 2024-02-01
		Label: Debian
		Sources: yes

		Package: plain
		Version: 1.10
		Filler: 40000
		Changelog: changelog.gz
		 plain (1.10) stable; urgency=medium
		 .
		   * Ten is more than nine (CVE-2024-0010).
		 .
		  -- Nobody <nobody@example.org>  Thu, 01 Feb 2024 00:00:00 +0000
		 .
		 plain (1.9) stable; urgency=medium
		 .
		   * Nine (CVE-2024-0009).
		 .
		  -- Nobody <nobody@example.org>  Mon, 01 Jan 2024 00:00:00 +0000

		Package: plain-doc
		Version: 1.10
		Source: plain

		Package: epoch
		Version: 1:1.0-1
		Architecture: amd64
		Depends: libboth (>= 1), new-library

		Package: new-library
		Version: 0.1
		Architecture: amd64

		Package: tilde
		Version: 1.0-1
		Architecture: amd64

		Package: built-again
		Version: 1.0-1+b1
		Source: built-again (1.0-1)
		Architecture: amd64

		Package: libboth
		Version: 1.0-1
		Architecture: amd64
		Multi-Arch: same

		Package: libboth
		Version: 1.0-1
		Architecture: i386
		Multi-Arch: same

		Package: needs-i386
		Version: 2.0
		Architecture: i386
		Depends: libboth

		Package: becomes-amd64
		Version: 1.1
		Architecture: amd64

		Package: becomes-all
		Version: 1.1

		Package: lower
		Version: 1.0

		Package: stays
		Version: 1.0
		Filler: 3000000

		Package: becomes-stable
		Version: 1.0-1+deb12u1

		Suite: stable-security
		Date: 2024-02-01
		Label: Debian-Security

		Package: libboth
		Version: 1.0-1+deb12u1
		Architecture: amd64
		Multi-Arch: same

		Package: libboth
		Version: 1.0-1+deb12u1
		Architecture: i386
		Multi-Arch: same
	END
}
# image NAME builds oci:$mine/NAME from the definition of the site, which is the same each month but for the address.
image() {
	definition site <<-END
		debian:
		  sources:
		    - { name: test, urls: [$archive], suites: [stable, stable-security], components: [main], architectures: [amd64, i386], signed-by: $mine/keys/archive.asc, sources: true }
		  packages: [plain, plain-doc, epoch, tilde, built-again, "libboth:amd64", "libboth:i386", "needs-i386:i386", "becomes-amd64:amd64", "becomes-all:amd64", "lower:amd64", "stays:amd64", "becomes-stable:amd64"]
	END
	"$MINIMIRROR" lock "$definition" --update >"$mine/lock.log" 2>&1 || { cat "$mine/lock.log" >&2; die "lock $1"; }
	"$MINIMIRROR" build "$definition" --output "oci:$mine/$1" >"$mine/build.log" 2>&1 || { cat "$mine/build.log" >&2; die "build $1"; }
}
archive_of_a >"$mine/a.txt"
made_up_archive <"$mine/a.txt"
image a
archive_of_b >"$mine/b.txt"
made_up_archive <"$mine/b.txt"
image b
"$MINIMIRROR" diff "oci:$mine/a" "oci:$mine/b" --changelog --format json >"$mine/diff.json"

say "the same as a picture"
"$MINIMIRROR" diff "oci:$mine/a" "oci:$mine/b" --format svg >"$mine/diff.svg"
# shapes prints the titles of the shapes.
shapes() { python3 -c 'import sys, xml.etree.ElementTree as tree; print(*(t.text for t in tree.parse(sys.argv[1]).iter("{http://www.w3.org/2000/svg}title")), sep="\n")' "$mine/diff.svg"; }
shapes >"$mine/shapes"
for title in '^site: 2024-01-01 → 2024-02-01$' "^upgraded: $(jq .count.upgraded "$mine/diff.json") items: security updates, " "^removed: $(jq .count.removed "$mine/diff.json") items: " '^plain: 43.2 kB$' '^libboth: '; do
	grep -q "$title" "$mine/shapes" || die "the picture has no $title: $(cat "$mine/shapes")"
done
[ "$(grep -c ', new$' "$mine/shapes")" = "$(jq .ship.new "$mine/diff.json")" ] && [ "$(grep -c ', in A, too$' "$mine/shapes")" = "$(jq .ship.kept "$mine/diff.json")" ] || die "the picture has other layers: $(cat "$mine/shapes")"
! grep -q '^stays: ' "$mine/shapes" || die "the picture shows what has not changed"

say "the bytes to ship are those that a registry with A lacks"
start_registry
blobs() { find "$mine/registry" -path '*/blobs/sha256/*/data' -printf '%h\n' | sort; }
skopeo copy --quiet --preserve-digests --dest-tls-verify=false "oci:$mine/a" "docker://$registry/site:a"
blobs >"$mine/blobs.a"
skopeo copy --quiet --preserve-digests --dest-tls-verify=false "oci:$mine/b" "docker://$registry/site:b"
new=$(blobs | comm -13 "$mine/blobs.a" - | while read -r blob; do stat -c %s "$blob/data"; done | sort -n)
config_and_manifest=$(($(head -n 2 <<<"$new" | paste -sd+)))
[ "$(($(paste -sd+ <<<"$new") - config_and_manifest))" = "$(jq .ship.size "$mine/diff.json")" ] ||
	die "the registry got $(paste -sd' ' <<<"$new"), diff says $(jq -c .ship "$mine/diff.json")"
say "$(jq -r '"\(.ship.new) layers, \(.ship.size) bytes; \(.ship.kept) kept"' "$mine/diff.json")"
from_registry() { "${inside[@]}" "$MINIMIRROR" diff "docker://$registry/site:a" "docker://$registry/site:b" --insecure --changelog --format json; }
from_registry | jq 'del(.a.reference, .b.reference)' >"$mine/registry.json"
jq 'del(.a.reference, .b.reference)' "$mine/diff.json" | cmp - "$mine/registry.json" || die "another difference from a registry"

say "apt's own view"
# client DIR makes a state of apt with both architectures.
client() {
	apt_client "$1"
	sed -i 's/APT::Architectures { "amd64"; }/APT::Architectures { "amd64"; "i386"; }/' "$1/apt.conf"
	apt_in "$1" apt-get -qq --error-on=any update
}
netns_up diff
start_server --image "oci:$mine/a"
client "$mine/apt-a"
# The node has every package that A offers.
mkdir -p "$mine/node"
"${inside[@]}" env "APT_CONFIG=$mine/apt-a/apt.conf" apt-cache dumpavail | sed 's/^Package: .*/&\nStatus: install ok installed/' >"$mine/status"
[ "$(grep -c ^Status: "$mine/status")" -ge 14 ] || die "the node has too little: $(grep ^Package: "$mine/status")"
start_server --image "oci:$mine/b"
get "$url/-/size" | grep 'One layer with [0-9.]* kB was added with this lock and is new' >/dev/null || die "the page of sizes does not say which layers the update brings"
client "$mine/apt-b"
cp "$mine/status" "$mine/apt-b/status"
apt_in "$mine/apt-b" apt-get -s -o APT::Get::Show-User-Simulation-Note=false dist-upgrade >"$mine/apt.out"
# Inst NAME[:ARCH] [OLD] (NEW SUITE [ARCH]) …
sed -n 's/^Inst \([^ :]*\)[^ ]* \[\([^]]*\)\] (\([^ ]*\) .*\[\([a-z0-9]*\)\]).*/\1 \4 \2 \3/p' "$mine/apt.out" | sort >"$mine/apt.upgraded"
jq -r '.changes[] | select(.what == "upgraded" and .new.attributes.architecture != "source") | "\(.name) \(.new.attributes.architecture) \(.old.version) \(.new.version)"' "$mine/diff.json" | sort >"$mine/diff.upgraded"
diff "$mine/apt.upgraded" "$mine/diff.upgraded" || { cat "$mine/apt.out" >&2; die "apt upgrades others than diff names"; }
[ "$(wc -l <"$mine/diff.upgraded")" = 10 ] || die "not all are upgraded: $(cat "$mine/diff.upgraded")"
say "$(wc -l <"$mine/diff.upgraded") upgrades, the same as apt's: $(paste -sd, "$mine/diff.upgraded")"
sed -n 's/^Inst \([^ :]*\)[^ ]* (\([^ ]*\) .*/\1 \2/p' "$mine/apt.out" >"$mine/apt.added"
[ "$(cat "$mine/apt.added")" = "new-library 0.1" ] || die "apt installs: $(cat "$mine/apt.added")"
[ "$(jq -r '.changes[] | select(.what == "added" and .new.attributes.architecture != "source") | "\(.name) \(.new.version)"' "$mine/diff.json")" = "new-library 0.1" ] || die "diff names others as added"
names() { jq -r --arg what "$1" '.changes[] | select(.what == $what and (.new // .old).attributes.architecture != "source") | .name' "$mine/diff.json" | paste -sd' '; }
[ "$(names downgraded)" = lower ] || die "downgraded: $(names downgraded)"
[ "$(names removed)" = leaves ] || die "removed: $(names removed)"
[ "$(names moved)" = becomes-stable ] || die "moved: $(names moved)"
[ "$(jq -r '[.changes[] | select(.new.security and .what == "upgraded") | "\(.name):\(.new.attributes.architecture)"] | sort | join(" ")' "$mine/diff.json")" = "libboth:amd64 libboth:i386" ] || die "others are security updates"
[ "$(jq -r '.history.issues | join(" ")' "$mine/diff.json")" = CVE-2024-0010 ] || die "the changelogs name $(jq -c .history.issues "$mine/diff.json")"
[ "$(jq '[.history.origins[] | select(.name == "plain")] | length' "$mine/diff.json")" = 1 ] || die "the changelog of plain is not there once"
