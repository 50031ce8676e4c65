#!/bin/bash
# A server without an image of its own reads one from Debian's docker-registry, file by file: apt gets what it got from the image on disk, each
# file is fetched once, the cache stays within its bound, and a registry that is away, that comes back, or that lies, never
# makes a wrong file of a right answer.
. "$(dirname "$0")/lib.sh"
need skopeo curl docker-registry
export XDG_CACHE_HOME=$mine/home

{
	printf 'Suite: s\n'
	for i in $(seq 12); do printf '\nPackage: p%02d\nArchitecture: amd64\nFiller: %s\n' "$i" "$((750000 + i * 50000))"; done
	for i in $(seq 30); do printf '\nPackage: q%02d\nArchitecture: amd64\nFiller: %s\n' "$i" "$((90000 + i))"; done
} >"$mine/archive"
made_up_archive <"$mine/archive"
definition web <<-END
	debian:
	  sources:
	    - { name: test, urls: [$archive], suites: [s], components: [main], architectures: [amd64], signed-by: $mine/keys/archive.asc }
	  packages: all
END
"$MINIMIRROR" build "$definition" --output "oci:$mine/ours"
digest=sha256:$(digest "oci:$mine/ours")

# A registry that comes back comes back at the same address.
registry_at() {
	sed -i "s/127.0.0.1:[0-9]*/$1/" "$mine/registry.yml"
	docker-registry serve "$mine/registry.yml" >"$mine/registry.log" 2>&1 &
	registry_pid=$!
	defer end "$registry_pid"
	await "$registry_pid" "$mine/registry.log" 'listening on (127\.0\.0\.1:[0-9]+)'
	registry=$said
}
mkdir -p "$mine/registry"
printf 'version: 0.1\nlog: {accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: "127.0.0.1:0"}\n' "$mine/registry" >"$mine/registry.yml"
registry_at 127.0.0.1:0
"$MINIMIRROR" build "$definition" --output "docker://$registry/site/web:1"
go_program troubled ./test/e2e/troubled

