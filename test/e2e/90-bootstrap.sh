#!/bin/bash
# The first node: a bare minimal root, one static program and one image, in
# namespaces without a route. A set is installed from every kind of reference,
# also after being killed at 20 moments, and by the shell script that the image
# carries; other architectures, held packages and damaged images are refused.
. "$(dirname "$0")/lib.sh"
need curl jq skopeo busybox
need_root_or_die "a root file system"
bare_root "$mine/bare"
bare=$mine/bare
mkdir -p "$bare/image"
install -m 755 "$MINIMIRROR" "$bare/usr/local/bin/minimirror"

definition bootstrap <<-END
	debian:
	  sources: host
	  packages: [hello, cowsay, popularity-contest]
	sets:
	  web: { debian: [nginx-light] }
END
netns_up bootstrap
"$MINIMIRROR" build "$definition" --output "oci:$bare/image/oci"
"$MINIMIRROR" build "$definition" --output "oci-archive:$bare/image/oci.tar"
"$MINIMIRROR" build "$definition" --output "docker-archive:$bare/image/docker.tar"
gzip -1 <"$bare/image/oci.tar" >"$bare/image/oci.tar.gz"
mkdir "$bare/image/mounted"
for layer in $(tar -xOf "$bare/image/docker.tar" manifest.json | jq -r '.[0].Layers[]'); do
	tar -xOf "$bare/image/docker.tar" "$layer" | tar -C "$bare/image/mounted" -xf -
done

start_registry
"${inside[@]}" "$MINIMIRROR" build "$definition" --output "docker://$registry/site/web:1"
digest=$(tail -n 1 <("${inside[@]}" "$MINIMIRROR" build "$definition" --output "docker://$registry/site/web:1" 2>/dev/null) | sed 's/.* //')

# good NAME checks what was installed into a copy.
good() {
	local audit
	audit=$(in_copy "$1" dpkg --audit)
	[ -z "$audit" ] || die "$1: dpkg --audit: $audit"
	in_copy "$1" nginx -t 2>"$mine/$1.nginx" || { cat "$mine/$1.nginx" >&2; die "$1: nginx -t"; }
	[ ! -e "$mine/$1/upper/var/cache/minimirror/bootstrap" ] || die "$1: the cache is left behind"
}

for ref in oci:/image/oci oci-archive:/image/oci.tar docker-archive:/image/docker.tar oci-archive:/image/oci.tar.gz \
	/image/oci.tar root:/image/mounted - "docker://$registry/site/web:1" "docker://$registry/site/web@$digest"; do
	name=from-$(tr -c 'a-z0-9\n' - <<<"$ref")
	input=/dev/null
	[ "$ref" != - ] || input=$bare/image/oci.tar.gz
	in_copy "$name" minimirror bootstrap --image "$ref" --set web --install --no-start <"$input" >"$mine/$name.log" 2>&1 ||
		{ tail -n 20 "$mine/$name.log" >&2; die "bootstrap --image $ref"; }
	good "$name"
	say "installed from $ref"
	rm -rf --one-file-system "${mine:?}/$name"
done

say "a second run has nothing to do; the plan is printed"
in_copy twice minimirror bootstrap --image docker-archive:/image/docker.tar --set web --dry-run | tail -n 1 | grep -q ' items, ' || die "--dry-run"
[ -z "$(ls -A "$mine/twice/upper/var/cache/minimirror" 2>/dev/null)" ] || die "--dry-run wrote something"
in_copy twice minimirror bootstrap --image docker-archive:/image/docker.tar --set web --install --no-start >/dev/null 2>&1
grep -q 'nothing to install' <<<"$(in_copy twice minimirror bootstrap --image docker-archive:/image/docker.tar --set web --install --no-start 2>/dev/null)" || die "it installs again"
in_copy twice minimirror bootstrap --image docker-archive:/image/docker.tar --package cowsay --install >/dev/null 2>&1
in_copy twice /usr/games/cowsay moo >/dev/null || die "--package cowsay"
echo 'popularity-contest popularity-contest/participate boolean true' >"$bare/image/answers"
in_copy twice minimirror bootstrap --image docker-archive:/image/docker.tar --package popularity-contest --install --debconf-selections /image/answers >/dev/null 2>&1
in_copy twice grep -q '^PARTICIPATE="yes"' /etc/popularity-contest.conf || die "--debconf-selections has no effect"
in_copy twice grep -q '^+ dpkg ' /var/log/minimirror-bootstrap.log || die "there is no log"

