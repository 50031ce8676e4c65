#!/bin/bash
# Who may come: apt by https, with a name and a password, and with a certificate of its own; and what it says of
# those who may not. The server's certificate and the clients' authorities are replaced while it runs.
. "$(dirname "$0")/lib.sh"
need curl apt-get openssl htpasswd
small_definition https
"$MINIMIRROR" build "$definition" --output "oci:$mine/image"
apt=$mine/apt tls=$mine/tls
mkdir -p "$tls"

# authority NAME makes one; certificate NAME AUTHORITY makes a certificate of it, for 127.0.0.1.
authority() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=authority $1" \
		-keyout "$tls/$1.key" -out "$tls/$1.crt" 2>/dev/null
}
certificate() {
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "$tls/$1.key" -out "$tls/$1.csr" 2>/dev/null
	openssl x509 -req -in "$tls/$1.csr" -CA "$tls/$2.crt" -CAkey "$tls/$2.key" -CAcreateserial -days 2 \
		-extfile <(echo 'subjectAltName=IP:127.0.0.1') -out "$tls/$1.crt" 2>/dev/null
}
authority site
authority people
authority others
certificate mirror site
certificate alice people
certificate mallory others
htpasswd -nbB apt 'pass:word' >"$mine/htpasswd" 2>/dev/null

# serve ARGUMENT… starts the server at an https address; client makes apt one that has never been here.
serve() {
	[ -z "${server:-}" ] || end "$server"
	start_server --image "oci:$mine/image" --tls-cert "$tls/mirror.crt" --tls-key "$tls/mirror.key" "$@"
	url=https://${url#http://}
}
get() { curl --noproxy '*' --silent --show-error --fail --max-time 60 --cacert "$tls/site.crt" "${may[@]}" "$@"; }
may=()
client() {
	rm -rf "$apt" && apt_client "$apt"
	echo "Acquire::https::Proxy \"DIRECT\"; Acquire::https::CAInfo \"$tls/site.crt\"; Dir::Etc::netrc \"$mine/auth.conf\";" >>"$apt/apt.conf"
	: >"$mine/auth.conf"
}
installs() {
	rm -rf "$apt/lists" "$apt/cache" && mkdir -p "$apt"/{lists/partial,cache/archives/partial}
	apt_in "$apt" apt-get -q --error-on=any update >"$mine/apt.out" 2>&1 || { cat "$mine/apt.out" >&2; die "$1: update"; }
	apt_in "$apt" apt-get -q -y --download-only install app >"$mine/apt.out" 2>&1 || { cat "$mine/apt.out" >&2; die "$1: install"; }
	say "$1: apt has what it wants"
}
# refused WHAT PATTERN: update fails and says so.
refused() {
	! apt_in "$apt" apt-get -q --error-on=any update >"$mine/apt.out" 2>&1 || die "$1: update succeeds"
	grep -Eiq "$2" "$mine/apt.out" || { cat "$mine/apt.out" >&2; die "$1: apt does not say $2"; }
	say "$1: refused"
}

serve
client
installs "https"
[ "$(curl --noproxy '*' --silent "http://${url#https://}/" | head -c 200)" = "This address speaks https, not http." ] || die "http to an https address is not told"
get --http1.0 "$url/healthz" >/dev/null || die "HTTP/1.0 by TLS"
sed -i 's,site.crt,others.crt,' "$apt/apt.conf"
refused "another authority than the server's" 'certificate'

say "a certificate is replaced while the server runs"
certificate mirror others
eventually curl --noproxy '*' --silent --cacert "$tls/others.crt" "$url/healthz" || die "the new certificate is not served"
installs "the new certificate"
certificate mirror site

serve --htpasswd "$mine/htpasswd"
may=(--user apt:pass:word)
client
refused "no password" '401'
echo "machine $url login apt password wrong" >"$mine/auth.conf"
refused "a wrong password" '401'
echo "machine $url login apt password pass:word" >"$mine/auth.conf"
installs "a password"

serve --tls-client-ca "$tls/people.crt"
may=(--cert "$tls/alice.crt" --key "$tls/alice.key")
client
refused "no certificate" 'certificate|Connection failed'
own() { echo "Acquire::https::SslCert \"$tls/$1.crt\"; Acquire::https::SslKey \"$tls/$1.key\";" >>"$apt/apt.conf"; }
own mallory
refused "a certificate of others" 'certificate|Connection failed'
own alice
installs "a certificate"
cp "$tls/others.crt" "$tls/people.crt"
own mallory
eventually curl --noproxy '*' --silent --cacert "$tls/site.crt" --cert "$tls/mallory.crt" --key "$tls/mallory.key" "$url/healthz" || die "the new authorities are not taken"
installs "other authorities, while the server runs"