# apt_fetches NAME PACKAGE… wants the packages, signatures and digests verified by apt.
apt_fetches() {
	local dir=$mine/$1
	shift
	apt_client "$dir"
	apt_in "$dir" apt-get -qq --error-on=any update
	apt_in "$dir" apt-get -qq --yes --download-only install "$@"
	[ "$(find "$dir/cache/archives" -maxdepth 1 -name '*.deb' | wc -l)" = $# ] || die "not $# packages"
}

# code FILE prints the status of a request for a package; the answer is in $mine/answer, its header in $mine/header.
code() { "${inside[@]}" curl --noproxy '*' --silent --max-time 60 --output "$mine/answer" --dump-header "$mine/header" --write-out '%{http_code}' "$url/test/$1" || true; }
mapfile -t pool < <(grep -oE 'pool/[a-zA-Z0-9/._+-]*\.deb' "$definition/mirror.lock" | sort -u)
[ "${#pool[@]}" = 42 ] || die "the image has ${#pool[@]} packages"
mapfile -t large < <(printf '%s\n' "${pool[@]}" | grep /p)
mapfile -t small < <(printf '%s\n' "${pool[@]}" | grep /q)

say "start reads the catalog alone, and each file is fetched once"
before none
start_server --image "docker://$address/site/web:1" --cache "$mine/cache" --cache-size 100M --metrics 127.0.0.1:0
server_log=$mine/serve-$servers.log
grep -q "asked=docker://$address/site/web:1" "$server_log" || die "the log does not name the image: $(cat "$server_log")"
grep -q "web@$digest" "$server_log" || die "the log does not name the digest: $(cat "$server_log")"
[ "$(sent)" -le 200000 ] || die "$(sent) bytes are read to start"
ready_says "image: docker://$address/site/web@$digest, read in place"
ready_says "registry: can be read"
apt_fetches first p01 p02 q01 q02 q03
before_second=$(sent)
apt_fetches second p01 p02 q01 q02 q03
[ "$(sent)" = "$before_second" ] || die "files are fetched again: $before_second, then $(sent) bytes"
[ "$(code "${large[5]}")" = 200 ]
cmp <(curl --silent --noproxy '*' "$archive/${large[5]}") "$mine/answer"
"${inside[@]}" curl --noproxy '*' --silent --range 1000-2999 --output "$mine/part" "$url/test/${large[6]}"
cmp <(curl --silent --noproxy '*' "$archive/${large[6]}" | tail -c +1001 | head -c 2000) "$mine/part" || die "a part is wrong"
metrics=$(sed -nE 's#^metrics on (http://.*)#\1#p' "$server_log")
get "$metrics" | grep -x 'minimirror_registry_up 1'
[ "$(get "$metrics" | sed -n 's/^minimirror_cache_passed_total //p')" = 0 ] || die "files passed the cache"

say "another server does not use the same folder"
! "$MINIMIRROR" serve --image "docker://$address/site/web:1" --cache "$mine/cache" --listen 127.0.0.1:0 >"$mine/other.log" 2>&1 || die "it does"
grep -q 'is in use by another process' "$mine/other.log"
grep -q '^hint: ' "$mine/other.log"
end "$server"

say "a registry that is away: the cache answers, also after a restart; it comes back"
at=$registry
start_server --image "docker://$registry/site/web@$digest" --cache "$mine/cache" --cache-size 100M --metrics 127.0.0.1:0
server_log=$mine/serve-$servers.log
end "$server"
end "$registry_pid"
# What is in the cache is damaged meanwhile: q03.
damaged=$(curl --silent --noproxy '*' "$archive/${small[2]}" | sha256sum | cut -d' ' -f1)
printf 'x' | dd of="$mine/cache/files/$damaged" bs=1 seek=500 conv=notrunc status=none
start_server --image "docker://$registry/site/web@$digest" --cache "$mine/cache" --cache-size 100M --metrics 127.0.0.1:0
server_log=$mine/serve-$servers.log
apt_fetches away p01 p02 q01 q02
[ "$(code "${small[2]}")" = 503 ] || die "a damaged file is answered with $(code "${small[2]}")"
[ "$(code "${large[9]}")" = 503 ] || die "a file that nobody has is answered with $(code "${large[9]}")"
grep -qi '^retry-after: 5' "$mine/header"
grep -q 'from a registry' "$mine/answer"
ready_says "registry: away since"
metrics=$(sed -nE 's#^metrics on (http://.*)#\1#p' "$server_log")
get "$metrics" | grep -x 'minimirror_registry_up 0'
registry_at "$at"
eventually ready_says "registry: can be read" || die "the registry is not seen to be back"
[ "$(code "${small[2]}")" = 200 ]
cmp <(curl --silent --noproxy '*' "$archive/${small[2]}") "$mine/answer"
end "$server"

say "a small cache stays within its bound, under clients that want everything"
start_server --image "docker://$registry/site/web@$digest" --cache "$mine/small" --cache-size 3M
printf '%s\n' "${pool[@]}" "${pool[@]}" "${pool[@]}" | shuf --random-source=<(yes) | xargs -P 16 -I{} \
	"${inside[@]}" sh -c 'curl --noproxy "*" --silent --show-error --fail "$0/test/$1" | sha256sum | sed "s#-#$1#"' "$url" {} | sort -u >"$mine/got"
for file in "${pool[@]}"; do printf '%s  %s\n' "$(curl --silent --noproxy '*' "$archive/$file" | sha256sum | cut -c -64)" "$file"; done | sort -u | cmp - "$mine/got" || die "other files"
[ "$(du -s --block-size=1 "$mine/small/files" | cut -f1)" -le $((3 * 1024 * 1024 + 65536)) ] || die "the cache has $(du -sh "$mine/small/files")"
end "$server"

say "a registry that lies: no client gets a wrong file"
# Some lies show at the start, for the server reads the key that signs.
refuses() { # TROUBLE TEXT
	before "$1"
	! "$MINIMIRROR" serve --image "docker://$address/site/web@$digest" --cache "$mine/$1" --listen 127.0.0.1:0 >"$mine/$1.log" 2>&1 || die "$1: it serves"
	grep -q "$2" "$mine/$1.log" || die "$1: it says $(cat "$mine/$1.log")"
}
refuses norange '^hint: serve a copy'
refuses shifted 'sha256 mismatch'
refuses manifest 'sha256 mismatch'
for trouble in wrong cut; do
	before "$trouble"
	start_server --image "docker://$address/site/web@$digest" --cache "$mine/$trouble" --cache-size 100M
	refused=0
	for file in "${large[@]:0:4}" "${large[11]}"; do
		status=0
		"${inside[@]}" curl --noproxy '*' --silent --fail --max-time 60 --output "$mine/answer" "$url/test/$file" || status=$?
		if [ "$status" = 0 ]; then
			cmp <(curl --silent --noproxy '*' "$archive/$file") "$mine/answer" || die "$trouble: $file is answered in full, and wrong"
		else
			refused=$((refused + 1))
		fi
	done
	case $trouble in # a file that is read along with others may be right
	cut) [ "$refused" = 0 ] || die "cut: $refused files are not answered" ;;
	wrong) [ "$refused" -ge 2 ] || die "wrong: only $refused files are refused" ;;
	esac
	for file in "$mine/$trouble/files"/*; do [ "$(sha256sum <"$file")" = "${file##*/}  -" ] || die "$trouble: it keeps a wrong file: $file"; done
	end "$server"