# kill_copy PID kills what in_copy with $isolate runs in the background: unshare, below it the first process of the
# namespace, which ends after all others in it, and then unshare.
kill_copy() {
	local first
	eventually first_of "$1"
	kill -KILL "$(first_of "$1")" 2>/dev/null || true
	wait "$1" 2>/dev/null || true
}
first_of() { pgrep -P "$(pgrep -P "$1")" || ! kill -0 "$1"; }

say "killed at 20 moments"
isolate=(--pid --fork --kill-child=KILL)
for i in $(seq 20); do
	name=killed-$i
	in_copy "$name" minimirror bootstrap --image docker-archive:/image/docker.tar --set web --install --no-start >"$mine/$name.log" 2>&1 &
	pid=$!
	sleep "$(awk -v i="$i" 'BEGIN { print i * i * 0.011 }')"
	kill_copy "$pid"
	in_copy "$name" minimirror bootstrap --image docker-archive:/image/docker.tar --set web --install --no-start >"$mine/$name.log" 2>&1 ||
		{ tail -n 20 "$mine/$name.log" >&2; die "after the kill $i the same command does not complete"; }
	good "$name"
	rm -rf --one-file-system "${mine:?}/$name"
done
isolate=()

say "extracted only: a folder that installs itself, and that apt reads"
in_copy folder minimirror bootstrap --image docker-archive:/image/docker.tar --set web --to /folder >/dev/null
in_copy folder sh -ec 'cd /folder && sha256sum -c SHA256SUMS >/dev/null && sh install.sh --no-start' >"$mine/folder.log" 2>&1 || { tail "$mine/folder.log" >&2; die "install.sh"; }
in_copy folder nginx -t 2>/dev/null || die "install.sh installed no nginx"
in_copy apt-folder sh -ec '
	minimirror bootstrap --image docker-archive:/image/docker.tar --set web --to /folder
	echo "deb [trusted=yes] file:/folder ./" >/etc/apt/sources.list
	apt-get --quiet --quiet update && apt-get --quiet --quiet --yes install nginx-light' >"$mine/folder.log" 2>&1 || { tail "$mine/folder.log" >&2; die "apt with the folder"; }

say "without the program: dash, and busybox alone beside dpkg"
"$MINIMIRROR" bootstrap --image "oci-archive:$bare/image/oci.tar" --set web --architecture amd64 --print-shell >"$bare/image/install-web.sh"
install -m 755 "$(command -v busybox)" "$bare/usr/local/bin/busybox"
head -c 8000000 "$bare/image/oci.tar" >"$bare/image/short-oci.tar"
mkdir -p "$bare/usr/local/busybox"
for applet in cat chmod cut dirname echo find head id mktemp printf rm sh sha256sum tar tr; do ln -sf ../bin/busybox "$bare/usr/local/busybox/$applet"; done
# dpkg itself needs the tar of GNU.
printf '#!/bin/sh\nPATH=/usr/sbin:/usr/bin:/sbin:/bin exec /usr/bin/dpkg "$@"\n' >"$bare/usr/local/busybox/dpkg"
chmod 755 "$bare/usr/local/busybox/dpkg"
for shell in "dash" "env PATH=/usr/local/busybox:/usr/sbin:/usr/bin:/sbin:/bin /usr/local/bin/busybox sh"; do
	name=shell-${shell%% *}
	# shellcheck disable=SC2086
	in_copy "$name" $shell /image/install-web.sh /image/oci.tar --no-start </dev/null >"$mine/$name.log" 2>&1 || { tail -n 20 "$mine/$name.log" >&2; die "$shell install-web.sh"; }
	in_copy "$name" nginx -t 2>/dev/null || die "$shell: no nginx"
	# Again: nothing is left to do. Another archive is refused.
	# shellcheck disable=SC2086
	in_copy "$name" $shell /image/install-web.sh /image/oci.tar >/dev/null 2>&1 || die "$shell: the second run fails"
	# shellcheck disable=SC2086
	! in_copy "$name" $shell /image/install-web.sh /image/short-oci.tar >/dev/null 2>&1 || die "$shell: it takes a truncated archive"
	rm -rf --one-file-system "${mine:?}/$name"
