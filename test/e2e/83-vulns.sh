#!/bin/bash
# What is known of vulnerabilities, carried in an image and asked without a network: a file of Debian's security tracker with every status, epochs,
# rebuilt packages, packages of one's own and of a vendor. debsecan, with the same data, names the same packages on a node.
. "$(dirname "$0")/lib.sh"
need jq curl debsecan dpkg-deb

made_up_archive <<-END
	Suite: bookworm
	Codename: bookworm
	Origin: Debian

	Package: libold
	Source: old
	Version: 1.0-1

	Package: libdone
	Source: done
	Version: 1:2.0-1+deb12u3

	Package: rebuilt
	Source: rebuilt (1.2-3)
	Version: 1.2-3+b1

	Package: renamed-tools
	Source: renamed (2:3.0~rc1-1)
	Version: 9.9-1

	Package: quiet
	Version: 1-1

	Package: dpkg
	Version: 1.21

	Suite: vendor
	Codename: vendor
	Origin: Example Inc.

	Package: agent
	Version: 7-1
END
mkdir -p "$mine/debs" "$mine/site-tool/DEBIAN" "$mine/nodes"
printf 'Package: site-tool\nVersion: 1-1\nArchitecture: all\nMaintainer: Site <root@example.org>\nDescription: a tool\n' >"$mine/site-tool/DEBIAN/control"
dpkg-deb --root-owner-group -b "$mine/site-tool" "$mine/debs/site-tool.deb" >/dev/null

# statement STATUS FIXED URGENCY [NODSA REASON] is one of the tracker's for a release.
statement() {
	jq -cn --arg s "$1" --arg f "$2" --arg u "$3" --arg n "${4:-}" --arg r "${5:-}" \
		'{status: $s, repositories: {}, urgency: $u} + (if $f == "" then {} else {fixed_version: $f} end) + (if $n == "" then {} else {nodsa: $n, nodsa_reason: $r} end)'
}
jq -n --argjson open "$(statement open '' 'not yet assigned')" --argjson high "$(statement resolved 1.0-1+deb12u1 'high**')" --argjson nodsa "$(statement open '' low 'Minor issue' postponed)" \
	--argjson unimportant "$(statement open '' unimportant)" --argjson eol "$(statement open '' end-of-life)" --argjson never "$(statement resolved 0 medium)" --argjson what "$(statement undetermined '' 'not yet assigned')" \
	--argjson new "$(statement sentient '' high)" --argjson epoch "$(statement resolved '1:2.0-1+deb12u2' medium)" --argjson epoch2 "$(statement resolved '1:2.0-1+deb12u4' medium)" --argjson noepoch "$(statement resolved '9.0-1' medium)" \
	--argjson same "$(statement resolved 1.2-3 high)" --argjson next "$(statement resolved 1.2-4 high)" --argjson rc "$(statement resolved '2:3.0-1' low)" --argjson sid "$(statement resolved 0.9-1 medium)" '{
	old: {
		"CVE-2024-0001": {description: "open", releases: {bookworm: $open, trixie: $never}},
		"CVE-2024-0002": {description: "fixed in a later version", releases: {bookworm: $high}},
		"CVE-2024-0003": {description: "no DSA", releases: {bookworm: $nodsa}},
		"CVE-2024-0004": {description: "unimportant", releases: {bookworm: $unimportant}},
		"CVE-2024-0005": {description: "end of life", releases: {bookworm: $eol}},
		"CVE-2024-0006": {description: "never affected", releases: {bookworm: $never}},
		"CVE-2024-0007": {description: "undetermined", releases: {bookworm: $what}},
		"CVE-2024-0008": {description: "a status of later years", releases: {bookworm: $new}},
		"CVE-2024-0009": {description: "another release", releases: {trixie: $open}},
		"TEMP-0000000-1": {description: "open here, but fixed in sid before this version", releases: {bookworm: $open, sid: $sid}}},
	done: {"CVE-2024-0011": {description: "epoch", releases: {bookworm: $epoch}}, "CVE-2024-0012": {description: "epoch, not yet", releases: {bookworm: $epoch2}}, "CVE-2024-0013": {description: "no epoch", releases: {bookworm: $noepoch}}},
	rebuilt: {"CVE-2024-0021": {description: "the source is fixed", releases: {bookworm: $same}}, "CVE-2024-0022": {description: "the source is not", releases: {bookworm: $next}}},
	renamed: {"CVE-2024-0031": {description: "a release candidate", releases: {bookworm: $rc}}},
	agent: {"CVE-2024-0041": {description: "a package of this name in Debian", releases: {bookworm: $open}}},
	"site-tool": {"CVE-2024-0042": {description: "likewise", releases: {bookworm: $open}}},
	"renamed-tools": {"CVE-2024-0043": {description: "a name of a binary package", releases: {bookworm: $open}}}}' >"$mine/tracker.json"

