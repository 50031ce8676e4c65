#!/bin/bash
# Rules and what clients may be: clocks that are wrong, indexes without their digests as names, both forms of the
# signature, a flat repository, a second architecture, pins, priorities; and each condition with the key and without it.
. "$(dirname "$0")/lib.sh"
need curl apt-get gpgv gpg faketime

made_up_archive <<-END
	Suite: bookworm
	Codename: bookworm
	Components: main contrib
	Architectures: amd64 i386
	By-Hash: yes

	Package: app
	Version: 2.0-1
	Architecture: amd64
	Depends: lib (>= 1.1)

	Package: lib
	Version: 1.0
	Architecture: amd64
	Source: libs
	Multi-Arch: same

	Package: lib
	Version: 1.0
	Architecture: i386
	Source: libs
	Multi-Arch: same

	Package: lib
	Version: 1.1
	Architecture: amd64
	Source: libs
	Multi-Arch: same

	Package: lib
	Version: 1.1
	Architecture: i386
	Source: libs
	Multi-Arch: same

	Package: game
	Version: 1.0
	Section: games

	Package: tool
	Version: 1:1.0~rc+1
	Component: contrib
	Section: contrib/net

	Suite: bookworm-backports
	Codename: bookworm-backports
	NotAutomatic: yes
	ButAutomaticUpgrades: yes
	Architectures: amd64 i386

	Package: lib
	Version: 2.0~bpo12+1
	Architecture: amd64
	Source: libs
	Multi-Arch: same

	Suite: flat/

	Package: extra
	Version: 1.0
	Architecture: amd64
END
definition clients <<-END
	debian:
	  sources:
	    - name: test
	      urls: [$archive]
	      suites: [bookworm, bookworm-backports]
	      components: [main]
	      architectures: [amd64, i386]
	      signed-by: $mine/keys/archive.asc
	    - name: more
	      urls: [$archive]
	      suites: [bookworm]
	      components: [contrib]
	      architectures: [amd64]
	      signed-by: $mine/keys/archive.asc
	    - name: level
	      urls: [$archive]
	      suites: [flat/]
	      architectures: [amd64]
	      signed-by: $mine/keys/archive.asc
	  packages: all
	sets:
	  app: { debian: [app] }
END
"$MINIMIRROR" build "$definition" --output "oci:$mine/image"
key=(--sign-key "$HOME/.config/minimirror/signing-key.asc")
rules=$mine/rules.yaml apt=$mine/apt
netns_up rules # with ports of its own: each server has the address of the one before
listen=127.0.0.1:80

# serve ARGUMENT… starts the server with no rules yet.
serve() {
	[ -z "${server:-}" ] || end "$server"
	echo 'rules: []' >"$rules"
	start_server --image "oci:$mine/image" "$@"
}
# client: one that has never been here. update [COMMAND…]: it updates, below a command.
client() { rm -rf "$apt" && apt_client "$apt"; }
update() { apt_in "$apt" "$@" apt-get -q --error-on=any update >"$mine/apt.out" 2>&1 || { cat "$mine/apt.out" >&2; die "apt-get update ($*)"; }; }
# knows NAME VERSION…: apt has these versions of it, the highest first.
knows() {
	local got
	got=$(apt_in "$apt" apt-cache madison "$1" 2>/dev/null | awk '{ print $3 }' | uniq | xargs)
	[ "$got" = "${*:2}" ] || die "apt knows $1 in ${got:-no version}, want ${*:2}"
}
# installs NAME=VERSION… ARGUMENT…: apt would install just these.
installs() {
	local got
	got=$(apt_in "$apt" apt-get -s -qq install "${@:2}" 2>&1 | sed -n 's/^Inst \([^ ]*\) (\([^ ]*\).*/\1=\2/p' | LC_ALL=C sort | xargs)
	[ "$got" = "$1" ] || die "apt-get install ${*:2}: ${got:-nothing}, want $1"
}
refuses() { ! apt_in "$apt" apt-get -s -qq install "$1" >/dev/null 2>&1 || die "apt installs $1"; }
# breaks: rules check says that something breaks, and what.
breaks() {
	! "$MINIMIRROR" rules check "$rules" "oci:$mine/image" >"$mine/check" 2>/dev/null || die "rules check sees nothing"
	grep -q "$1" "$mine/check" || die "rules check does not say \"$1\": $(cat "$mine/check")"
}

