# A real Kubernetes for the scripts that have read ../e2e/lib.sh. A machine is a root file system in namespaces
# of its own (mounts, network, processes, host name); all of it ends with its first process, whatever became of
# the rest. Machines have one network, 10.250.0.0/24, and no route elsewhere.
#
#	machine_up NAME NUMBER ROOT       a machine, 10.250.0.NUMBER; number 1 is first
#	on NAME COMMAND…                  runs a command there
#	kubelet_up NAME                   containerd and the kubelet: enough for static pods
#	control_plane_up NAME             etcd, API server, controllers, scheduler
#	node_ready NAME                   kube-proxy; waits until the node is ready
#	kubectl …, in_net NAME COMMAND…   a program of the host, with a machine's network
#
# A root needs containerd, runc, containernetworking-plugins and iptables; the first one etcd-server, too.

need openssl nsenter ip
kube=$mine/kubernetes
mkdir -p "$kube"
programs=$("${as_caller[@]}" "$repo/test/k8s/build.sh")
declare -A machine=() number=() parent=()

on() { nsenter --target "${machine[$1]}" --mount --net --pid --uts --ipc env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/kubernetes HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "${@:2}"; }
in_net() { nsenter --net="/proc/${machine[$1]}/ns/net" "${@:2}"; }
kubectl() { in_net "$first" "$programs/kubectl" --kubeconfig "$kube/admin.conf" "$@"; }

# daemon MACHINE COMMAND… starts a daemon there, whose words go to /var/log/COMMAND.log.
daemon() {
	# shellcheck disable=SC2016
	on "$1" sh -c '"$@" >"/var/log/$1.log" 2>&1 </dev/null &' sh "${@:2}"
}