definition site <<-END
	debian:
	  sources:
	    - { name: test, urls: [$archive], suites: [bookworm, vendor], components: [main], architectures: [amd64], signed-by: $mine/keys/archive.asc }
	    - { name: site, debs: [../debs/*.deb] }
	  packages: all
	advisories:
	  - { name: tracker, tracker: ../tracker.json, date: "2024-05-01" }
END
"$MINIMIRROR" build "$definition" --output "oci:$mine/image" >/dev/null 2>"$mine/build.log" || { cat "$mine/build.log" >&2; die "build"; }

say "each status is what it says"
"$MINIMIRROR" vulns "oci:$mine/image" --format json >"$mine/report.json"
jq -r '.findings[] | "\(.id) \(.status) \(.urgency) \(.fixed // "-") \(.carried)"' "$mine/report.json" | sort >"$mine/findings"
diff "$mine/findings" - <<-END || die "other findings: see above"
	CVE-2024-0001 affected unknown - false
	CVE-2024-0002 affected high 1.0-1+deb12u1 false
	CVE-2024-0003 affected low - false
	CVE-2024-0004 affected unimportant - false
	CVE-2024-0005 affected end-of-life - false
	CVE-2024-0006 not-affected medium - false
	CVE-2024-0007 undetermined unknown - false
	CVE-2024-0008 undetermined high - false
	CVE-2024-0011 fixed medium 1:2.0-1+deb12u2 false
	CVE-2024-0012 affected medium 1:2.0-1+deb12u4 false
	CVE-2024-0013 fixed medium 9.0-1 false
	CVE-2024-0021 fixed high 1.2-3 false
	CVE-2024-0022 affected high 1.2-4 false
	CVE-2024-0031 affected low 2:3.0-1 false
	TEMP-0000000-1 fixed unknown 0.9-1 false
END
jq -e '[.unknown[] | {(.why): .items}] | add == {"packages of your own": ["site-tool"], "packages of Example Inc.": ["agent"]}' "$mine/report.json" >/dev/null || die "it does not say what it cannot know: $(jq -c .unknown "$mine/report.json")"
jq -e '.knowledge == [{source: "tracker", date: "2024-05-01T00:00:00Z", url: "../tracker.json", sha256: .knowledge[0].sha256}]' "$mine/report.json" >/dev/null || die "knowledge: $(jq -c .knowledge "$mine/report.json")"
cmp <("$MINIMIRROR" vulns "$definition" --format json | jq 'del(.reference)') <(jq 'del(.reference, .digest)' "$mine/report.json") || die "the lock says something else than the image"

say "the text says how old it is, what fixes it, and what it cannot know"
"$MINIMIRROR" vulns "oci:$mine/image" >"$mine/report.txt"
for line in 'known from tracker: 2024-05-01 00:00 UTC, [0-9]+ days old \(\.\./tracker\.json\)' 'high +CVE-2024-0002 +old 1\.0-1: fixed in 1\.0-1\+deb12u1, which the image does not have' \
	'low +CVE-2024-0003 +old 1\.0-1: not fixed yet; no update for this alone \(postponed: Minor issue\)' 'end-of-life +CVE-2024-0005 +old 1\.0-1: no longer supported, and not fixed' \
	'no advisories speak of packages of your own: site-tool' 'no advisories speak of packages of Example Inc\.: agent' \
	'7 affected \(2 high, 1 medium, 1 unknown, 1 end-of-life, 2 low\), 4 of them fixed in a later version; 1 unimportant; 2 undetermined; 4 fixed; 1 not affected'; do
	grep -Eqx "$line" "$mine/report.txt" || { cat "$mine/report.txt"; die "the report has no line $line"; }
done
! grep -q 'CVE-2024-0004\|CVE-2024-0011' "$mine/report.txt" || die "what needs nothing is listed"
"$MINIMIRROR" vulns "oci:$mine/image" --all | grep 'CVE-2024-0004' >/dev/null || die "--all does not list what is unimportant"
"$MINIMIRROR" inspect "oci:$mine/image" | grep '2024-05-01' >/dev/null || die "inspect does not show the date"

start_server "oci:$mine/image"
get -H 'Accept: text/html' "$url/-/vulnerabilities" >"$mine/page.html"
for text in '2024-05-01 00:00 UTC' 'CVE-2024-0002' 'fixed in 1.0-1+deb12u1, which the image does not have' 'No advisories cover packages of Example Inc.: 1 item' '7 affected'; do
	sed 's/&#43;/+/g' "$mine/page.html" | grep -F -- "$text" >/dev/null || { cat "$mine/page.html"; die "the page does not say $text"; }
done

say "programs get the same from the server"
api() { get "$url/api/v1/vulnerabilities?limit=1000&$1"; }
api status=affected,undetermined,fixed,not-affected >"$mine/api.json"
cmp <(jq -S .findings "$mine/api.json") <(jq -S .findings "$mine/report.json") || die "the API has other findings"
jq -e --slurpfile report "$mine/report.json" '.knowledge == $report[0].knowledge and .unknown == $report[0].unknown and .items == $report[0].items and .count == 15' "$mine/api.json" >/dev/null || die "the API: $(jq -c 'del(.findings)' "$mine/api.json")"
selected() { [ "$(api "$1" | jq -r '[.findings[].id | ltrimstr("CVE-2024-00")] | join(" ")')" = "$2" ] || die "?$1: $(api "$1" | jq -c '[.findings[].id]')"; }
selected '' '02 22 12 01 05 03 31 08 07'
selected match=high '02 22'
selected match=low,fixable '02 22 12 31'
selected match=undetermined '08 07'
selected 'q=RENAMED' 31
selected 'q=cve-2024-000&status=not-affected' 06
selected 'match=any&offset=6&limit=2' '31 04'
page() { get -H 'Accept: text/html' "$url/-/vulnerabilities?$1"; }
page 'match=undetermined' >"$mine/page.html"
grep -q CVE-2024-0007 "$mine/page.html" && ! grep -q CVE-2024-0002 "$mine/page.html" || die "the page does not select"

say "a pipeline fails for what it asks"
fails() {
	local code=0
	"$MINIMIRROR" vulns "oci:$mine/image" --fail-on "$2" >/dev/null 2>"$mine/fails.log" || code=$?
	[ "$code" = "$1" ] || { cat "$mine/fails.log" >&2; die "--fail-on $2: exit $code, not $1"; }
}
fails 5 high
fails 5 critical,unknown
fails 0 critical
fails 5 fixable
fails 5 end-of-life
fails 0 end-of-life,fixable
fails 2 terrible
fails 5 undetermined
fails 0 critical
grep -q '^warning: 2 vulnerabilities are undetermined: .*--fail-on critical does not count them$' "$mine/fails.log" || die "it passes without a word of what is undetermined: $(cat "$mine/fails.log")"

say "debsecan names the same packages of a node"
awk 'BEGIN { RS = ""; FS = "\n" } { print $0 "\nStatus: install ok installed\nArchitecture: amd64\nMaintainer: x <x@example.org>\nDescription: x\n" }' >"$mine/nodes/node.status" <<-END
	Package: dpkg
	Version: 1.21

	Package: libold
	Source: old
	Version: 1.0-1

	Package: old-doc
	Source: old
	Version: 1.0-1+deb12u1

	Package: libdone
	Source: done
	Version: 1:2.0-1+deb12u1

	Package: rebuilt
	Source: rebuilt (1.2-3)
	Version: 1.2-4+b1

	Package: renamed-extra
	Source: renamed (2:3.0-1)
	Version: 1-1
END
mkdir -p "$mine/debsecan"
jq -r '[to_entries[] | .key as $p | .value | to_entries[] | select(.value.releases.bookworm) | {p: $p, id: .key, b: .value.releases.bookworm, s: (.value.releases.sid // {})}
		| select(.b.status == "open" or (.b.status == "resolved" and .b.fixed_version != "0"))] as $all
	| "VERSION 1", ($all[] | "\(.id),,x"), "", ($all | to_entries[] | "\(.value.p),\(.key),S ? ,\(.value.b.fixed_version // .value.s.fixed_version // ""),"), ""' "$mine/tracker.json" |
	python3 -c 'import sys, zlib; sys.stdout.buffer.write(zlib.compress(sys.stdin.buffer.read()))' >"$mine/debsecan/GENERIC"
debsecan --source "file://$mine/debsecan" --status "$mine/nodes/node.status" --config /dev/null --history "$mine/history" --whitelist "$mine/none" --format simple | sort >"$mine/theirs"
"$MINIMIRROR" vulns "oci:$mine/image" --status "$mine/nodes/node.status" --format json >"$mine/node.json"
jq -r '.findings[] | select(.status == "affected") | .id + " " + .items[].name' "$mine/node.json" | sort >"$mine/ours"
[ -s "$mine/theirs" ] && diff "$mine/theirs" "$mine/ours" || die "debsecan says something else: see above"
[ "$(jq -r '.findings[] | select(.id == "CVE-2024-0011") | "\(.status) \(.carried)"' "$mine/node.json")" = 'affected true' ] || die "the image has what fixes CVE-2024-0011, and the report does not say so"

say "newer advisories count before those of the image"
jq '{old: {"CVE-2024-0001": .old["CVE-2024-0002"]}}' "$mine/tracker.json" | gzip >"$mine/newer.json.gz"
"$MINIMIRROR" vulns "oci:$mine/image" --advisories "$mine/newer.json.gz" --format json >"$mine/newer-report.json"
[ "$(jq -r '.findings[] | select(.id == "CVE-2024-0001") | .fixed' "$mine/newer-report.json")" = 1.0-1+deb12u1 ] || die "the newer file does not count"

say "the lock keeps them until an update"
jq 'del(.old)' "$mine/tracker.json" >"$mine/changed.json"
mv "$mine/changed.json" "$mine/tracker.json"
"$MINIMIRROR" lock "$definition" >"$mine/lock.log" 2>&1
"$MINIMIRROR" lock --check "$definition" >>"$mine/lock.log" 2>&1 || { cat "$mine/lock.log"; die "data that change every day make --check fail"; }
"$MINIMIRROR" vulns "$definition" --format json | jq -e '.findings | length == 15' >/dev/null || die "a lock without --update changes the advisories"
"$MINIMIRROR" lock --update "$definition" tracker >"$mine/lock.log" 2>&1 || { cat "$mine/lock.log"; die "lock --update"; }
"$MINIMIRROR" vulns "$definition" --format json | jq -e '.findings | length == 6' >/dev/null || die "lock --update does not change the advisories"

say "advisories that say nothing of the release are no reason to pass"
cp "$mine/tracker.json" "$mine/kept.json"
jq 'map_values(map_values(.releases |= {trixie: [.[]][0]}))' "$mine/kept.json" >"$mine/tracker.json"
"$MINIMIRROR" lock --update "$definition" tracker >"$mine/lock.log" 2>&1 || { cat "$mine/lock.log"; die "lock --update"; }
code=0
"$MINIMIRROR" vulns "$definition" --fail-on any >/dev/null 2>"$mine/undecided.log" || code=$?
[ "$code" = 1 ] && grep -q -- '--fail-on cannot be decided: no advisory speaks of Debian bookworm$' "$mine/undecided.log" || { cat "$mine/undecided.log" >&2; die "--fail-on: exit $code, not 1"; }
mv "$mine/kept.json" "$mine/tracker.json"
mkdir "$mine/plain" && echo plain >"$mine/plain/plain"
known=$definition
definition plain <<<"files: [{ name: plain, path: $mine/plain }]"
"$MINIMIRROR" lock "$definition" >"$mine/lock.log" 2>&1
code=0
"$MINIMIRROR" vulns "$definition" --advisories "$mine/tracker.json" --fail-on any >/dev/null 2>"$mine/undecided.log" || code=$?
[ "$code" = 1 ] && grep -q -- '--fail-on cannot be decided: no advisory covers any of its items$' "$mine/undecided.log" || { cat "$mine/undecided.log" >&2; die "--fail-on of plain files: exit $code, not 1"; }
definition=$known
"$MINIMIRROR" lock --update "$definition" tracker >"$mine/lock.log" 2>&1 || { cat "$mine/lock.log"; die "lock --update"; }

say "what is no file of the tracker is refused"
refused() {
	if "$MINIMIRROR" lock --update "$definition" >"$mine/refused" 2>&1 || ! grep -q "$1" "$mine/refused"; then
		cat "$mine/refused" >&2
		die "not refused, or not with $1"
	fi
}
cp "$mine/tracker.json" "$mine/good.json"
head -c 700 "$mine/good.json" >"$mine/tracker.json"; refused 'it is cut off'
echo '<html>moved</html>' >"$mine/tracker.json"; refused "not the data of Debian's security tracker"
echo '{"old": {}, "old": {}}' >"$mine/tracker.json"; refused 'the key "old" is repeated'
