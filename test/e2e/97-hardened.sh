#!/bin/bash
# The image under containerd, podman and Docker as a hardened site runs it: a read-only root, no capability, no new
# privilege, the default seccomp profile, a user that nobody knows, behind a published port. Its client is another
# machine: a bare root with a network of its own and one wire to the node. SIGTERM lets a download finish, and the
# runtimes' own health checks ask the program in the image.
. "$(dirname "$0")/lib.sh"
need curl jq
need_root_or_die "a root file system"
bare_root "$mine/root"
root=$mine/root
install -m 755 "$MINIMIRROR" "$root/usr/local/bin/minimirror"
definition hardened <<-END
	debian:
	  sources: host
	  packages: [hello]
	sets:
	  containerd: { debian: [containerd, runc, containernetworking-plugins, iptables] }
	  podman: { debian: [podman, runc, netavark, iptables] }
	  docker: { debian: [docker.io, iptables, ca-certificates] }
END
"$MINIMIRROR" build "$definition" --output "docker-archive:$root/mirror.tar"
# Far more than what the network's buffers hold.
biggest=$("$MINIMIRROR" lock "$definition" --format json | jq -r '[.items[] | .source as $s | .files[] | . + {source: $s}] | max_by(.size) | "\(.source)/\(.path) \(.size) \(.sha256)"')
read -r path size sum <<<"$biggest"

# node_up DIR is that of lib.sh for a runtime's exec and health checks: they enter the container's mounts, and so
# the node's own root must be the root of its mounts.
node_up() {
	# shellcheck disable=SC2016
	"${inside[@]}" unshare --mount --uts --propagation private sh -ec '
		root=$1
		mount --bind "$root" "$root"
		mount -t proc proc "$root/proc"
		mount -t sysfs sysfs "$root/sys"
		mount --rbind /sys/fs/cgroup "$root/sys/fs/cgroup"
		mount --rbind /dev "$root/dev"
		mount -t tmpfs tmpfs "$root/run"
		cd "$root"
		pivot_root . .
		umount -l .
		cd /
		echo ready
		exec sleep 100000' sh "$1" >"$mine/node.log" 2>&1 &
	node=$!
	defer end "$node"
	await "$node" "$mine/node.log" ready
	node_enter=(nsenter --target "$node" --mount --net --uts env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8)
}

# The node, and the client's wire to it.
bare_root "$mine/bare"
bare=$mine/bare
netns_up client
client=("${inside[@]}") client_net=$netns
netns_up node
ip -n "$netns" link add wire type veth peer name wire netns "$client_net"
ip -n "$netns" address add 10.251.0.1/24 dev wire
ip -n "$client_net" address add 10.251.0.2/24 dev wire
ip -n "$netns" link set wire up
ip -n "$client_net" link set wire up
node_up "$root"
touch "$root/etc/hosts" "$root/etc/resolv.conf"
inside=("${client[@]}")
url=http://10.251.0.1:8080

# installs SET installs it on the node.
installs() {
	on_node minimirror bootstrap --image docker-archive:/mirror.tar --set "$1" --install --no-start >"$mine/$1.log" 2>&1 || { tail "$mine/$1.log" >&2; die "bootstrap --set $1"; }
}

# loads PROGRAM VERSION hands the image to a runtime, and sets $name.
loads() {
	name=minimirror.local/hardened:$2
	on_node minimirror bootstrap --image docker-archive:/mirror.tar --load "$1" --name "$name" >"$mine/load-$1.log" 2>&1 || { cat "$mine/load-$1.log" >&2; die "--load $1"; }
	grep -qx "$1 has the image: $name" "$mine/load-$1.log" || die "--load $1 --name $name: $(cat "$mine/load-$1.log")"
}