done

say "what must fail fails, and changes nothing"
# refuses NAME PATTERN ARGUMENT… wants exit code 1, 2 or 4, the message, and an untouched copy.
refuses() {
	local name=$1 pattern=$2 code=0
	shift 2
	in_copy "$name" minimirror bootstrap "$@" </dev/null >"$mine/$name.log" 2>&1 || code=$?
	case $code in 1 | 2 | 4) ;; *) cat "$mine/$name.log" >&2; die "$name: exit code $code" ;; esac
	grep -Eq -- "$pattern" "$mine/$name.log" || { cat "$mine/$name.log" >&2; die "$name: no \"$pattern\""; }
	cmp -s "$bare/var/lib/dpkg/status" <(in_copy "$name" cat /var/lib/dpkg/status) || die "$name: dpkg's status has changed"
	rm -rf --one-file-system "${mine:?}/$name"
}
refuses no-set 'no set "none"' --image oci:/image/oci --set none --install
refuses no-package 'nonesuch' --image oci:/image/oci --package nonesuch --install
refuses no-image 'no such file' --image oci:/image/none --set web --install
refuses other-digest '.' --image "docker://$registry/site/web@sha256:$(printf '0%.0s' {1..64})" --set web --install
refuses nothing-to-do 'nothing to do' --image oci:/image/oci
head -c 3000000 "$bare/image/docker.tar" >"$bare/image/short.tar"
refuses truncated '.' --image docker-archive:/image/short.tar --set web --install
cp -r "$bare/image/oci" "$bare/image/damaged"
blob=$bare/image/damaged/blobs/$(jq -r '.manifests[0].digest' "$bare/image/oci/index.json" | tr : / | xargs -I@ jq -r '.layers[0].digest' "$bare/image/oci/blobs/@" | tr : /)
for ((i = 1; i < 100; i++)); do printf X | dd of="$blob" bs=1 seek=$(($(stat -c %s "$blob") * i / 100)) conv=notrunc status=none; done
refuses damaged 'sha256' --image oci:/image/damaged --set web --install
tar -C "$bare/image" -cf "$bare/image/foreign.tar" oci.tar.gz
refuses foreign '.' --image docker-archive:/image/foreign.tar --set web --install
mkdir -p "$mine/foreign-architecture/upper/var/lib/dpkg"
sed 's/^Architecture: amd64/Architecture: arm64/' "$bare/var/lib/dpkg/status" >"$mine/foreign-architecture/upper/var/lib/dpkg/status"
in_copy foreign-architecture minimirror bootstrap --image oci:/image/oci --set web --install >"$mine/foreign.log" 2>&1 && die "another architecture was installed"
grep -q 'arm64' "$mine/foreign.log" || die "the other architecture is not named: $(cat "$mine/foreign.log")"

say "apt's sources, and back"
in_copy sources sh -ec '
	echo "deb http://ftp.debian.org/debian bookworm main" >/etc/apt/sources.list
	minimirror bootstrap --image oci:/image/oci --configure-apt http://127.0.0.1:8080 --disable-other-sources
	grep -q "URIs: http://127.0.0.1:8080/debian" /etc/apt/sources.list.d/minimirror.sources
	test ! -e /etc/apt/sources.list
	minimirror bootstrap --undo-apt
	grep -q ftp.debian.org /etc/apt/sources.list
	test ! -e /etc/apt/sources.list.d/minimirror.sources' >/dev/null
