# What the end-to-end scripts share. Each script begins with
#
#	. "$(dirname "$0")/lib.sh"
#
# and finds: $MINIMIRROR (a copy of the program that every user may run), $work
# (a folder that every user may read; the caller's E2E_WORK, or a temporary one)
# and $mine (a folder of this script's own below it). What a script starts or
# mounts, it defers the end of; the trap ends it, in reverse order.

set -euo pipefail
umask 022
export LC_ALL=C.UTF-8 TZ=UTC DEBIAN_FRONTEND=noninteractive
unset APT_CONFIG BUILDKIT_HOST DOCKER_HOST DOCKER_CONFIG CDPATH
PATH=$PATH:/usr/sbin:/sbin

script=$(basename "$0" .sh)
repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

say() { printf '%s: %s\n' "$script" "$*"; }
die() { printf '%s: FAILED: %s\n' "$script" "$*" >&2; exit 1; }

# defer COMMAND… runs a command when the script ends, the last one first.
deferred=()
defer() { deferred+=("$(printf '%q ' "$@")"); }
finish() {
	local code=$? i
	trap '' INT TERM
	for ((i = ${#deferred[@]} - 1; i >= 0; i--)); do eval "${deferred[i]}" || true; done
	[ "$code" = 0 ] && say "passed in $SECONDS s" || printf '%s: FAILED with %s\n' "$script" "$code" >&2
	exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# end PID ends a process that the script runs in the background, and waits for it. A shell (a function in the background is one) would
# leave the programs below it running: they end with it. When the process has ended already, its number may be another process's by
# now.
end() {
	local programs=() program
	grep -qx "$1" <<<"$(jobs -pr)" || return 0
	[ ! "/proc/$1/exe" -ef "/proc/$$/exe" ] || mapfile -t programs < <(pgrep -P "$1")
	kill "$1" "${programs[@]}" 2>/dev/null || true
	wait "$1" 2>/dev/null || true
	for program in "${programs[@]}"; do while kill -0 "$program" 2>/dev/null; do sleep 0.1; done; done
}

need() {
	local tool
	for tool; do command -v "$tool" >/dev/null || die "$tool is missing; type: sudo $repo/test/e2e/setup.sh"; done
}

need_root_or_die() {
	[ "$(id -u)" = 0 ] || die "$1 needs root; type: sudo $repo/test/e2e/$script.sh"
}

# A place to work.
if [ -n "${E2E_WORK:-}" ]; then
	work=$E2E_WORK
else
	work=$(mktemp -d "${TMPDIR:-/tmp}/minimirror-e2e.XXXXXX")
	chmod 755 "$work"
	defer rm -rf --one-file-system "$work"
fi
mine=$work/$script
mkdir -p "$mine"

# Scripts may run side by side in one folder: what they share is made under a lock, once.
# lock FILE waits until nobody else makes it, until unlock.
lock() { exec {lock}>"$1.lock" && flock "$lock"; }
unlock() { exec {lock}>&-; }

built=${MINIMIRROR:-$repo/bin/minimirror}
[ -x "$built" ] || die "$built is missing; type: make build"
MINIMIRROR=$work/minimirror
lock "$MINIMIRROR"
cmp -s "$built" "$MINIMIRROR" || install -m 755 "$built" "$MINIMIRROR"
unlock

# The program keeps its cache, keys and state below HOME: one of the tests' own.
# Go keeps the caller's.
as_caller=(env "HOME=$HOME" "XDG_CACHE_HOME=${XDG_CACHE_HOME:-$HOME/.cache}")
export HOME=$work/home
unset XDG_CACHE_HOME XDG_CONFIG_HOME XDG_STATE_HOME XDG_DATA_HOME XDG_RUNTIME_DIR
mkdir -p "$HOME"

# await PID FILE PATTERN waits until a whole line of FILE matches, and sets $said to the pattern's group, or to what
# matches where it has none. It fails when PID ends before. The seconds that it waits for a machine with much to do:
patience=180
await() {
	local line ended="" end=$((SECONDS + patience))
	while :; do
		# A line without its end is not read; $said is for the caller.
		# shellcheck disable=SC2034
		while IFS= read -r line; do
			[[ ! $line =~ $3 ]] || { said=${BASH_REMATCH[1]-${BASH_REMATCH[0]}}; return; }
		done < <(cat "$2" 2>/dev/null)
		[ -z "$ended" ] || { cat "$2" >&2; die "it ended before it said \"$3\": see above"; }
		((SECONDS < end)) || { cat "$2" >&2; die "it did not say \"$3\": see above"; }
		kill -0 "$1" 2>/dev/null && sleep 0.05 || ended=yes # and look once more
	done
}

# eventually COMMAND… repeats a command until it succeeds; when $patience is over, it shows what the command said last.
eventually() {
	local end=$((SECONDS + patience))
	until "$@" >"$mine/eventually.log" 2>&1; do
		((SECONDS < end)) || { cat "$mine/eventually.log" >&2; return 1; }
		sleep 0.05
	done
}

# Network namespaces with nothing but loopback: netns_up makes one, $inside runs a command in it.
inside=()
netns_up() {
	need ip nsenter
	need_root_or_die "a network namespace"
	netns=minimirror-$$-$1
	ip netns add "$netns"
	defer ip netns delete "$netns"
	ip -n "$netns" link set lo up
	[ -z "$(ip -n "$netns" route)" ] || die "the namespace $netns has routes"
	inside=(nsenter "--net=/run/netns/$netns")
	say "network namespace $netns has loopback and no route"
}

# become UID sets $as, which runs a command as a user who owns $work/home-UID and
# has no name, no group, no privilege and no program in PATH: neither Docker nor
# anything else. An ordinary user becomes only themself.
become() {
	local home=$work/home-$1
	mkdir -p "$home"
	as=(env -i)
	if [ "$(id -u)" = 0 ]; then
		chown "$1:$1" "$home"
		as+=("$(command -v setpriv)" --reuid "$1" --regid "$1" --clear-groups --inh-caps=-all --no-new-privs)
	elif [ "$(id -u)" != "$1" ]; then
		die "only root becomes user $1; type: sudo $repo/test/e2e/$script.sh"
	fi
	as+=("$(command -v env)" "HOME=$home" PATH=/nonexistent "TMPDIR=${TMPDIR:-/tmp}" LC_ALL=C.UTF-8)
}

# start_server ARGUMENT… starts "minimirror serve" (where $inside and as whom
# $serve_as says) on a free port of loopback, or at $listen, and sets $url and $server.
serve_as=() servers=0
start_server() {
	local log=$mine/serve-$((++servers)).log
	"${inside[@]}" "${serve_as[@]}" "$MINIMIRROR" serve "$@" --listen "${listen:-127.0.0.1:0}" >"$log" 2>&1 &
	server=$!
	defer end "$server"
	await "$server" "$log" 'listening on [a-z]+://([0-9.:]+)$'
	url=http://$said
	say "serving ${*:-itself} at $url"
}

# start_registry [log] starts Debian's docker-registry where $inside says, and sets $registry to its address and
# $registry_pid. With log, $mine/registry.log has a line for each request.
start_registry() {
	need docker-registry
	mkdir -p "$mine/registry"
	printf 'version: 0.1\nlog: {accesslog: {disabled: %s}}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: "127.0.0.1:0"}\n' \
		"$([ "${1:-}" = log ] && echo false || echo true)" "$mine/registry" >"$mine/registry.yml"
	"${inside[@]}" docker-registry serve "$mine/registry.yml" >"$mine/registry.log" 2>&1 &
	registry_pid=$!
	defer end "$registry_pid"
	await "$registry_pid" "$mine/registry.log" 'listening on (127\.0\.0\.1:[0-9]+)'
	registry=$said
}

get() { "${inside[@]}" curl --noproxy '*' --silent --show-error --fail --max-time 300 "$@"; }

# ready_says TEXT tells whether /readyz says it. rule LINE… writes $rules in a new file that takes the place of the old
# one, and waits until the server has read it; hang_up tells the server to do so.
ready_says() { get "$url/readyz" | grep -F -- "$1"; }
generation() { get "$url/readyz" | sed -n 's/^rules: generation \([0-9]*\),.*/\1/p'; }
newer() { [ "$(generation)" -gt "$1" ]; }
hang_up() { kill -HUP "$server"; }
rule() {
	local before
	before=$(generation)
	printf '%s\n' "$@" >"$rules.new"
	mv "$rules.new" "$rules"
	hang_up
	eventually newer "$before" || die "the rules are not in force: $*"
}

# apt_client DIR makes a state of its own for apt, whose only source is the
# server at $url, trusted by the key that the server hands out.
apt_client() {
	mkdir -p "$1"/{lists/partial,cache/archives/partial,etc/apt.conf.d,etc/preferences.d,etc/sources.list.d,etc/trusted.gpg.d}
	: >"$1/status"
	get "$url/minimirror.sources" >"$1/etc/sources.list.d/minimirror.sources"
	check_sources "$1/etc/sources.list.d/minimirror.sources"
	cat >"$1/apt.conf" <<-END
		Dir "$1"; Dir::Etc "$1/etc"; Dir::State "$1"; Dir::State::lists "$1/lists"; Dir::State::status "$1/status";
		Dir::Cache "$1/cache"; Dir::Bin::Methods "/usr/lib/apt/methods"; APT::Sandbox::User "";
		APT::Architecture "amd64"; APT::Architectures { "amd64"; }; Acquire::http::Proxy "DIRECT"; Acquire::Retries "0";
		APT::Install-Recommends "false";
	END
}

# check_sources FILE fails unless every source names its key, and none is simply trusted.
check_sources() {
	local types keys
	types=$(grep -c '^Types:' "$1") && keys=$(grep -ci '^Signed-By:' "$1") || die "$1 is not a deb822 file with Signed-By"
	[ "$types" = "$keys" ] || die "$1: $types sources, $keys Signed-By"
	! grep -Eiq '^(Trusted|Allow-[A-Za-z-]+):' "$1" || die "$1 trusts without a signature"
}

# apt_in DIR COMMAND… runs an apt command in the state that apt_client made, as whom $apt_as says.
apt_as=()
apt_in() {
	local dir=$1
	shift
	"${inside[@]}" "${apt_as[@]}" /usr/bin/env "APT_CONFIG=$dir/apt.conf" "TMPDIR=$dir" PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

# bare_root DIR unpacks the minimal root that 10-bare-system.sh makes, without
# sources, and with a policy that starts no daemons.
bare_root() {
	need_root_or_die "a root file system"
	[ -f "$work/bare-root.tar" ] || E2E_WORK=$work "$repo/test/e2e/10-bare-system.sh"
	mkdir -p "$1"
	tar -C "$1" --numeric-owner -xf "$work/bare-root.tar"
	rm -rf "$1"/etc/apt/sources.list "$1"/etc/apt/sources.list.d/* "$1"/var/lib/apt/lists/*
	printf '#!/bin/sh\nexit 101\n' >"$1/usr/sbin/policy-rc.d"
	chmod 755 "$1/usr/sbin/policy-rc.d"
	echo force-unsafe-io >"$1/etc/dpkg/dpkg.cfg.d/unsafe-io" # these roots need not outlive a loss of power
	say "bare root: $(du -sm "$1" | cut -f1) MB"
}

# in_root DIR COMMAND… runs a command in a root, in mounts of its own that end with it.
in_root() {
	# shellcheck disable=SC2016
	"${inside[@]}" unshare --mount --propagation private sh -ec '
		root=$1; shift
		mount -t proc proc "$root/proc"
		exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive chroot "$root" "$@"' sh "$@"
}

# node_up DIR makes a node of a root: with mounts, a host name and (in $inside) a network of its own, where
# daemons run beside each other. on_node COMMAND… runs a command there, and "${node_enter[@]}" COMMAND… &
# a daemon whose process is $!.
node_up() {
	need nsenter
	# shellcheck disable=SC2016
	"${inside[@]}" unshare --mount --uts --propagation private sh -ec '
		root=$1
		mount --bind "$root" "$root"
		mount -t proc proc "$root/proc"
		mount -t sysfs sysfs "$root/sys"
		mount --rbind /sys/fs/cgroup "$root/sys/fs/cgroup"
		mount --rbind /dev "$root/dev"
		mount -t tmpfs tmpfs "$root/run"
		echo ready
		exec sleep 100000' sh "$1" >"$mine/node.log" 2>&1 &
	node=$!
	defer end "$node"
	await "$node" "$mine/node.log" ready
	node_enter=(nsenter --target "$node" --mount --net --uts env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 chroot "$1")
}
on_node() { "${node_enter[@]}" "$@"; }

# await_ready waits until the mirror at $url answers. Where packages may be lost, no connection is waited for.
await_ready() { eventually get --output /dev/null --connect-timeout 2 "$url/readyz" || die "$url/readyz does not answer"; }

# apt_on_node lets apt on the node install hello from what --configure-apt has written.
apt_on_node() {
	on_node apt-get --quiet --quiet --error-on=any update
	on_node apt-get --quiet --quiet --yes install hello >"$mine/apt.log" 2>&1 || { cat "$mine/apt.log" >&2; die "apt-get install hello"; }
	[ "$(on_node hello)" = "Hello, world!" ] || die "hello does not say so"
}

# in_copy NAME COMMAND… runs a command in a copy of the root $bare, in mounts of
# its own. What differs from $bare stays in $mine/NAME/upper. Before it, $isolate.
isolate=()
in_copy() {
	local copy=$mine/$1
	mkdir -p "$copy/upper" "$copy/work" "$copy/root"
	shift
	# shellcheck disable=SC2016
	"${inside[@]}" unshare --mount --propagation private "${isolate[@]}" sh -ec '
		bare=$1 copy=$2; shift 2
		mount -t overlay overlay -o "lowerdir=$bare,upperdir=$copy/upper,workdir=$copy/work" "$copy/root"
		mount -t proc proc "$copy/root/proc"
		mount --bind /dev "$copy/root/dev"
		exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive HOME=/root \
			chroot "$copy/root" "$@"' sh "$bare" "$copy" "$@"
}

# definition NAME writes a definition (standard input, without its name) and sets $definition.
definition() {
	definition=$mine/$1
	mkdir -p "$definition"
	{ printf 'name: %s\n' "$1"; cat; } >"$definition/mirror.yaml"
}

# small_definition NAME serves a made-up archive and writes a definition of all of it.
small_definition() {
	made_up_archive <<-END
		Suite: bookworm
		Codename: bookworm
		Origin: Debian
		By-Hash: yes

		Package: app
		Version: 1:2.0~rc1+b1-1
		Architecture: amd64
		Depends: libapp (>= 2.0~), mailer
		Filler: 3000000

		Package: libapp
		Version: 2.0+dfsg-1
		Architecture: amd64
		Filler: 500000

		Package: mta
		Provides: mailer
		Filler: 100000
	END
	definition "$1" <<-END
		debian:
		  sources:
		    - name: test
		      urls: [$archive]
		      suites: [bookworm]
		      components: [main]
		      architectures: [amd64]
		      signed-by: $mine/keys/archive.asc
		  packages: [app]
		sets:
		  app: { debian: [app] }
	END
}

# made_up_archive serves the archive that standard input describes (see
# internal/kinds/debian/debiantest), with its keys in $mine/keys, and sets $archive.
archives=0
made_up_archive() {
	local file=$mine/archive-$((++archives))
	cat >"$file"
	go_program debiantest-serve ./internal/kinds/debian/debiantest/serve
	"$work/debiantest-serve" --keys "$mine/keys" "$file" >"$file.log" 2>&1 &
	defer end $!
	await $! "$file.log" '^http://.*'
	archive=$said
	say "made-up archive at $archive"
}

# go_program NAME PACKAGE builds a program of the tests, $work/NAME, unless it is there.
go_program() {
	need go
	lock "$work/$1"
	[ -x "$work/$1" ] || (cd "$repo" && "${as_caller[@]}" CGO_ENABLED=0 go build -trimpath -buildvcs=false -o "$work/$1" "$2")
	unlock
}

# carries REF SET, or carries REF PACKAGE --package, wants that the image gives the packages of the first REF that this
# was called with, and leaves them in $mine/carried.
carries() {
	local out=$mine/carried
	rm -rf "$out"
	"$MINIMIRROR" bootstrap --image "$1" "${3:---set}" "$2" --architecture amd64 --to "$out" >"$mine/carries.log" 2>&1 || { cat "$mine/carries.log" >&2; die "bootstrap --image $1"; }
	(cd "$out" && sha256sum --quiet --check SHA256SUMS) || die "$1: wrong files"
	[ -e "$mine/carries-$2" ] || cp "$out/SHA256SUMS" "$mine/carries-$2"
	cmp "$out/SHA256SUMS" "$mine/carries-$2" || die "$1: other packages"
	say "$1 carries $2"
}

# locks_from REF DIGEST locks a definition of the image registry.example.org/site/one:1 in a folder or an archive of any tool, and wants the
# manifest or the configuration with the digest in the lock.
locked_from=0
locks_from() {
	definition "from-$((++locked_from))" <<-END
		images:
		  - { name: registry.example.org, from: "$1", take: ["site/one:1"] }
	END
	"$MINIMIRROR" lock "$definition" >"$mine/locks-from.log" 2>&1 || { cat "$mine/locks-from.log" >&2; die "an image from $1"; }
	grep -q "/sha256/${2#sha256:}\"" "$definition/mirror.lock" || die "$1: the lock has no $2"
}

# skopeo without a policy file: the digest is what is compared, and signatures are apt's business.
skopeo() { command skopeo --insecure-policy "$@"; }

# digest [--tls-verify=false] REF prints the digest of an image's manifest, as skopeo sees it.
digest() { skopeo inspect --raw "$@" | sha256sum | cut -d' ' -f1; }

# before TROUBLE starts a proxy before $registry that causes trouble (see test/e2e/troubled), and sets $address. requests and sent print how many
# requests and bytes it has passed on.
proxies=0
before() {
	local log=$mine/troubled-$((++proxies)).log
	"$work/troubled" "http://$registry" "$1" >"$log" 2>&1 &
	defer end $!
	await $! "$log" '^127.*'
	address=$said
}
requests() { get "http://$address/sent" | cut -d' ' -f1; }
sent() { get "http://$address/sent" | cut -d' ' -f2; }

# fetches_from REF PACKAGE… serves an image ("": the one that the server runs
# in) and lets apt fetch packages from it, signatures verified.
fetches_from() {
	local ref=$1 dir
	shift
	start_server ${ref:+--image "$ref"}
	dir=$(mktemp -d "$mine/apt.XXXXXX")
	apt_client "$dir"
	apt_in "$dir" apt-get -qq --error-on=any update
	apt_in "$dir" apt-get -qq --yes --download-only install "$@"
	end "$server"
	say "apt fetched $(find "$dir/cache/archives" -name '*.deb' | wc -l) packages from ${ref:-it}"
}

# one_name REF sets $name to what the kit calls an image: in all of its files, and with the tag of the image's lock.
one_name() {
	local kit=$mine/kit-name file
	rm -rf "$kit"
	"$MINIMIRROR" kit "$1" --to "$kit" >/dev/null
	name=$(sed -n 's/^image  *//p' "$kit/README.txt")
	grep -Exq 'minimirror\.local/[a-z0-9-]+:[0-9]{8}-[0-9a-f]{8}' <<<"$name" || die "the kit calls the image $name"
	for file in docker-run.sh podman-run.sh minimirror.container static-pod.yaml; do
		grep -Eq -- "(^|[ =])${name//./\\.}( |\$)" "$kit/server/$file" || die "$file does not call the image $name: $(cat "$kit/server/$file")"
	done
	[ "$(sed -nE 's/^  (repository|tag): "?([^"]*)"?$/\2/p' "$kit/server/chart-values.yaml" | paste -sd:)" = "$name" ] || die "the chart's values do not call the image $name: $(cat "$kit/server/chart-values.yaml")"
	! grep -r latest "$kit/server" --include='*.sh' --include='*.yaml' --include='*.container' || die "the kit runs latest: see above"
}

# called WHO NAME… wants that these are all the names of images on standard input.
called() {
	diff <(sort) <(printf '%s\n' "${@:2}" | sort) || die "$1 calls the image otherwise: see above"
	say "$1 calls it ${*:2}"
}
