# The chapters of site.sh up to the cluster.

node_packages="containerd runc containernetworking-plugins iptables ca-certificates"

image=() # its name, by version

# connected_side builds two images: of today, and of later, with more packages.
connected_side() {
	say "connected side: build, and a file to carry"
	mkdir -p "$mine/carried"
	local version more=""
	carried_images
	mkdir -p "$mine/config"
	echo "this machine is a part of the site" >"$mine/config/notice"
	for version in 1 2; do
		definition site <<-END
			debian:
			  sources: host
			  packages: [hello, jq, tree$more]
			files:
			  - { name: config, path: "$mine/config", install: { to: /etc/site } }
			images:
			  - { name: registry.example.org, from: "oci:$mine/layout", take: ["pause:3.10", "acme/web:*"] }
			sets:
			  control-plane: { debian: [${node_packages// /, }, etcd-server], files: [notice], images: ["pause:3.10"] }
			  node: { debian: [${node_packages// /, }], files: [notice], images: ["pause:3.10", "acme/web:1.6"] }
		END
		"$MINIMIRROR" lock "$definition" --update
		image[version]=$("$MINIMIRROR" build "$definition" --output "$mine/carried/site-$version.tar" --format json | jq -r .name)
		say "the image is called ${image[version]}"
		more=", patch"
	done
	key=$HOME/.config/minimirror/signing-key.asc
}

# carry MACHINE ROOT FILE… copies the program and files to a machine, as a hand with a disk does.
carry() {
	local root=$2
	mkdir -p "$root/usr/local/bin" "$root/carried"
	install -m 755 "$MINIMIRROR" "$root/usr/local/bin/minimirror"
	ln -f "${@:3}" "$root/carried/" 2>/dev/null || cp "${@:3}" "$root/carried/"
}

# loads NAME VERSION hands an image to a machine's containerd, by the image's own name.
loads() {
	quiet on "$1" minimirror bootstrap "/carried/site-$2.tar" --load containerd
	grep -qxF "containerd has the image: ${image[$2]}" "$mine/quiet.log" || die "another name than ${image[$2]}: $(cat "$mine/quiet.log")"
}

# quiet COMMAND… tells what a command said only when it fails.
quiet() {
	"$@" >"$mine/quiet.log" 2>&1 || { tail -n 40 "$mine/quiet.log" >&2; die "$*"; }
}

genesis_node() {
	say "genesis: a bare machine, the program and the file"
	bare_root "$mine/genesis"
	machine_up genesis 1 "$mine/genesis"
	carry genesis "$mine/genesis" "$mine"/carried/*.tar
	quiet on genesis minimirror bootstrap --image docker-archive:/carried/site-1.tar --set control-plane --install --no-start

	say "genesis: the kubelet alone runs the mirror"
	containerd_up genesis
	quiet on genesis sh /var/lib/minimirror/images/install.sh
	on genesis test -s /etc/site/notice || die "the site's file is not in its place"
	loads genesis 1
	quiet on genesis minimirror kit /carried/site-1.tar --address http://10.250.0.1:8080 --to /root/kit
	on genesis cp /root/kit/server/static-pod.yaml /etc/kubernetes/manifests/minimirror.yaml
	kubelet_up genesis
	inside=(nsenter --net="/proc/${machine[genesis]}/ns/net")
	url=http://10.250.0.1:8080
	await_ready
	on genesis sh /root/kit/client/setup.sh >/dev/null
	installs genesis hello
}

cluster() {
	say "the cluster comes up"
	control_plane_up genesis
	node_ready genesis
}

# joins NAME NUMBER URL VERSION… makes a bare machine a node: its packages come from the mirror at URL; it gets the
# images of these versions as a file.
joins() {
	bare_root "$mine/$1"
	machine_up "$1" "$2" "$mine/$1"
	client_of "$1" "$3"
	# shellcheck disable=SC2086
	installs "$1" $node_packages
	containerd_up "$1"
	carry "$1" "$mine/$1" "$mine"/carried/*.tar
	quiet on "$1" minimirror bootstrap "/carried/site-$4.tar" --set node --install --no-start
	local version
	for version in "${@:4}"; do loads "$1" "$version"; done
	kubelet_up "$1"
	node_ready "$1"
}

second_node() {
	say "a second machine installs a node's packages from the mirror, and joins"
	joins second 2 http://10.250.0.1:8080 1
	# The kubelet tells the API server of it when it next looks after the pod, within 90 s.
	eventually kubectl --namespace kube-system wait --for=condition=Ready --timeout=30s pod/minimirror-genesis || die "no mirror pod: $(kubectl get pods -A)"
	say "the cluster knows the static pod"
}
