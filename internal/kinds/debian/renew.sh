#!/bin/sh
# Fetches @FILE@ from the mirror again, so that apt reads the suites and
# sources that a later image has. What the file rests on stays: with another key, another address, or fields that a mirror does not
# write, the new file is refused, and nothing changes.
set -eu
umask 022
mirror='@MIRROR@'
address='@ADDRESS@'
file='@FILE@'
fail() { echo "minimirror: $file stays as it is: $*" >&2; exit 1; }
[ "$(id -u)" = 0 ] || fail "root is needed"
[ -f "$file" ] || fail "it is missing; run setup.sh from the mirror's kit"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
/usr/lib/apt/apt-helper -o APT::Sandbox::User=root download-file "$address" "$work/new" >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "$address cannot be fetched"; }

# keys prints the key of each paragraph on a line, each once.
keys() {
	awk '
		function flush() { if (seen) print key; seen = inside = 0; key = "" }
		/^[ \t]*$/ { flush(); next }
		{ seen = 1 }
		/^[ \t]/ { if (inside) key = key "|" $0; next }
		{ inside = tolower($0) ~ /^signed-by:/; if (inside) { sub(/^[^:]*:[ \t]*/, ""); key = key $0 } }
		END { flush() }' "$1" | sort -u
}
keys "$work/new" >"$work/new.keys"
keys "$file" >"$work/keys"
[ "$(wc -l <"$work/keys")" = 1 ] || fail "it has several keys, or none; run setup.sh from the mirror's kit"
cmp -s "$work/keys" "$work/new.keys" || fail "the mirror sends another key. If the mirror's key was changed, compare its fingerprint, and run setup.sh from the new kit"
others=$(awk -v mirror="$mirror/" '
	/^$/ { inside = 0; next }
	/^ / { if (!inside) print; next }
	{ inside = 0 }
	/^Signed-By:$/ { inside = 1; next }
	/^Types: deb( deb-src)?$/ { next }
	/^(Suites|Components|Architectures): [A-Za-z0-9._+~\/ -]+$/ { next }
	/^URIs: / && index($0, "URIs: " mirror) == 1 && substr($0, length("URIs: " mirror) + 1) ~ /^[A-Za-z0-9][A-Za-z0-9._+~-]*$/ { next }
	{ print }' "$work/new")
[ -z "$others" ] || fail "the mirror sends what is not its own: $(printf '%s\n' "$others" | head -n 1 | tr -cd '[:print:]')"

if cmp -s "$work/new" "$file"; then
	exit 0
fi
fresh=${file%/*}/.minimirror.sources.new # apt does not read hidden files
cat "$work/new" >"$fresh"
mv -f "$fresh" "$file"
echo "minimirror: renewed $file"
apt-get -qq update