# The machine's first process is the pause program, which takes in orphans. The kubelet sets some of the
# kernel's parameters, which all machines of a host share: these become files of the machine's own.
machine_up() {
	local name=$1 root=$3 group=minimirror-$$-$1 i
	rm -f "$mine/$name.log"
	mkdir -p "$root"/opt/kubernetes "$root"/etc/kubernetes/{manifests,pki} "$root"/root
	# shellcheck disable=SC2016
	unshare --mount --net --pid --uts --ipc --fork --kill-child --propagation private sh -ec '
		root=$1
		hostname "$2"
		mount --bind "$root" "$root"
		mount --rbind /dev "$root/dev"
		mount -t sysfs sysfs "$root/sys"
		mount --rbind /sys/fs/cgroup "$root/sys/fs/cgroup"
		mount --bind -o ro "$3" "$root/opt/kubernetes"
		mount -t tmpfs tmpfs "$root/run"
		mkdir -p "$root/run/lock" "$root/run/kernel"
		read -r pid rest </proc/self/stat
		mount -t proc proc "$root/proc"
		for parameter in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops kernel/keys/root_maxkeys kernel/keys/root_maxbytes; do
			file=$root/run/kernel/$(basename $parameter)
			cat "/proc/sys/$parameter" >"$file"
			mount --bind "$file" "$root/proc/sys/$parameter"
		done
		cd "$root"
		pivot_root . .
		umount -l .
		cd /
		echo "pid $pid"
		exec /opt/kubernetes/pause' sh "$root" "$name" "$programs" >"$mine/$name.log" 2>&1 &
	parent[$name]=$!
	defer machine_down "$name"
	await "${parent[$name]}" "$mine/$name.log" '^pid '
	machine[$name]=$(sed -n 's/^pid //p' "$mine/$name.log")
	number[$name]=$2
	for i in /sys/fs/cgroup/*/; do mkdir -p "$i$group"; done
	for i in cpuset.cpus cpuset.mems; do
		if [ -e "/sys/fs/cgroup/cpuset/$i" ]; then cat "/sys/fs/cgroup/cpuset/$i" >"/sys/fs/cgroup/cpuset/$group/$i"; fi
	done
	in_net "$name" ip link set lo up
	in_net "$name" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
	if [ "$2" = 1 ]; then
		first=$name
		in_net "$name" ip link add lan type bridge
	else
		in_net "$first" ip link add "port$2" type veth peer name lan netns "${machine[$name]}"
		in_net "$first" ip link set "port$2" master lan up
	fi
	in_net "$name" ip address add "10.250.0.$2/24" dev lan
	in_net "$name" ip link set lan up
	say "machine $name: 10.250.0.$2, and no route elsewhere"
}

# machine_down NAME ends the first process, and with it all others.
machine_down() {
	local i group=minimirror-$$-$1
	[ -n "${parent[$1]:-}" ] || return 0
	kill -KILL "${machine[$1]:-${parent[$1]}}" 2>/dev/null || true
	wait "${parent[$1]}" 2>/dev/null || true
	for ((i = 0; i < 100; i++)); do
		compgen -G "/sys/fs/cgroup/*/$group" >/dev/null || break
		find /sys/fs/cgroup/*/"$group" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.1
	done
	unset "machine[$1]" "number[$1]" "parent[$1]"
}

# The cluster's authority, the API server's certificate, and the token of all who call it.
pki() {
	[ ! -e "$kube/admin.conf" ] || return 0
	local token dir=$kube/pki
	mkdir -p "$dir"
	token=$(openssl rand -hex 16)
	echo "$token,admin,admin,\"system:masters\"" >"$dir/tokens.csv"
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=kubernetes -keyout "$dir/ca.key" -out "$dir/ca.crt" 2>/dev/null
	openssl req -newkey rsa:2048 -nodes -subj /CN=kube-apiserver -keyout "$dir/apiserver.key" -out "$dir/apiserver.csr" 2>/dev/null
	openssl x509 -req -in "$dir/apiserver.csr" -CA "$dir/ca.crt" -CAkey "$dir/ca.key" -CAcreateserial -days 2 -out "$dir/apiserver.crt" \
		-extfile <(echo 'subjectAltName=IP:127.0.0.1,IP:10.250.0.1,IP:10.96.0.1,DNS:kubernetes.default.svc') 2>/dev/null
	openssl genrsa -out "$dir/service-accounts.key" 2048 2>/dev/null
	cat >"$kube/admin.conf" <<-END
		apiVersion: v1
		kind: Config
		clusters: [{ name: test, cluster: { server: "https://10.250.0.1:6443", certificate-authority-data: $(base64 -w0 "$dir/ca.crt") } }]
		users: [{ name: admin, user: { token: $token } }]
		contexts: [{ name: test, context: { cluster: test, user: admin } }]
		current-context: test
	END
}

# The image that holds a pod's namespaces. A script that names another loads that itself.
pause_image=minimirror.local/pause:1

# containerd_up NAME starts containerd with a pod network, 10.244.NUMBER.0/24.
containerd_up() {
	local root=/proc/${machine[$1]}/root
	mkdir -p "$root/etc/containerd" "$root/etc/cni/net.d"
	cat >"$root/etc/containerd/config.toml" <<-END
		version = 2
		[plugins."io.containerd.grpc.v1.cri"]
		  sandbox_image = "$pause_image"
		  restrict_oom_score_adj = true
		  disable_apparmor = true
		  cni.bin_dir = "/usr/lib/cni"
		  registry.config_path = "/etc/containerd/certs.d"
	END
	cat >"$root/etc/cni/net.d/10-bridge.conflist" <<-END
		{"cniVersion": "0.4.0", "name": "pods", "plugins": [
			{"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
				"ipam": {"type": "host-local", "ranges": [[{"subnet": "10.244.${number[$1]}.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
			{"type": "portmap", "capabilities": {"portMappings": true}}]}
	END
	daemon "$1" containerd
	eventually on "$1" ctr version || die "containerd on $1: $(tail "$root/var/log/containerd.log")"
	[ "$pause_image" != minimirror.local/pause:1 ] || on "$1" ctr --namespace k8s.io images import /opt/kubernetes/pause.tar >/dev/null
}

# kubelet_up NAME starts containerd, unless it runs, and the kubelet, which waits for no API server.
kubelet_up() {
	local root=/proc/${machine[$1]}/root n=${number[$1]} other
	on "$1" ctr version >/dev/null 2>&1 || containerd_up "$1"
	pki
	cp "$kube/admin.conf" "$root/etc/kubernetes/kubelet.conf"
	# Where a machine sends what is for a service or another machine's pods.
	in_net "$1" ip route replace 10.96.0.0/16 dev lan
	for other in "${!machine[@]}"; do
		[ "$other" != "$1" ] || continue
		in_net "$1" ip route replace "10.244.${number[$other]}.0/24" via "10.250.0.${number[$other]}"
		in_net "$other" ip route replace "10.244.$n.0/24" via "10.250.0.$n"
	done
	cat >"$root/etc/kubernetes/kubelet.yaml" <<-END
		apiVersion: kubelet.config.k8s.io/v1beta1
		kind: KubeletConfiguration
		authentication: { anonymous: { enabled: true }, webhook: { enabled: false } }
		authorization: { mode: AlwaysAllow }
		cgroupDriver: cgroupfs
		cgroupRoot: /minimirror-$$-$1
		failSwapOn: false
		failCgroupV1: false
		containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
		staticPodPath: /etc/kubernetes/manifests
		fileCheckFrequency: 1s
		resolvConf: ""
		oomScoreAdj: 0
		evictionHard: { memory.available: 0%, nodefs.available: 0%, nodefs.inodesFree: 0%, imagefs.available: 0%, imagefs.inodesFree: 0% }
		imageGCHighThresholdPercent: 100
	END
	daemon "$1" kubelet --config=/etc/kubernetes/kubelet.yaml --kubeconfig=/etc/kubernetes/kubelet.conf --hostname-override="$1" --node-ip="10.250.0.$n"
}

control_plane_up() {
	local root=/proc/${machine[$1]}/root dir=/etc/kubernetes/pki
	pki
	cp "$kube"/pki/* "$root$dir"
	cp "$kube/admin.conf" "$root/etc/kubernetes/admin.conf"
	daemon "$1" etcd --data-dir /var/lib/etcd --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
		--listen-peer-urls http://127.0.0.1:2380 --unsafe-no-fsync
	daemon "$1" kube-apiserver --etcd-servers=http://127.0.0.1:2379 --advertise-address=10.250.0.1 --service-cluster-ip-range=10.96.0.0/16 \
		--tls-cert-file=$dir/apiserver.crt --tls-private-key-file=$dir/apiserver.key --client-ca-file=$dir/ca.crt \
		--service-account-key-file=$dir/service-accounts.key --service-account-signing-key-file=$dir/service-accounts.key \
		--service-account-issuer=https://kubernetes.default.svc --token-auth-file=$dir/tokens.csv --authorization-mode=Node,RBAC \
		--allow-privileged=true --kubelet-preferred-address-types=InternalIP
	eventually kubectl get --raw /readyz || { tail "$root/var/log/kube-apiserver.log" >&2; die "no API server on $1"; }
	daemon "$1" kube-controller-manager --kubeconfig=/etc/kubernetes/admin.conf --root-ca-file=$dir/ca.crt \
		--service-account-private-key-file=$dir/service-accounts.key --use-service-account-credentials=true --leader-elect=false
	daemon "$1" kube-scheduler --kubeconfig=/etc/kubernetes/admin.conf --leader-elect=false
}

node_ready() {
	daemon "$1" kube-proxy --kubeconfig=/etc/kubernetes/kubelet.conf --proxy-mode=iptables --cluster-cidr=10.244.0.0/16 --hostname-override="$1" --conntrack-max-per-core=0
	eventually kubectl wait --for=condition=Ready --timeout=60s "node/$1" || { tail "/proc/${machine[$1]}/root/var/log/kubelet.log" >&2; die "node $1 is not ready"; }
	say "node $1 is ready"
}
