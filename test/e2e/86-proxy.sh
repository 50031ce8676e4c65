#!/bin/bash
# A caching proxy between: behind apt-cacher-ng, squid and nginx a client with its state, and one without, see each of 20
# changes of the rules, and nothing ever fails; apt is told why something is denied. Behind the proxies that the kit sets up, a client
# cannot say that it is another.
. "$(dirname "$0")/lib.sh"
need curl jq apt-get apt-cacher-ng squid nginx haproxy
netns_up proxy # with ports of its own: apt-cacher-ng reaches only port 80

small_definition proxied
"$MINIMIRROR" build "$definition" --output "oci:$mine/image"
rules=$mine/rules.yaml
echo 'rules: []' >"$rules"
listen=127.0.0.1:80
start_server --image "oci:$mine/image" --rules "$rules" --sign-key "$HOME/.config/minimirror/signing-key.asc"

# start NAME PORT COMMAND… starts a proxy and waits until its port answers.
start() {
	local log=$mine/$1.log
	"${inside[@]}" "${@:3}" >"$log" 2>&1 &
	defer end $!
	eventually "${inside[@]}" curl --noproxy '*' --silent --output /dev/null "http://127.0.0.1:$2/" || { cat "$log" >&2; die "$1 does not answer"; }
}

mkdir -p "$mine"/acng/{conf,cache,log} "$mine/squid" "$mine/nginx"
cat >"$mine/acng/conf/acng.conf" <<-END_
	CacheDir: $mine/acng/cache
	LogDir: $mine/acng/log
	SupportDir: /usr/lib/apt-cacher-ng
	PidFile: $mine/acng/pid
	BindAddress: 127.0.0.1
	Port: 3142
	ForeGround: 1
END_
start acng 3142 apt-cacher-ng -c "$mine/acng/conf"

cat >"$mine/squid/conf" <<-END_
	http_port 127.0.0.1:3128
	http_access allow all
	cache_dir ufs $mine/squid/cache 100 4 4
	maximum_object_size 100 MB
	refresh_pattern . 0 20% 4320
	pid_filename $mine/squid/pid
	access_log none
	cache_log $mine/squid/log
	coredump_dir $mine/squid
	pinger_enable off
	shutdown_lifetime 0 seconds
END_
chown proxy:proxy "$mine/squid"
squid=(squid -n "minimirror$$" -N -f "$mine/squid/conf")
"${squid[@]}" -z >"$mine/squid.log" 2>&1 || { cat "$mine/squid.log" >&2; die "squid -z"; }
start squid 3128 "${squid[@]}"

cat >"$mine/nginx/conf" <<-END_
	daemon off; pid $mine/nginx/pid; error_log $mine/nginx/error.log;
	events {}
	http {
		access_log off;
		proxy_cache_path $mine/nginx/cache keys_zone=mirror:1m;
		proxy_temp_path $mine/nginx/1; client_body_temp_path $mine/nginx/2; fastcgi_temp_path $mine/nginx/3;
		uwsgi_temp_path $mine/nginx/4; scgi_temp_path $mine/nginx/5;
		server {
			listen 127.0.0.1:8081;
			location / { proxy_pass $url; proxy_cache mirror; proxy_cache_revalidate on; proxy_cache_lock on; proxy_set_header Host \$http_host; }
		}
	}
END_
start nginx 8081 nginx -c "$mine/nginx/conf" -p "$mine/nginx"

# Clients: of two the sources are the mirror, of the third they are nginx.
direct=$url
for name in acng squid nginx; do
	[ "$name" != nginx ] || url=http://127.0.0.1:8081
	apt_client "$mine/apt-$name"
done
url=$direct
sed -i 's|Proxy "DIRECT"|Proxy "http://127.0.0.1:3142"|' "$mine/apt-acng/apt.conf"
sed -i 's|Proxy "DIRECT"|Proxy "http://127.0.0.1:3128"|' "$mine/apt-squid/apt.conf"