done

before liar
start_server --image "docker://$address/site/web@$digest" --cache "$mine/liar" --cache-size 5M
asked=$(requests)
cat >"$mine/fetch" <<-'END'
	file=$(mktemp)
	curl --noproxy "*" --silent --fail --max-time 60 --output "$file" "$1" && echo "$(sha256sum <"$file" | cut -c -64)  $2"
	rm "$file"
END
printf '%s\n' "${pool[@]}" "${pool[@]}" "${pool[@]}" | shuf --random-source=<(yes) | xargs -P 16 -I{} "${inside[@]}" sh "$mine/fetch" "$url/test/{}" {} >"$mine/got"
[ "$(requests)" -ge $((asked + 12)) ] || die "liar: the registry was asked $(($(requests) - asked)) times"
[ -s "$mine/got" ] || die "liar: nothing is answered"
for file in "${pool[@]}"; do printf '%s  %s\n' "$(curl --silent --noproxy '*' "$archive/$file" | sha256sum | cut -c -64)" "$file"; done | sort >"$mine/right"
sort -u "$mine/got" | comm -23 - "$mine/right" | grep . && die "liar: these are answered in full, and wrong"
say "a registry that lies now and then: $(wc -l <"$mine/got") of $((3 * ${#pool[@]})) requests are answered, all right"
end "$server"

say "the program alone, as a pod has it: its own image, a read-only root, a numeric user, a folder for the cache"
"$MINIMIRROR" build --program-only --output "docker://$registry/site/program:1" | tee "$mine/program"
"$MINIMIRROR" build --program-only --output "oci:$mine/program-image" >"$mine/program-again"
[ "$(cut -d' ' -f2 "$mine/program")" = "$(cut -d' ' -f2 "$mine/program-again")" ] || die "another digest"
[ "$(skopeo inspect --tls-verify=false --format '{{len .Layers}} {{.Architecture}}' "docker://$registry/site/program:1" | cut -d' ' -f1)" = 1 ] || die "it has more than the program"
mkdir "$mine/root" "$mine/pod"
layer=$(skopeo inspect --format '{{range .Layers}}{{.}}{{end}}' "oci:$mine/program-image")
tar -C "$mine/root" --no-same-owner -xf "$mine/program-image/blobs/${layer/://}"
[ "$(ls -A "$mine/root")" = minimirror ] || die "it has $(ls -A "$mine/root")"
skopeo inspect --config "oci:$mine/program-image" | tr -d ' \n' | grep -q '"User":"65532:65532".*"Entrypoint":\["/minimirror","serve"\]'
"$MINIMIRROR" build --program-only extra >"$mine/extra.log" 2>&1 && die "an argument is not refused"
grep -q 'unexpected argument "extra"' "$mine/extra.log"
"$mine/root/minimirror" serve --image "docker://$registry/site/web@$digest" --cache "$mine/pod" --cache-size 1G --listen 127.0.0.1:0 >"$mine/pod.log" 2>&1 &
defer end $!
await $! "$mine/pod.log" 'listening on [a-z]+://([0-9.:]+)$'
url=http://$said
apt_fetches pod p03 q09
