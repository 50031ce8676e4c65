#!/bin/bash
# Options of a source, each with the client that it is for, from an image and without a network.
. "$(dirname "$0")/lib.sh"
need apt-get apt-file curl dpkg-source
made_up_archive <<-END
	Suite: bookworm
	Codename: bookworm
	Sources: yes
	Languages: en de
	Contents: yes
	By-Hash: yes

	Package: app
	Version: 1:2.0-1
	Architecture: amd64
	Source: suite (1:2.0-0.9)
	Depends: libapp
	File: usr/bin/app
	File: usr/share/shared

	Package: libapp
	Version: 1:2.0-1
	Architecture: amd64
	Source: suite (1:2.0-0.9)

	Package: other
	File: usr/bin/other
	File: usr/share/shared
END
definition options <<-END
	debian:
	  sources:
	    - name: test
	      urls: [$archive]
	      suites: [bookworm]
	      components: [main]
	      architectures: [amd64]
	      signed-by: $mine/keys/archive.asc
	      sources: true
	      translations: [en, de]
	      contents: true
	  packages: [app]
	sets:
	  app: { debian: [app] }
END
"$MINIMIRROR" lock "$definition"
"$MINIMIRROR" build "$definition" --output "oci:$mine/image"
"$MINIMIRROR" verify "oci:$mine/image" --keyring "$mine/keys/archive.asc"
netns_up options
rules=$mine/rules.yaml
printf 'default: allow\nrules: []\n' >"$rules"
start_server --image "oci:$mine/image" --rules "$rules" --sign-key "$HOME/.config/minimirror/signing-key.asc"
apt=$mine/apt
apt_client "$apt"
updates() { apt_in "$apt" apt-get -q --error-on=any update >"$mine/apt.out" 2>&1 || { cat "$mine/apt.out" >&2; die "apt-get update"; }; }
updates

say "sources: apt-get source finds the source package of a binary package, and dpkg-source extracts it"
(cd "$mine" && apt_in "$apt" apt-get -q source app) >"$mine/apt.out" 2>&1 || { cat "$mine/apt.out" >&2; die "apt-get source app"; }
[ "$(cat "$mine"/suite-2.0/README)" = "source of suite 1:2.0-0.9" ] || die "apt-get source app extracted something else: $(find "$mine" -name README)"
! apt_in "$apt" apt-get -q source other >"$mine/apt.out" 2>&1 || die "a source package is offered that is not carried"
rm -rf "$mine"/suite*
"$MINIMIRROR" bootstrap --image "oci:$mine/image" --set app --architecture amd64 --to "$mine/node" >/dev/null
[ -z "$(find "$mine/node" -name '*.dsc' -o -name '*.tar.*')" ] || die "a node gets source packages"
! "$MINIMIRROR" bootstrap --image "oci:$mine/image" --package suite --architecture amd64 --to "$mine/node2" >"$mine/node.out" 2>&1 || die "a node can install a source package"

say "translations: apt-cache show has the whole description, in the user's language"
show() { apt_in "$apt" apt-cache show app >"$mine/apt.out" || die "apt-cache show"; }
show
grep -qx 'Description-en: app in en' "$mine/apt.out" && grep -qx ' of 1:2.0-1.' "$mine/apt.out" || die "no description: $(cat "$mine/apt.out")"
echo 'Acquire::Languages { "de"; "en"; };' >>"$apt/apt.conf"
updates
show
grep -qx 'Description-de: app in de' "$mine/apt.out" || die "no description in German: $(cat "$mine/apt.out")"

say "contents: apt-file finds the packages of a file, of those that are carried"
cp /etc/apt/apt.conf.d/50apt-file.conf "$apt/etc/apt.conf.d/"
# found PATTERN PACKAGE… wants that apt-file finds these packages.
found() {
	local pattern=$1 got
	shift
	got=$(apt_in "$apt" apt-file search "$pattern" 2>"$mine/apt-file.err" | sed 's/: .*//' | sort | paste -sd' ') || true
	[ "$got" = "$*" ] || { cat "$mine/apt-file.err" >&2; die "apt-file search $pattern finds \"$got\", not \"$*\""; }
}
updates
found bin/app app
found share/shared app
found bin/other

say "rules: what is denied is in none of these indexes"
rule 'default: allow' 'rules:' '- deny: { package: app }'
updates
found bin/app
! apt_in "$apt" apt-cache show app >"$mine/apt.out" 2>&1 || die "a denied package is described"
rule 'default: allow' 'rules: []'
updates
found bin/app app

rule 'default: allow' 'rules:' '- deny: { source: suite, architecture: source, reason: no sources here }'
updates
! apt_in "$apt" apt-get -q source app >"$mine/apt.out" 2>&1 || die "a denied source package is offered"
apt_in "$apt" apt-get -qq -s install app >/dev/null || die "with its source package, a package is denied"
status=$("${inside[@]}" curl --silent --output /dev/null --write-out '%{http_code}' --noproxy '*' "$url/test/pool/main/s/suite/suite_2.0-0.9.tar.gz")
[ "$status" = 403 ] || die "a file of a denied source package is answered with $status"
rule 'default: allow' 'rules: []'
updates