for ((i = 1; i <= 20; i++)); do
	case $((i % 4)) in
	1) rule 'rules:' ' - deny: { package: app }' && want="libapp mta" ;;
	3) rule 'rules:' ' - deny: { package: mta }' && want="app libapp" ;;
	*) rule 'rules: []' && want="app libapp mta" ;;
	esac
	for name in acng squid nginx; do
		apt=$mine/apt-$name
		((i % 5)) || rm -rf "$apt"/lists/* # one without its state
		mkdir -p "$apt/lists/partial"
		apt_in "$apt" apt-get -q --error-on=any update >"$mine/apt.out" 2>&1 || { cat "$mine/apt.out" >&2; die "$name: update after change $i"; }
		got=$(apt_in "$apt" apt-cache pkgnames | LC_ALL=C sort | xargs)
		[ "$got" = "$want" ] || die "$name: after change $i apt knows $got, want $want"
		apt_in "$apt" apt-get clean
		apt_in "$apt" apt-get -qq --yes --download-only install libapp >"$mine/apt.out" 2>&1 || { cat "$mine/apt.out" >&2; die "$name: install after change $i"; }
	done
done
[ -n "$(find "$mine/acng/cache" -name 'libapp_*')" ] || die "apt-cacher-ng has cached nothing"
[ "$(find "$mine/squid/cache" "$mine/nginx/cache" -type f | wc -l)" -gt 4 ] || die "squid and nginx have cached nothing"
say "20 changes were seen behind each of 3 caches"

rule 'rules:' ' - deny: { package: app, client: 127.0.0.0/8, reason: "not from here" }'
for name in acng squid nginx; do
	apt=$mine/apt-$name
	apt_in "$apt" apt-get -q --error-on=any update >"$mine/apt.out" 2>&1 || { cat "$mine/apt.out" >&2; die "$name: update"; }
	apt_in "$apt" apt-get clean
	! apt_in "$apt" apt-get -qq --yes --download-only install app >"$mine/apt.out" 2>&1 || die "$name: what is denied was served"
	want='403  Denied: not from here (rules.yaml:2)'
	[ "$name" != squid ] || want='403  Forbidden' # it has words of its own
	grep -qF "$want" "$mine/apt.out" || die "$name: apt was not told why: $(cat "$mine/apt.out")"
done
say "the reason of a denial passes through apt-cacher-ng and nginx, and not through squid"

# The kit's proxies, and a cache in one of them.
end "$server"
listen=127.0.0.1:8080
printf '%s\n' 'rules:' ' - deny: { package: app, client: 127.0.0.3, reason: "not from 3" }' >"$rules"
start_server --image "oci:$mine/image" --rules "$rules" --trusted-proxy 127.0.0.1 --audit "$mine/audit"
app=$(jq -r '.items[] | select(.name == "app") | "\(.source)/\(.files[0].path)"' "$definition/mirror.lock")
"$MINIMIRROR" kit "oci:$mine/image" --address http://127.0.0.1:8091 --to "$mine/kit-nginx" >/dev/null
"$MINIMIRROR" kit "oci:$mine/image" --address http://127.0.0.1:8092 --to "$mine/kit-haproxy" >/dev/null
mkdir "$mine/nginx-kit"
cat >"$mine/nginx-kit/conf" <<-END_
	daemon off; pid $mine/nginx-kit/pid; error_log $mine/nginx-kit/error.log;
	events {}
	http {
		access_log off;
		proxy_cache_path $mine/nginx-kit/cache keys_zone=mirror:1m; proxy_cache mirror; proxy_cache_revalidate on; proxy_cache_lock on;
		proxy_temp_path $mine/nginx-kit/1; client_body_temp_path $mine/nginx-kit/2; fastcgi_temp_path $mine/nginx-kit/3;
		uwsgi_temp_path $mine/nginx-kit/4; scgi_temp_path $mine/nginx-kit/5;
		include $mine/kit-nginx/server/nginx.conf;
	}
END_
start nginx-kit 8091 nginx -c "$mine/nginx-kit/conf" -p "$mine/nginx-kit"
start haproxy 8092 haproxy -db -f "$mine/kit-haproxy/server/haproxy.cfg"
lies=(-H 'X-Forwarded-For: 127.0.0.2' -H 'X-Forwarded-Host: evil.example.org' -H 'X-Forwarded-Proto: https' -H 'Forwarded: for=127.0.0.2;host=evil.example.org;proto=https')
# status CLIENT URL ARGUMENT… prints the status line that the client at this address gets.
status() { "${inside[@]}" curl --noproxy '*' --silent --show-error --max-time 60 --interface "$1" --output /dev/null --dump-header "$mine/header" "${@:3}" "$2" && sed -n '1s/\r$//p' "$mine/header"; }
for proxy in 127.0.0.1:8091 127.0.0.1:8092; do
	for turn in 1 2; do
		[ "$(status 127.0.0.2 "http://$proxy/$app")" = "HTTP/1.1 200 OK" ] || die "$proxy, $turn: a client that is allowed"
		got=$(status 127.0.0.3 "http://$proxy/$app")
		[ "$got" = "HTTP/1.1 403 Denied: not from 3 (rules.yaml:2)" ] || die "$proxy, $turn: a client that is denied: $got"
		got=$(status 127.0.0.3 "http://$proxy/$app" "${lies[@]}")
		[ "$got" = "HTTP/1.1 403 Denied: not from 3 (rules.yaml:2)" ] || die "$proxy, $turn: a client that lies: $got"
		get "${lies[@]}" "http://$proxy/minimirror.sources" >"$mine/sources"
		! grep -Eq 'evil|https:' "$mine/sources" && grep -q "^URIs: http://$proxy/" "$mine/sources" || die "$proxy, $turn: $(cat "$mine/sources")"
		status 127.0.0.2 "http://$proxy/minimirror.sources" >/dev/null
		grep -qi '^cache-control: no-store' "$mine/header" || die "$proxy: caches may keep minimirror.sources: $(cat "$mine/header")"
		get --header 'Host: mirror.example.org' "http://$proxy/minimirror.sources" >"$mine/sources"
		grep -q '^URIs: http://mirror.example.org/' "$mine/sources" || die "$proxy, $turn: by another name: $(cat "$mine/sources")"
	done
done
jq -es 'map(select(.verdict == "denied")) | length == 8 and all(.client == "127.0.0.3")' "$mine/audit" >/dev/null || die "the audit trail has other clients: $(cat "$mine/audit")"
say "behind the kit's proxies nobody is taken for another"
