#!/bin/bash
# Options of a source, each with the client that it is for, from an image and without a network.
. "$(dirname "$0")/lib.sh"
need apt-get apt-file appstreamcli curl dpkg-source gpg gpgv
made_up_archive <<-END
	Suite: bookworm
	Codename: bookworm
	Sources: yes
	Languages: en de
	Contents: yes
	Commands: yes
	AppStream: yes
	Installer: yes
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
	      commands: true
	      appstream: true
	      installer: [netboot]
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

say "commands: command-not-found knows the packages of a command; appstream: appstreamcli reads the applications"
[ -e /usr/lib/cnf-update-db ] || die "command-not-found is missing; type: sudo $repo/test/e2e/setup.sh"
cp /etc/apt/apt.conf.d/50appstream "$apt/etc/apt.conf.d/"
sed '/Post-Invoke/,$d; s/DefaultEnabled "no"/DefaultEnabled "yes"/' /etc/apt/apt.conf.d/50command-not-found >"$apt/etc/apt.conf.d/50command-not-found"
sed -i '/Post-Invoke/,$d' "$apt/etc/apt.conf.d/50appstream"
# commands_of COMMAND prints the packages that have it, as command-not-found finds them.
commands_of() {
	rm -f "$mine"/commands.db*
	PYTHONPATH=/usr/share/command-not-found /usr/bin/python3 - "$mine/commands.db" "$1" "$apt"/lists/*Commands-amd64 <<-'END'
		import sys
		from CommandNotFound.db.creator import DbCreator
		from CommandNotFound.db.db import SqliteDatabase
		DbCreator(sys.argv[3:]).create(sys.argv[1])
		print(" ".join(p for p, *_ in SqliteDatabase(sys.argv[1]).lookup(sys.argv[2])))
	END
}
applications() {
	zcat -f "$apt"/lists/*Components-amd64.yml* >"$mine/apps.yml"
	appstreamcli convert "$mine/apps.yml" "$mine/apps.xml" >/dev/null || die "appstreamcli does not read it"
	sed -n 's,.*<pkgname>\(.*\)</pkgname>.*,\1,p' "$mine/apps.xml" | sort | paste -sd' '
}
updates
# named COMMANDS APPLICATIONS wants that appctl, libappctl and otherctl are commands of these, and that these are applications.
named() {
	local commands=() command found apps
	for command in appctl libappctl otherctl; do
		found=$(commands_of "$command") || die "command-not-found: see above"
		commands+=(${found:+"$found"})
	done
	apps=$(applications)
	[ "${commands[*]}" = "$1" ] || die "command-not-found finds \"${commands[*]}\", not \"$1\""
	[ "$apps" = "$2" ] || die "appstreamcli finds \"$apps\", not \"$2\""
}
named "app libapp" "app libapp"

say "installer: kernel and initrd, verified from the InRelease on"
# installer_from fetches the images and verifies them as an installer's user does, by the mirror's key.
installer_from() {
	local images=main/installer-amd64/current/images dists=$url/test/dists/bookworm sum
	rm -rf "$mine/images" && mkdir "$mine/images"
	(
		cd "$mine/images"
		sed -n '/^Signed-By:/,$ { s/^ \.$//; s/^ //; /^Signed-By:/d; p }' "$apt/etc/sources.list.d/minimirror.sources" >key.asc
		gpg --homedir "$PWD" --batch --quiet --no-autostart --dearmor <key.asc >key.gpg 2>/dev/null
		get "$dists/InRelease" --output InRelease
		gpgv --quiet --keyring "$PWD/key.gpg" --output Release InRelease 2>gpgv.err || { cat gpgv.err >&2; exit 1; }
		get "$dists/$images/SHA256SUMS" --output SHA256SUMS
		sum=$(sha256sum <SHA256SUMS) && grep -q "^ ${sum%% *} .* $images/SHA256SUMS\$" Release
		for file in linux initrd.gz; do
			get "$dists/$images/netboot/debian-installer/amd64/$file" --create-dirs --output "netboot/debian-installer/amd64/$file" || exit 1
		done
		sha256sum --quiet --check SHA256SUMS
	)
}
installer_from || die "the installer's kernel and initrd"
grep -q 'netboot/debian-installer/amd64/linux of bookworm' "$mine/images/netboot/debian-installer/amd64/linux" || die "another kernel"
! get "$url/test/dists/bookworm/main/installer-amd64/current/images/cdrom/vmlinuz" >/dev/null 2>&1 || die "images are carried that nobody asked for"

say "rules: what is denied is in none of these indexes"
rule 'default: allow' 'rules:' '- deny: { package: app }'
updates
found bin/app
named libapp libapp
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
