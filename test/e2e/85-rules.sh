#!/bin/bash
# Rules as apt sees them: denied packages are removed from the indexes, which the server signs again, and apt takes
# the alternative; what is allowed again comes back, 50 times for one client with its state;
# a wrong file changes nothing; the audit trail has a whole line for each request, whatever ends the server.
. "$(dirname "$0")/lib.sh"
need curl jq apt-get gpgv logrotate

made_up_archive <<-END
	Suite: bookworm
	Codename: bookworm
	By-Hash: yes

	Package: app
	Version: 2.0-1
	Architecture: amd64
	Depends: mailer-a | mailer-b, libapp

	Package: libapp
	Version: 1:2.0+dfsg-1
	Architecture: amd64
	Source: app
	Section: libs

	Package: mailer-a
	Version: 1.0
	Section: mail

	Package: mailer-b
	Version: 1.0
	Section: mail

	Package: webmail
	Depends: mailer-b
	Recommends: mailer-a

	Package: game
	Version: 1.0
	Section: games

	Package: telnet
	Version: 0.17

	Package: openssh-sftp-server
	Version: 9.2
END
definition rules <<-END
	debian:
	  sources:
	    - name: test
	      urls: [$archive]
	      suites: [bookworm]
	      components: [main]
	      architectures: [amd64]
	      signed-by: $mine/keys/archive.asc
	  recommends: true
	  packages: [app, webmail, game, telnet, openssh-sftp-server]
	sets:
	  app: { debian: [app] }
END
"$MINIMIRROR" build "$definition" --output "oci:$mine/image"
key=$HOME/.config/minimirror/signing-key.asc
rules=$mine/rules.yaml
audit=$mine/audit.log
netns_up rules # with ports of its own: each server has the address of the one before
listen=127.0.0.1:80

hang_up() { :; } # at first the server sees for itself that the file has changed
update() { apt_in "$mine/apt" apt-get -qq --error-on=any update || die "apt-get update"; }
# offers NAME…: apt knows exactly these.
offers() {
	local got want
	got=$(apt_in "$mine/apt" apt-cache pkgnames | LC_ALL=C sort | xargs)
	want=$(for name; do echo "$name"; done | LC_ALL=C sort | xargs)
	[ "$got" = "$want" ] || die "apt knows $got, want $want"
}
fetches() { apt_in "$mine/apt" apt-get -qq --yes --download-only install "$@" >"$mine/apt.out" 2>&1 || { cat "$mine/apt.out" >&2; die "apt-get install $*"; }; }
everything=(app libapp mailer-a mailer-b webmail game telnet openssh-sftp-server)

echo 'rules: []' >"$rules"
start_server --image "oci:$mine/image" --rules "$rules" --sign-key "$key" --audit "$audit"
apt_client "$mine/apt"
update
offers "${everything[@]}"
say "without a rule apt sees everything, signed anew"

rule 'rules:' ' - deny: { package: mailer-a, reason: "policy 4.2" }'
fetches game # the client still has the list of before: what is allowed in both works
update
offers app libapp mailer-b webmail game telnet openssh-sftp-server
fetches app
compgen -G "$mine/apt/cache/archives/mailer-b_*" >/dev/null || die "apt did not take the alternative"
! compgen -G "$mine/apt/cache/archives/mailer-a_*" >/dev/null || die "apt got what is denied"
say "a denied alternative vanishes, and apt takes the other one"

denied=$(jq -r '.items[] | select(.name == "mailer-a") | "\(.source)/\(.files[0].path)"' "$definition/mirror.lock")
code=$("${inside[@]}" curl --noproxy '*' -s -o "$mine/denied" -w '%{http_code}' "$url/$denied")
[ "$code" = 403 ] && grep -q 'policy 4.2' "$mine/denied" && grep -q 'rules.yaml:2' "$mine/denied" || die "the file itself: $code $(cat "$mine/denied")"
jq -es 'map(select(.verdict == "denied")) | length == 1 and .[0].name == "mailer-a" and .[0].rule == "rules.yaml:2" and .[0].reason == "policy 4.2"' "$audit" >/dev/null || die "the audit trail does not tell of it"
say "its file is answered 403 with the reason, and the audit trail has it"