# A client's clock may be anything that is not before the lock.
serve
lock=$(get "$url/test/dists/bookworm/Release" | sed -n 's/^Date: //p')
serve --rules "$rules" "${key[@]}"
for clock in "$lock +1 minute" "$lock +1 year" "-1 year" "-1 day" "+1 day" "+1 year"; do
	at=$(date --utc --date="$clock" '+@%Y-%m-%d %H:%M:%S')
	client
	update faketime -f "$at"
	knows game 1.0
	rule 'rules:' ' - deny: { package: game }'
	update faketime -f "$at"
	knows game
	rule 'rules: []'
done
say "clocks from the lock's date on see each change"

# The date is the same with rules and without them: so a client follows a server that has none any more.
rule 'rules:' ' - deny: { package: game }'
client
update
knows game
serve
update
knows game 1.0
serve --rules "$rules" "${key[@]}"
rule 'rules:' ' - deny: { package: game }'
update
knows game
say "a server with rules, one without, and back"

# Indexes by their plain names, with differences asked for, and packed.
for option in 'Acquire::By-Hash "no";' 'Acquire::PDiffs "true";' 'Acquire::GzipIndexes "true";'; do
	rule 'rules: []'
	client
	echo "$option" >>"$apt/apt.conf"
	for i in 1 2; do
		update
		knows game 1.0
		knows extra 1.0
		rule 'rules:' ' - deny: { package: [game, extra] }'
		update
		knows game
		knows extra
		rule 'rules: []'
	done
done
say "whichever way clients fetch indexes, a flat repository's included"

# Both forms of the signature say the same.
get "$url/minimirror.asc" | gpg --batch --no-options --dearmor >"$mine/key.gpg" 2>/dev/null
rule 'rules:' ' - deny: { package: [game, extra] }'
for suite in test/dists/bookworm test/dists/bookworm-backports more/dists/bookworm level/flat; do
	for file in InRelease Release Release.gpg; do get "$url/$suite/$file" >"$mine/$file"; done
	gpgv --keyring "$mine/key.gpg" "$mine/Release.gpg" "$mine/Release" 2>"$mine/gpgv.log" || { cat "$mine/gpgv.log" >&2; die "$suite: Release.gpg"; }
	gpgv --keyring "$mine/key.gpg" --output "$mine/text" "$mine/InRelease" 2>"$mine/gpgv.log" || { cat "$mine/gpgv.log" >&2; die "$suite: InRelease"; }
	diff --ignore-blank-lines "$mine/text" "$mine/Release" || die "$suite: InRelease is not Release"
	rm "$mine/text"
done
say "InRelease and Release.gpg sign one text"

# A rule for one architecture, and a client of two.
rule 'rules:' ' - deny: { package: lib, architecture: i386, version: "= 1.1" }'
client
sed -i 's/APT::Architectures { "amd64"; }/APT::Architectures { "amd64"; "i386"; }/' "$apt/apt.conf"
update
installs "app=2.0-1 lib=1.1" app
installs "lib:i386=1.0" lib:i386
rule 'rules:' ' - deny: { source: libs, architecture: i386 }'
update
installs "app=2.0-1 lib=1.1" app
refuses lib:i386
rule 'rules: []'
update
installs "lib:i386=1.1" lib:i386
say "a rule for one architecture"

