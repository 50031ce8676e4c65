#!/bin/bash
# Ten sets, planned against the packages that a bare node has (base:), installed
# for real from the image alone: each into a fresh copy of the bare root, in a
# network namespace without a route, by dpkg in the order that the lock gives.
# Then apt installs some of them from the served image, and everything that it
# needs is there.
. "$(dirname "$0")/lib.sh"
need curl jq
need_root_or_die "a root file system"

# set | packages | command that must succeed in the root
sets='
docker|docker.io|dockerd --version
ssh|openssh-server|mkdir -p /run/sshd && /usr/sbin/sshd -t
web|nginx|nginx -t
database|postgresql|su postgres -c "/usr/lib/postgresql/*/bin/postgres --version" && pg_lsclusters | grep -q main
python|python3-venv|python3 -m venv --without-pip /tmp/venv && /tmp/venv/bin/python -c "print(1)"
java|default-jre-headless|java -version
init|systemd-sysv, chrony|systemctl --version && chronyd --version
compile|gcc, libc6-dev, make|printf "int main(void){return 0;}" >/tmp/a.c && gcc -o /tmp/a /tmp/a.c && /tmp/a && make --version
php|apache2, libapache2-mod-php|apache2ctl configtest && php --version
node|containerd, conntrack, ipset, nfs-common, exim4-daemon-light|containerd --version && conntrack --version && ipset --version && mount.nfs -V && exim4 -bV
'
bare_root "$mine/bare"
bare=$mine/bare
cp "$mine/bare/var/lib/dpkg/status" "$mine/status"
definition sets < <(
	printf 'debian:\n  sources: host\n  base: %s\n  packages: [hello]\nsets:\n' "$mine/status"
	while IFS='|' read -r name packages _; do
		[ -z "$name" ] || printf '  %s: { debian: [%s] }\n' "$name" "$packages"
	done <<<"$sets"
)
"$MINIMIRROR" build "$definition" --output "oci:$mine/image"
netns_up sets
start_server --image "oci:$mine/image"

# sane NAME COMMAND fails unless dpkg is content and the command works.
sane() {
	local audit
	audit=$(in_copy "$1" dpkg --audit)
	[ -z "$audit" ] || die "$1: dpkg --audit: $audit"
	in_copy "$1" sh -ec "$2" >"$mine/$1.log" 2>&1 || { cat "$mine/$1.log" >&2; die "$1: $2"; }
}

# shellcheck disable=SC2016
install_in_order='
	cd /debs
	while read -r file; do
		# A package is unpacked when what it pre-depends on is configured.
		dpkg --unpack "$file" 2>error || { dpkg --configure --pending && dpkg --unpack "$file" || { cat error >&2; exit 1; }; }
	done <order
	dpkg --configure --pending'
while IFS='|' read -r name packages check; do
	[ -n "$name" ] || continue
	debs=$mine/$name/upper/debs
	mkdir -p "$debs"
	jq -r --arg name "$name" '.sets[] | select(.name == $name) | .items[]' "$definition/mirror.lock" >"$debs/ids"
	sed 's#.*/##' "$debs/ids" >"$debs/order"
	sed -E 's#\+#%2b#g; s#(.*/)(.*)#url = "'"$url"'/\1\2"\noutput = "'"$debs"'/\2"#' "$debs/ids" | sed -E '/^output/s#%2b#+#g' >"$mine/$name.curl"
	get --no-progress-meter --parallel --config "$mine/$name.curl"
	in_copy "$name" sh -ec "$install_in_order" </dev/null >"$mine/$name.log" 2>&1 || { tail -n 40 "$mine/$name.log" >&2; die "$name: dpkg cannot install it in the lock's order"; }
	sane "$name" "$check"
	say "$name: $(wc -l <"$debs/order") packages"
	rm -rf --one-file-system "${mine:?}/$name"
done <<<"$sets"

say "apt installs from the image what its sets name"
for name in docker web php; do
	line=$(grep "^$name|" <<<"$sets")
	IFS='|' read -r _ packages check <<<"$line"
	mkdir -p "$mine/apt-$name/upper/etc/apt/sources.list.d"
	get "$url/minimirror.sources" >"$mine/apt-$name/upper/etc/apt/sources.list.d/minimirror.sources"
	in_copy "apt-$name" apt-get --quiet --quiet --error-on=any update
	# shellcheck disable=SC2086
	in_copy "apt-$name" apt-get --quiet --quiet --yes --no-install-recommends install ${packages//,/} </dev/null >"$mine/apt-$name.log" 2>&1 ||
		{ tail -n 40 "$mine/apt-$name.log" >&2; die "$name: apt-get install $packages"; }
	sane "apt-$name" "$check"
	rm -rf --one-file-system "${mine:?}/apt-$name"
done
