#!/bin/bash
# A push that is interrupted: the same command goes on with what the registry lacks, and the image is what it would have been.
. "$(dirname "$0")/lib.sh"
need skopeo curl docker-registry python3

{
	printf 'Suite: s\n'
	for i in $(seq 20); do printf '\nPackage: p%02d\nArchitecture: amd64\nFiller: %s\n' "$i" "$((1500000 + i * 10000))"; done
} >"$mine/archive"
made_up_archive <"$mine/archive"
definition web <<-END
	debian:
	  sources:
	    - { name: test, urls: [$archive], suites: [s], components: [main], architectures: [amd64], signed-by: $mine/keys/archive.asc }
	  packages: all
END
start_registry
go_program troubled ./test/e2e/troubled
before push
received() { get "http://$address/sent" | cut -d' ' -f3; }
push=("$MINIMIRROR" build "$definition" --layer-size 2M --output "docker://$address/site/web:1")

say "the registry goes away in the middle of the push"
code=0
"${push[@]}" >"$mine/push.log" 2>&1 || code=$?
cat "$mine/push.log"
[ "$code" = 1 ] || die "exit code $code, want 1"
lines=$(grep -c '^hint: ' "$mine/push.log") || die "it does not say what to do"
[ "$lines" = 1 ]
[ "$(received)" -ge 50000000 ] || die "only $(received) bytes were sent"
! skopeo inspect --tls-verify=false "docker://$registry/site/web:1" >"$mine/inspect.log" 2>&1 || die "there is a tag"
there=$(find "$mine/registry" -path '*/blobs/*' -name data -printf '%s\n' | awk '{ n += $1 } END { printf "%d %d", NR, n }')
say "the registry has ${there% *} blobs of ${there#* } bytes"
[ "${there% *}" -ge 5 ] || die "too few to test anything"

say "the same command again sends what is missing"
curl --noproxy '*' --silent --output /dev/null "http://$address/mend"
at=$(received)
"${push[@]}"
sent=$(($(received) - at))
all=$(skopeo inspect --raw --tls-verify=false "docker://$registry/site/web:1" | python3 -c 'import json, sys; m = json.load(sys.stdin); print(m["config"]["size"] + sum(l["size"] for l in m["layers"]))')
say "of $all bytes, ${there#* } were there, and $sent are sent"
[ "$sent" -le $((all - ${there#* } + 100000)) ] || die "blobs are sent again"
"$MINIMIRROR" verify "docker://$registry/site/web:1"
"$MINIMIRROR" build "$definition" --layer-size 2M --output "oci:$mine/ours"
[ "$(digest "oci:$mine/ours")" = "$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$registry/site/web:1" | cut -d: -f2)" ] || die "another image"
