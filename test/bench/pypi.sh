#!/bin/bash
# usage: pypi.sh
#
# Python packages: lock of 60 requirements over an index of 500,000 projects, for one target, beside what pip does to find the same versions
# (pip install --dry-run --report), both without a cache; then the pages of what is carried from miniMirror, beside the same pages as files from nginx:
# the processor time of the servers for each request.
. "$(dirname "$0")/lib.sh"
for tool in python3 nginx jq; do
	command -v "$tool" >/dev/null || { echo "$tool is missing; type: sudo apt-get install python3-pip nginx-light jq" >&2; exit 1; }
done
clients=${CLIENTS:-8} seconds=${SECONDS_EACH:-5}
(cd "$repo" && go build -o "$work/projects" ./test/bench/projects && go build -o "$work/load" ./test/bench/load)
# listens LOG waits until a program says where it listens, and prints that.
listens() {
	for _ in $(seq 100); do
		sed -nE 's#.*listening on (http://)?([0-9.:]+)$#\2#p' "$1" | grep . && return
		sleep 0.1
	done
	cat "$1" >&2
	return 1
}
"$work/projects" >"$work/projects.log" 2>&1 &
pids+=($!)
index=$(listens "$work/projects.log")
cd "$work"
mkdir definition empty
python3 - >requirements.txt <<'END'
import random
random.seed(1)
for p in sorted(random.sample(range(500000), 60)):
    print(f"p{p:06d}")
END
python=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
{
	printf 'name: bench\npypi:\n- name: pypi\n  index: http://%s/simple/\n  targets: [{ python: "%s", platform: manylinux_2_28_x86_64 }]\n  requirements:\n' "$index" "$python"
	sed 's/^/  - /' requirements.txt
} >definition/mirror.yaml

with_pip() { HOME=$work/empty PIP_CONFIG_FILE=/dev/null python3 -m pip install --no-cache-dir --disable-pip-version-check --quiet --dry-run --ignore-installed --break-system-packages --index-url "http://$index/simple/" -r requirements.txt --report report.json; }
prepare() { rm -rf "$XDG_CACHE_HOME" definition/mirror.*lock* report.json; }
best ours "$minimirror" lock definition
best theirs with_pip
unset -f prepare
memory=$(rm -rf "$XDG_CACHE_HOME" definition/mirror.lock; peak "$minimirror" lock definition)
"$minimirror" lock definition --format json 2>/dev/null | jq -r '.items[] | "\(.name) \(.version)"' | sort -u >ours.txt
jq -r '.install[].metadata | "\(.name) \(.version)"' report.json | sort -u >theirs.txt
same=$(comm -12 ours.txt theirs.txt | wc -l)
echo "lock of 60 requirements, $(wc -l <ours.txt) projects, $same at the versions that pip chose: $ours ms; pip $(python3 -m pip --version | cut -d' ' -f2): $theirs ms; ratio $(ratio "$ours" "$theirs"); memory $memory MB"

"$minimirror" build definition --output oci:image >build.log 2>&1 || { cat build.log >&2; exit 1; }
"$minimirror" serve oci:image --listen 127.0.0.1:0 >serve.log 2>&1 &
server=$!
pids+=("$server")
here=$(listens serve.log)
mkdir -p static/pypi/simple
cut -d' ' -f1 ours.txt | sort -u | while read -r name; do
	mkdir -p "static/pypi/simple/$name"
	curl -fsS "http://$here/pypi/simple/$name/" -o "static/pypi/simple/$name/index.html"
	echo "$(sha256sum "static/pypi/simple/$name/index.html" | cut -d' ' -f1) $(stat -c %s "static/pypi/simple/$name/index.html") /pypi/simple/$name/"
done >pages
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >nginx.conf <<END
daemon off; pid $work/nginx.pid; error_log $work/nginx.err; worker_processes auto;
events { worker_connections 1024; }
http { access_log $work/nginx.log; sendfile on; keepalive_requests 1000000; default_type text/html; root $work/static; server { listen 127.0.0.1:$port; } }
END
chmod 755 "$work"
nginx -c "$work/nginx.conf" 2>nginx.start &
rival=$!
pids+=("$rival")
for _ in $(seq 100); do ! curl -fsS "http://127.0.0.1:$port$(head -n 1 pages | cut -d' ' -f3)" -o /dev/null 2>/dev/null || break; sleep 0.1; done
# ticks PID prints the processor time of a process and its children, in ticks.
ticks() { cat "/proc/$1/stat" $(pgrep -P "$1" | sed 's#.*#/proc/&/stat#') | sed 's/.*) //' | awk '{ n += $12 + $13 } END { print n }'; }
# each NAME PID URL sets NAME to ms of the processor for 1,000 requests.
each() {
	local -n result=$1
	local before requests
	before=$(ticks "$2")
	"$work/load" "$3" pages "$clients" "$seconds" >loaded || { cat loaded >&2; exit 1; }
	requests=$(grep -oE '[0-9]+ requests' loaded | cut -d' ' -f1)
	result=$(awk -v t="$(($(ticks "$2") - before))" -v n="$requests" -v hz="$(getconf CLK_TCK)" 'BEGIN { printf "%.2f", t * 1e6 / hz / n }')
}
for round in $(seq "$runs"); do
	each mine "$server" "http://$here"
	each nginx "$rival" "http://127.0.0.1:$port"
	echo "pages, round $round: $mine ms of the processor for 1,000 requests; nginx: $nginx ms; ratio $(ratio "$mine" "$nginx")"
done