# Pins and priorities: rules check foresees what apt does.
client
update
knows lib "2.0~bpo12+1" 1.1 1.0
installs "app=2.0-1 lib=1.1" app
"$MINIMIRROR" kit "oci:$mine/image" --address "$url" --prefer --to "$mine/kit" >/dev/null 2>&1 || die "kit"
cp "$(find "$mine/kit" -path '*preferences.d/*' -o -name '*preferences*' -type f | head -n 1)" "$apt/etc/preferences.d/minimirror"
installs "app=2.0-1 lib=1.1" app # preferred, and yet no backports
grep -q 'n=bookworm-backports' "$apt/etc/preferences.d/minimirror" || die "the kit's preferences"
rm "$apt/etc/preferences.d/minimirror"
rule 'rules:' ' - deny: { package: lib, version: "= 1.1" }'
update
refuses app
breaks 'app 2.0-1 .*apt takes lib 1.0 rather than lib 2.0~bpo12+1 (priority 500, not 100)'
installs "app=2.0-1 lib=2.0~bpo12+1" -t bookworm-backports app
rule 'rules:' ' - deny: { package: lib, version: "<= 1.1" }'
update
installs "app=2.0-1 lib=2.0~bpo12+1" app
breaks 'lib 1.1 on i386'
! grep -q 'app 2.0-1' "$mine/check" || die "rules check takes app for broken: $(cat "$mine/check")"
printf 'Package: lib\nPin: version 1.1\nPin-Priority: 1001\n' >"$apt/etc/preferences.d/pin"
installs "lib=2.0~bpo12+1" lib
rule 'rules: []'
update
installs "lib=1.1" lib
rule 'rules:' ' - deny: { package: lib, version: "= 1.1" }'
update
installs "lib=1.0" lib
say "pins and priorities"

# Each condition, with the key and without it. What is denied to all is absent with the key; else it
# stays in the index, and is refused at the download.
hour=$(date --utc +%H)
later=$(printf '%02d:00-%02d:00' $(((10#$hour + 3) % 24)) $(((10#$hour + 4) % 24 + ((10#$hour + 4) % 24 == 0 ? 24 : 0))))
conditions=(
	'package: game|absent|game'
	'package: "g?m*"|absent|game'
	'package: gam|allowed|game'
	'source: libs|absent|lib'
	'source: lib|allowed|lib'
	'package: tool, version: ">= 1:1.0~rc"|absent|tool'
	'package: tool, version: ">= 1:1.0"|allowed|tool'
	'package: app, architecture: amd64|absent|app'
	'package: app, architecture: all|allowed|app'
	'section: games|absent|game'
	'section: net|absent|tool'
	'section: contrib/net|absent|tool'
	'component: contrib|absent|tool'
	'component: main|allowed|tool'
	'suite: flat/|absent|extra'
	'suite: bookworm|absent|game'
	'suite: bookworm-backports|allowed|game'
	'kind: debian, package: extra|absent|extra'
	'package: game, client: 127.0.0.0/8|conditional|game'
	'package: game, client: [10.0.0.0/8, "::1"]|allowed|game'
	'package: game, client: [0.0.0.0/0, "::/0"]|absent|game'
	'package: game, time: "00:00-24:00"|conditional|game'
	"package: game, time: \"$later\"|allowed|game"
	'package: game, until: 2190-01-01|absent|game'
	'package: game, until: 2024-01-01|allowed|game'
	'package: game, from: 2190-01-01|allowed|game'
)
mkdir -p "$mine/downloads"
for how in with without; do
	[ "$how" = with ] || key=()
	serve --rules "$rules" "${key[@]}"
	client
	for each in "${conditions[@]}"; do
		IFS='|' read -r condition want name <<<"$each"
		rule 'rules:' " - deny: { $condition, reason: \"policy 4.2\" }"
		update
		offered=no code=0
		[ -z "$(apt_in "$apt" apt-cache madison "$name" 2>/dev/null)" ] || offered=yes
		rm -f "$mine"/downloads/*
		(cd "$mine/downloads" && apt_in "$apt" apt-get -qq download "$name" >"$mine/apt.out" 2>&1) || code=$?
		got="$offered $code"
		! grep -q ' 403 ' "$mine/apt.out" || got+=" 403"
		case $how-$want in
		*-allowed) expected="yes 0" ;;
		with-absent) expected="no 100" ;;
		*) expected="yes 100 403" ;;
		esac
		[ "$got" = "$expected" ] || die "$how the key: { $condition }: $name: $got, want $expected: $(cat "$mine/apt.out")"
	done
done
say "${#conditions[@]} conditions, each with the key and without it"
