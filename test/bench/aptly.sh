#!/bin/bash
# The whole of lock and build, with nothing in the cache, against aptly's "mirror
# create -filter-with-deps" and "mirror update", both from a mirror on loopback.
. "$(dirname "$0")/lib.sh"
for tool in aptly nginx jq; do
	command -v "$tool" >/dev/null || PATH=$PATH:/usr/sbin command -v "$tool" >/dev/null || missing+=" $tool"
done
[ -z "${missing:-}" ] || { echo "missing:$missing; type: apt-get install$missing" >&2; exit 1; }

packages="docker.io containerd runc openssh-server nginx postgresql"
read -r uri keyring <<<"$(apt-get indextargets --format '$(CREATED_BY) $(REPO_URI) $(SIGNED_BY) $(RELEASE) $(COMPONENT)' |
	awk '$1 == "Packages" && $4 == "bookworm" && $5 == "main" { print $2, $3; exit }')"
[ -n "${uri:-}" ] || { echo "no apt source on this machine has bookworm main: nothing to compare with"; exit 1; }
[ -e "${keyring:-}" ] || keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# A mirror on loopback: nginx keeps what it was asked for once.
port=$((20000 + RANDOM % 20000))
mkdir -p "$work/mirror" "$work/nginx"
uri=${uri%/}
origin=$(sed -E 's#^(https?://[^/]*).*#\1#' <<<"$uri")
cat >"$work/nginx.conf" <<END
pid $work/nginx/pid; error_log $work/nginx/error.log; daemon off; master_process off; worker_processes 1;
events {}
http {
	access_log off; sendfile on;
	client_body_temp_path $work/nginx/a; proxy_temp_path $work/nginx/b; fastcgi_temp_path $work/nginx/c; uwsgi_temp_path $work/nginx/d; scgi_temp_path $work/nginx/e;
	server {
		listen 127.0.0.1:$port; root $work/mirror;
		location / { try_files \$uri @upstream; }
		location @upstream {
			proxy_pass $origin; proxy_http_version 1.1; proxy_set_header Host ${origin#*://}; proxy_set_header Connection ""; proxy_ssl_server_name on;
			set \$kept \$uri; proxy_store $work/mirror\$kept; proxy_store_access user:rw group:r all:r;
			rewrite ^(.*)\$ ${uri#"$origin"}\$1 break;
		}
	}
}
END
PATH=$PATH:/usr/sbin nginx -c "$work/nginx.conf" >"$work/nginx/log" 2>&1 &
pids+=($!)
for ((i = 0; i < 100; i++)); do curl -fso /dev/null "http://127.0.0.1:$port/dists/bookworm/InRelease" && break; sleep 0.1; done

mkdir -p "$work/definition"
{
	printf 'name: bench\ndebian:\n  sources:\n  - {name: debian, urls: ["http://127.0.0.1:%s"], suites: [bookworm], components: [main], architectures: [amd64], signed-by: %s}\n  packages:\n' "$port" "$keyring"
	printf '  - %s\n' $packages
} >"$work/definition/mirror.yaml"
cat >"$work/aptly.conf" <<END
{"rootDir": "$work/aptly", "downloadConcurrency": 8, "architectures": ["amd64"], "gpgDisableVerify": true, "skipContentsPublishing": true}
END
ours() { "$minimirror" lock "$work/definition" && "$minimirror" build "$work/definition" --output "oci:$work/image"; }
theirs() {
	aptly -config="$work/aptly.conf" mirror create -filter="$(sed 's/ / | /g' <<<"$packages")" -filter-with-deps -ignore-signatures bench "http://127.0.0.1:$port/" bookworm main &&
		aptly -config="$work/aptly.conf" mirror update -ignore-signatures bench
}
prepare() { rm -rf "$work/definition/mirror.lock" "$work/image" "$work/cache" "$work/aptly"; }
runs=1
best warm ours
best warm theirs
runs=${RUNS:-3}
best mine ours
what=$(jq -r '"\(.items | length) packages of \([.items[].files[].size] | add / 1000000 | floor) MB"' "$work/definition/mirror.lock")
best rival theirs
echo "lock and build without a cache, $what: $mine ms;" \
	"aptly mirror create and update, $(find "$work/aptly/pool" -type f | wc -l) packages of $(du -sm "$work/aptly/pool" | cut -f1) MB: $rival ms; ratio $(ratio "$mine" "$rival")"