# hardened PID wants that the kernel says so of the mirror's process.
hardened() {
	local want
	eventually runs_minimirror "$1" || die "process $1 is $(cat "/proc/$1/comm")" # at first it is the runtime
	for want in $'Uid:\t12345\t12345\t12345\t12345' $'Cap(Inh|Prm|Eff|Bnd|Amb):\t0+' $'NoNewPrivs:\t1' $'Seccomp:\t2'; do
		grep -Eqx "$want" "/proc/$1/status" || die "not $want: $(cat "/proc/$1/status")"
	done
	[ "$(grep -cEx $'Cap...:\t0+' "/proc/$1/status")" = 5 ] || die "capabilities: $(grep Cap "/proc/$1/status")"
	awk '$5 == "/" { split($6, o, ","); if (o[1] == "ro") found = 1 } END { exit !found }' "/proc/$1/mountinfo" || die "its root can be written"
	[ "$(readlink "/proc/$1/ns/net")" != "$(readlink "/proc/$node/ns/net")" ] || die "it has the node's network"
}

runs_minimirror() { [ "$(cat "/proc/$1/comm")" = minimirror ]; }

# client_installs NAME makes a new bare root a client, and lets its apt install.
client_installs() {
	await_ready
	# shellcheck disable=SC2016
	in_copy "client-$1" sh -ec '
		/usr/lib/apt/apt-helper download-file "$1/minimirror.sources" /etc/apt/sources.list.d/minimirror.sources
		apt-get -qq --error-on=any update
		apt-get -qq --yes install hello
		test "$(hello)" = "Hello, world!"' sh "$url" >"$mine/client-$1.log" 2>&1 || { cat "$mine/client-$1.log" >&2; die "apt through the published port of $1"; }
	say "$1: another machine's apt installed through the published port"
}

# drains NAME COMMAND… begins a download that stands still, ends the mirror by COMMAND, lets the download go on, and
# wants it whole.
drains() {
	local got=$mine/drained-$1 slow stops
	get "$url/$path" | { head -c 65536 >"$got"; until [ -e "$got.go" ]; do sleep 0.05; done; cat >>"$got"; } &
	slow=$!
	eventually test -s "$got" || die "no download"
	"${@:2}" >"$mine/stop-$1.log" 2>&1 &
	stops=$!
	eventually no_more || die "$1: it goes on: $(cat "$mine/stop-$1.log")"
	touch "$got.go"
	wait "$slow" || die "$1: the running download fails"
	[ "$(sha256sum <"$got")" = "$sum  -" ] || die "$1: the running download is damaged"
	wait "$stops" || die "$1: $(cat "$mine/stop-$1.log")"
	say "$1: a download was under way at SIGTERM, and all $size bytes arrived"
}

no_more() { ! get --output /dev/null --connect-timeout 2 "$url/readyz"; }

# kit_runs PROGRAM starts the mirror by the kit's own line.
kit_runs() {
	on_node "$1" rm mirror >/dev/null 2>&1
	"$MINIMIRROR" kit "docker-archive:$root/mirror.tar" --name "$name" --address "$url" --to "$root/kit-$1" >/dev/null
	on_node env DISABLE_HC_SYSTEMD=true sh "/kit-$1/server/$1-run.sh" >/dev/null
	await_ready
	on_node "$1" exec minimirror /minimirror healthcheck --ready >/dev/null || die "$1 exec"
	on_node "$1" rm --force minimirror >/dev/null 2>&1
	say "$1: the kit's line runs the mirror"
}