for each in \
	'{ package: [telnet*, rsh-*] }|app libapp mailer-a mailer-b webmail game openssh-sftp-server' \
	'{ package: "t?lnet" }|app libapp mailer-a mailer-b webmail game openssh-sftp-server' \
	'{ package: ftp }|app libapp mailer-a mailer-b webmail game telnet openssh-sftp-server' \
	'{ source: app }|mailer-a mailer-b webmail game telnet openssh-sftp-server' \
	'{ package: app, version: "<< 2.0-1" }|app libapp mailer-a mailer-b webmail game telnet openssh-sftp-server' \
	'{ package: app, version: "<= 2.0-1" }|libapp mailer-a mailer-b webmail game telnet openssh-sftp-server' \
	'{ package: libapp, version: ">= 1:0" }|app mailer-a mailer-b webmail game telnet openssh-sftp-server' \
	'{ kind: debian, section: games }|app libapp mailer-a mailer-b webmail telnet openssh-sftp-server' \
	'{ architecture: amd64 }|mailer-a mailer-b webmail game telnet openssh-sftp-server' \
	'{ suite: bookworm }|' '{ component: main }|' \
	'{ suite: trixie }|app libapp mailer-a mailer-b webmail game telnet openssh-sftp-server' \
	'{ package: telnet, client: [10.0.0.0/8] }|app libapp mailer-a mailer-b webmail game telnet openssh-sftp-server'; do
	rule 'rules:' " - deny: ${each%%|*}"
	update
	# shellcheck disable=SC2086
	offers ${each#*|}
done
rule 'default: deny' 'rules:' ' - allow: { package: [app, libapp, mailer-b] }'
update
offers app libapp mailer-b
fetches app
say "each kind of rule shapes the index as apt reads it"

rule 'rules:' ' - deny: { package: telnet, client: [127.0.0.0/8], reason: "not from here" }'
update
offers "${everything[@]}"
! apt_in "$mine/apt" apt-get -qq --yes --download-only install telnet >"$mine/apt.out" 2>&1 || die "a client that is denied got it"
grep -q '403  Denied: not from here (rules.yaml:2)' "$mine/apt.out" || die "apt was not told why: $(cat "$mine/apt.out")"
say "a rule about clients acts on the download"

cp "$rules" "$mine/good"
printf 'rules:\n - deny: { pakage: telnet }\n' >"$rules"
eventually ready_says 'failed; the rules before stay in force' || die "/readyz does not tell of wrong rules"
ready_says 'rules.yaml:2' >/dev/null || die "it does not say where: $(get "$url/readyz")"
update
offers "${everything[@]}"
rm "$rules"
eventually ready_says 'no such file' || die "/readyz does not tell of missing rules"
update
before=$(generation)
cp "$mine/good" "$rules"
eventually newer "$before" || die "the rules that are there again are not in force"
! ready_says 'failed' || die "it still says that a reload failed"
say "a wrong file and a missing one change nothing, and are logged"

hang_up() { kill -HUP "$server"; }
for ((i = 1; i <= 50; i++)); do
	if ((i % 2)); then
		rule 'rules:' ' - deny: { package: game }'
		update
		offers app libapp mailer-a mailer-b webmail telnet openssh-sftp-server
	else
		rule 'rules: []'
		update
		offers "${everything[@]}"
	fi
done
say "50 changes, and one client saw each"

# As Kubernetes mounts a ConfigMap: links to a folder that is replaced by one rename.
map=$mine/map
mkdir -p "$map/..1" "$map/..2"
echo 'rules: []' >"$map/..1/rules.yaml"
printf 'rules:\n - deny: { package: game }\n' >"$map/..2/rules.yaml"
ln -s ..1 "$map/..data"
ln -s ..data/rules.yaml "$map/rules.yaml"
kill -HUP "$server"
end "$server"
lines=$(wc -l <"$audit")
[ "$(jq -c . "$audit" | wc -l)" = "$lines" ] || die "the audit trail has lines that are no JSON"
start_server --image "oci:$mine/image" --rules "$map/rules.yaml" --sign-key "$key" --audit "$audit"
update
offers "${everything[@]}"
ln -s ..2 "$map/..data_tmp"
mv -T "$map/..data_tmp" "$map/..data"
eventually newer 1 || die "the ConfigMap's swap is not seen"
update
offers app libapp mailer-a mailer-b webmail telnet openssh-sftp-server
say "a ConfigMap's swap is seen"

# The audit trail is rotated, and no line is lost.
cat >"$mine/logrotate.conf" <<-END
	$audit {
		rotate 5
		nodateext
		postrotate
			kill -HUP $server
		endscript
	}
END
before=$(cat "$audit" | wc -l)
logrotate --force --state "$mine/logrotate.state" "$mine/logrotate.conf"
opened_anew() { get --output /dev/null "$url/healthz" && [ -s "$audit" ]; }
eventually opened_anew && [ -s "$audit.1" ] || die "the audit trail was not opened anew"
[ "$(cat "$audit.1" | wc -l)" -ge "$before" ] || die "lines are lost"
say "the audit trail is rotated"

# Killed, and started again.
kill -KILL "$server"
wait "$server" 2>/dev/null || true
tail -c 1 "$audit" | cmp -s - <(echo) || die "the last line is not whole"
start_server --image "oci:$mine/image" --rules "$map/rules.yaml" --sign-key "$key" --audit "$audit"
update
offers app libapp mailer-a mailer-b webmail telnet openssh-sftp-server
jq -es 'length > 0' "$audit" >/dev/null || die "the audit trail is damaged"
get "$url/api/v1/report" | jq -e . >/dev/null || die "the report is no JSON"
say "killed and started again"

# Without the key the indexes stay as they are, and the operator is told.
end "$server"
start_server --image "oci:$mine/image" --rules "$map/rules.yaml"
grep -q 'give the key' "$mine"/serve-*.log || die "nobody is told that the key is missing"

"$MINIMIRROR" report "$audit" "$audit.1" --image "oci:$mine/image" >"$mine/report" || die "report"
grep -q mailer-a "$mine/report" || die "the report does not name what was denied"
if "$MINIMIRROR" rules check "$map/rules.yaml" "oci:$mine/image" >"$mine/check"; then die "nothing breaks?"; fi
grep -q game "$mine/check" || die "rules check does not name what is denied: $(cat "$mine/check")"
printf 'rules:\n - deny: { package: mailer-a }\n' >"$mine/harmless.yaml"
"$MINIMIRROR" rules check "$mine/harmless.yaml" "oci:$mine/image" >"$mine/check" || die "an alternative is left, and yet: $(cat "$mine/check")"
say "rules check tells what breaks"