say "containerd"
installs containerd
mkdir -p "$root/opt/cni" "$root/etc/cni/net.d"
ln -s /usr/lib/cni "$root/opt/cni/bin"
# ctr passes no port on; the plugin takes it from here.
cat >"$root/etc/cni/net.d/10-bridge.conflist" <<-END
	{"cniVersion": "0.4.0", "name": "site", "plugins": [
		{"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true,
			"ipam": {"type": "host-local", "ranges": [[{"subnet": "10.252.0.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
		{"type": "portmap", "runtimeConfig": {"portMappings": [{"hostPort": 8080, "containerPort": 8080, "protocol": "tcp"}]}}]}
END
"${node_enter[@]}" containerd >"$mine/containerd.log" 2>&1 &
containerd=$!
defer end "$containerd"
await "$containerd" "$mine/containerd.log" 'containerd successfully booted'
loads containerd 1
drop=()
for capability in CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE; do drop+=(--cap-drop "CAP_$capability"); done
ctr() { on_node ctr --namespace k8s.io "$@"; }
# ctr has no --user: what it would run is written down, and run with another user.
ctr container create --read-only "${drop[@]}" --seccomp "$name" draft
mkdir -p "$root/mnt/mirror"
ctr images mount --rw "$name" /mnt/mirror >/dev/null
ctr container info --spec draft | jq '.process.user = { uid: 12345, gid: 12345 } | .root.path = "/mnt/mirror"' >"$root/mirror.json"
"${node_enter[@]}" ctr --namespace k8s.io run --rm --cni --config /mirror.json hardened >"$mine/mirror.log" 2>&1 &
mirror=$!
end_ctr() { ctr task kill --signal SIGKILL hardened >/dev/null 2>&1; }
defer end_ctr
await_ready
hardened "$(ctr task ls | awk '$1 == "hardened" { print $2 }')"
client_installs containerd
ctr task exec --exec-id ready hardened /minimirror healthcheck --ready >/dev/null || die "ctr task exec … healthcheck --ready"
ctr_stops() { ctr task kill --signal SIGTERM hardened; }
drains containerd ctr_stops
wait "$mirror" || { tail "$mine/mirror.log" >&2; die "containerd: the mirror does not end by SIGTERM"; }

say "podman"
installs podman
# On the machine of a test: cgroups of version 1 without systemd, and hard limits that only fall.
mkdir -p "$root/etc/containers"
printf '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n[network]\nnetwork_backend = "netavark"\n[containers]\ndefault_ulimits = ["nofile=%s:%s", "nproc=%s:%s"]\n' \
	"$(ulimit -Hn)" "$(ulimit -Hn)" 10000 10000 >"$root/etc/containers/containers.conf"
loads podman 2
# Without systemd there is no timer: what it would run is typed.
on_node env DISABLE_HC_SYSTEMD=true podman run --detach --name mirror --read-only --cap-drop all --security-opt no-new-privileges --user 12345:12345 \
	--health-cmd '["/minimirror", "healthcheck", "--ready"]' --publish 8080:8080 "$name" >/dev/null
end_podman() { on_node podman rm --force --all >/dev/null 2>&1; }
defer end_podman
hardened "$(on_node podman inspect --format '{{.State.Pid}}' mirror)"
client_installs podman
on_node podman healthcheck run mirror >/dev/null || die "podman healthcheck: $(on_node podman inspect --format '{{json .State.Health}}' mirror)"
[ "$(on_node podman inspect --format '{{.State.Health.Status}}' mirror)" = healthy ] || die "podman: $(on_node podman inspect --format '{{json .State.Health}}' mirror)"
drains podman on_node podman stop --time 30 mirror
[ "$(on_node podman inspect --format '{{.State.ExitCode}}' mirror)" = 0 ] || die "podman: the mirror does not end by SIGTERM"

kit_runs podman

say "docker"
installs docker
"${node_enter[@]}" dockerd >"$mine/dockerd.log" 2>&1 &
dockerd=$!
defer end "$dockerd"
await "$dockerd" "$mine/dockerd.log" 'API listen on'
loads docker 3
end_docker() { on_node docker rm --force mirror minimirror >/dev/null 2>&1; }
defer end_docker
# docker run --health-cmd wants a shell in the image; an image's own HEALTHCHECK doesn't.
printf 'FROM %s\nHEALTHCHECK --interval=1s CMD ["/minimirror", "healthcheck", "--ready"]\n' "$name" | "${node_enter[@]}" docker build --quiet --tag minimirror.local/hardened:probed - >/dev/null
on_node docker run --detach --name mirror --read-only --cap-drop ALL --security-opt no-new-privileges --user 12345:12345 \
	--publish 8080:8080 minimirror.local/hardened:probed >/dev/null
hardened "$(on_node docker inspect --format '{{.State.Pid}}' mirror)"
client_installs docker
healthy() { [ "$(on_node docker inspect --format '{{.State.Health.Status}}' mirror)" = healthy ]; }
eventually healthy || die "docker: $(on_node docker inspect --format '{{json .State.Health}}' mirror)"
drains docker on_node docker stop --time 30 mirror
[ "$(on_node docker inspect --format '{{.State.ExitCode}}' mirror)" = 0 ] || die "docker: the mirror does not end by SIGTERM"
kit_runs docker
