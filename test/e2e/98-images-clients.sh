#!/bin/bash
# Images on a node without a route: a set of packages and images is put on a bare root, where containerd, Docker and podman then have the images before
# there is a registry. Then the mirror is the registry, each client configured by the kit alone: by tag, by digest, for other platforms, denied, absent, over
# a connection that is cut, over TLS; with containerd 1.6 and 2, and as a kubelet pulls. A wire that leads to nobody counts who asks anybody else.
. "$(dirname "$0")/lib.sh"
need curl jq openssl python3
need_root_or_die "a root file system"
bare_root "$mine/root"
root=$mine/root
install -m 755 "$MINIMIRROR" "$root/usr/local/bin/minimirror"
helm=$("${as_caller[@]}" "$repo/test/chart/helm.sh")
crane=$("${as_caller[@]}" "$repo/test/registry/tools.sh" crane)
oras=$("${as_caller[@]}" "$repo/test/registry/tools.sh" oras)
newer=$("${as_caller[@]}" "$repo/test/containerd/containerd.sh")

# A layout with an index of three platforms, an image of docker.io, one that will be denied, and a chart.
"$helm" package "$repo/charts/minimirror" --version 1.2.3 --destination "$mine" >/dev/null
python3 - "$mine/layout" "$mine/minimirror-1.2.3.tgz" <<-'END'
	import gzip, hashlib, io, json, os, random, sys, tarfile
	out, chart = sys.argv[1:]
	os.makedirs(out + "/blobs/sha256")
	def blob(data, media):
	    digest = hashlib.sha256(data).hexdigest()
	    open(out + "/blobs/sha256/" + digest, "wb").write(data)
	    return {"mediaType": media, "digest": "sha256:" + digest, "size": len(data)}
	def image(name, architecture, size=1000):
	    tar = io.BytesIO()
	    with tarfile.open(fileobj=tar, mode="w") as t:
	        file = tarfile.TarInfo("etc/" + name)
	        file.size = size
	        t.addfile(file, io.BytesIO(random.Random(name + architecture).randbytes(size)))
	    layer = gzip.compress(tar.getvalue(), mtime=0)
	    config = {"architecture": architecture, "os": "linux", "config": {"Cmd": ["/none"]}, "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(tar.getvalue()).hexdigest()]}}
	    d = blob(json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": blob(json.dumps(config).encode(), "application/vnd.oci.image.config.v1+json"),
	        "layers": [blob(layer, "application/vnd.oci.image.layer.v1.tar+gzip")]}).encode(), "application/vnd.oci.image.manifest.v1+json")
	    return d
	def index(*images):
	    return blob(json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": images}).encode() + b"\n", "application/vnd.oci.image.index.v1+json")
	app = index(*[dict(image("app", a, 1300000), platform={"os": "linux", "architecture": a}) for a in ["amd64", "arm64", "386"]])
	package = blob(json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": blob(b'{"name":"minimirror","version":"1.2.3","apiVersion":"v2"}', "application/vnd.cncf.helm.config.v1+json"),
	    "layers": [blob(open(chart, "rb").read(), "application/vnd.cncf.helm.chart.content.v1.tar+gzip")]}).encode(), "application/vnd.oci.image.manifest.v1+json")
	named = {"registry.example.org:5000/acme/app:1.4": app, "registry.example.org:5000/acme/denied:1": image("denied", "amd64"), "docker.io/library/tool:2": image("tool", "amd64"),
	    "charts.example.org/charts/minimirror:1.2.3": package}
	json.dump({"schemaVersion": 2, "manifests": [dict(d, annotations={"io.containerd.image.name": name}) for name, d in named.items()]}, open(out + "/index.json", "w"))
	open(out + "/oci-layout", "w").write('{"imageLayoutVersion":"1.0.0"}')
END
digest_of() { jq -r --arg name "$1" '.manifests[] | select(.annotations["io.containerd.image.name"] == $name) | .digest' "$mine/layout/index.json"; }
app=registry.example.org:5000/acme/app denied=registry.example.org:5000/acme/denied tool=docker.io/library/tool
app_digest=$(digest_of $app:1.4) tool_digest=$(digest_of $tool:2)
definition images-clients <<-END
	debian:
	  sources: host
	  packages: [containerd, runc, docker.io, podman, skopeo]
	images:
	  - { name: "registry.example.org:5000", from: "oci:$mine/layout", take: ["acme/*:*"], platforms: [linux/amd64, linux/arm64] }
	  - { name: docker.io, from: "oci:$mine/layout", take: ["tool:2"] }
	  - { name: charts.example.org, from: "oci:$mine/layout", take: ["charts/*:*"] }
	sets:
	  node: { debian: [containerd, runc, docker.io, podman, skopeo], images: ["acme/app:1.4", "tool:2"] }
END
"$MINIMIRROR" build "$definition" --output "oci-archive:$root/mirror.tar"

# The node. Its only way out ends at a wire that nobody listens at; so does the way to its name server.
netns_up images-clients
ip -n "$netns" link add out type veth peer name nobody
for end in out nobody; do [ ! -d /proc/sys/net/ipv6 ] || "${inside[@]}" sh -c "echo 1 >/proc/sys/net/ipv6/conf/$end/disable_ipv6"; done
ip -n "$netns" address add 192.0.2.2/24 dev out
ip -n "$netns" link set out up
ip -n "$netns" link set nobody up
ip -n "$netns" route add default via 192.0.2.1
mkdir -p "$root/etc/containers"
echo "nameserver 192.0.2.53" >"$root/etc/resolv.conf"
printf '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n' >"$root/etc/containers/containers.conf"
node_up "$root"
asked_out() { ip -n "$netns" -s -j link show dev out | jq '.[0].stats64.tx.packets'; }
# nobody_asked TEXT wants that no packet has left the node since the last call.
nobody_asked() {
	local now
	now=$(asked_out)
	[ "$now" = "$before" ] || die "$1: $((now - before)) packets to somebody else"
}

# quiet wants that no packet leaves for two seconds.
quiet() {
	local first
	first=$(asked_out)
	sleep 2
	[ "$(asked_out)" = "$first" ]
}

say "a set of packages and images, on a node without a registry"
bootstraps() { on_node minimirror bootstrap /mirror.tar --set node --install "$@" >"$mine/bootstrap.log" 2>&1; }
bootstraps --no-start || { tail "$mine/bootstrap.log" >&2; die "bootstrap"; }
grep -q "kept, until the runtime runs and /var/lib/minimirror/images/install.sh loads it: $app:1.4" "$mine/bootstrap.log" || die "no word of the images: $(tail "$mine/bootstrap.log")"
! bootstraps || die "images are loaded into runtimes that do not run"
grep -q '^hint: start it: systemctl start containerd' "$mine/bootstrap.log" || grep -q '^hint: start it: systemctl start docker' "$mine/bootstrap.log" || die "no hint: $(tail "$mine/bootstrap.log")"
printf '#!/bin/sh\n' >"$root/usr/local/bin/kubelet"
chmod 755 "$root/usr/local/bin/kubelet"
runs_containerd() {
	"${node_enter[@]}" containerd >"$mine/containerd.log" 2>&1 &
	containerd=$!
	defer end "$containerd"
	await "$containerd" "$mine/containerd.log" 'containerd successfully booted'
}
runs_dockerd() {
	"${node_enter[@]}" dockerd --bridge none --iptables=false --host unix:///run/docker.sock >"$mine/dockerd.log" 2>&1 &
	defer end $!
	await $! "$mine/dockerd.log" 'API listen on /run/docker.sock'
}
runs_containerd
runs_dockerd
# has_all wants that the runtimes have the images by all of their names.
has_all() {
	local name
	on_node ctr --namespace k8s.io images ls >"$mine/ctr.txt"
	for name in $app:1.4 $app@"$app_digest" $tool:2 $tool@"$tool_digest"; do
		grep "^$name .*io.cri-containerd.pinned=pinned" "$mine/ctr.txt" | grep -qE "$app_digest|$tool_digest" || die "$1: containerd does not have $name: $(cat "$mine/ctr.txt")"
		on_node podman image exists "$name" || die "$1: podman does not have $name"
	done
	for name in $app:1.4 tool:2; do on_node docker image inspect "$name" >/dev/null || die "$1: Docker does not have $name"; done
	say "$1: containerd, Docker and podman have the images"
}
forget_all() {
	# shellcheck disable=SC2046
	on_node ctr --namespace k8s.io images rm --sync $(on_node ctr --namespace k8s.io images ls --quiet) >/dev/null
	on_node podman rmi --all --force >/dev/null
	local known
	known=$(on_node docker images --quiet | sort -u)
	# shellcheck disable=SC2086
	[ -z "$known" ] || on_node docker rmi --force $known >/dev/null
}
before=$(asked_out)
on_node sh /var/lib/minimirror/images/install.sh >"$mine/script.log" 2>&1 || { cat "$mine/script.log" >&2; die "the script"; }
has_all "the script that was kept"
bootstraps || { tail "$mine/bootstrap.log" >&2; die "bootstrap again"; }
grep -q "nothing to install" "$mine/bootstrap.log" || die "it loads again: $(cat "$mine/bootstrap.log")"
forget_all
bootstraps || { tail "$mine/bootstrap.log" >&2; die "bootstrap with runtimes"; }
has_all "bootstrap"
[ ! -e "$root/var/lib/minimirror/images" ] || die "what was kept is still there"
nobody_asked "loading"
forget_all

say "the mirror as the registry"
rules=$mine/rules.yaml
printf 'rules:\n  - deny: { image: "%s", reason: "policy 7.3" }\n' "$denied" >"$rules"
start_server --image "oci-archive:$root/mirror.tar" --rules "$rules"
host=${url#http://}
"$MINIMIRROR" kit "$root/mirror.tar" --address "$url" --to "$root/kit" >/dev/null 2>&1
for program in containerd docker podman; do on_node sh "/kit/client/programs/$program/setup.sh" >"$mine/setup-$program.log" 2>&1 || { cat "$mine/setup-$program.log" >&2; die "setup.sh of $program"; }; done
grep -q 'restart containerd' "$mine/setup-containerd.log" || die "containerd does not learn of config_path: $(cat "$mine/setup-containerd.log")"
end "$containerd"
runs_containerd
on_node containerd config dump | grep -q 'config_path = "/etc/containerd/certs.d"' || die "config_path is not set"

pulls_containerd() { on_node ctr --namespace k8s.io images pull --hosts-dir /etc/containerd/certs.d "$@"; }
# As a kubelet does.
cri() { on_node crictl --runtime-endpoint unix:///run/containerd/containerd.sock --image-endpoint unix:///run/containerd/containerd.sock "$@"; }
pulls_cri() { cri pull "$1"; }
install -m 755 "$newer/crictl" "$root/usr/local/bin/crictl"
pulls_podman() { on_node podman pull "$@"; }
pulls_skopeo() { on_node skopeo --insecure-policy inspect --raw "docker://$1"; }
for client in containerd cri podman skopeo; do
	before=$(asked_out)
	for name in $app:1.4 $app@"$app_digest" $tool:2; do
		"pulls_$client" "$name" >"$mine/pull.log" 2>&1 || { cat "$mine/pull.log" >&2; die "$client: $name"; }
	done
	! "pulls_$client" "$denied:1" >"$mine/denied.log" 2>&1 || die "$client: what is denied is pulled"
	grep -q 'policy 7.3' "$mine/denied.log" || die "$client, denied: $(cat "$mine/denied.log")"
	for name in $app:9 $app@sha256:"$(printf '%064d' 0)" registry.example.org:5000/none:1; do
		! "pulls_$client" "$name" >"$mine/absent.log" 2>&1 || die "$client: $name is pulled"
		grep -qiE 'not found|manifest unknown|name unknown' "$mine/absent.log" || die "$client, absent: $(cat "$mine/absent.log")"
	done
	nobody_asked "$client"
	say "$client: by tag and by digest; denied and absent are errors of the mirror; nobody else is asked"
done
pulls_containerd --platform linux/arm64 $app:1.4 >/dev/null 2>&1 || die "containerd: linux/arm64"
on_node podman pull --platform linux/arm64 $app:1.4 >/dev/null 2>&1 || die "podman: linux/arm64"
! pulls_containerd --platform linux/386 $app:1.4 >"$mine/absent.log" 2>&1 || die "containerd: linux/386, which is not carried"
[ "$(on_node skopeo --insecure-policy inspect --raw "docker://$app:1.4" | sha256sum | cut -d' ' -f1)" = "${app_digest#sha256:}" ] || die "skopeo: another index"
nobody_asked "other platforms"

# Docker knows a mirror of docker.io only. Docker 20.10 looks up that name at the name server, and then asks the mirror alone.
on_node docker pull --quiet tool:2 >"$mine/pull.log" 2>&1 || { cat "$mine/pull.log" >&2; die "docker: tool:2"; }
eventually quiet || die "docker: the look-up does not end"
before=$(asked_out)
for name in $host/${app/:/_}:1.4 $host/${app/:/_}@"$app_digest"; do
	on_node docker pull --quiet "$name" >"$mine/pull.log" 2>&1 || { cat "$mine/pull.log" >&2; die "docker: $name"; }
done
! on_node docker pull "$host/${denied/:/_}:1" >"$mine/denied.log" 2>&1 || die "docker: what is denied is pulled"
grep -q 'policy 7.3' "$mine/denied.log" || die "docker, denied: $(cat "$mine/denied.log")"
! on_node docker pull "$host/${app/:/_}:9" >"$mine/absent.log" 2>&1 || die "docker: what is absent is pulled"
nobody_asked "docker"
say "docker: docker.io's images by their own names, others by the mirror's"

# Programs that are told the mirror's names.
mkdir -p "$mine/helm"
h() { "${inside[@]}" env HELM_CACHE_HOME="$mine/helm" HELM_CONFIG_HOME="$mine/helm" HELM_DATA_HOME="$mine/helm" "$helm" "$@"; }
h pull "oci://$host/charts.example.org/charts/minimirror" --version '^1.0' --plain-http --destination "$mine/helm" >"$mine/pull.log" 2>&1 || { cat "$mine/pull.log" >&2; die "helm pull"; }
cmp "$mine/helm/minimirror-1.2.3.tgz" "$mine/minimirror-1.2.3.tgz"
[ "$("${inside[@]}" "$crane" digest --insecure "$host/${app/:/_}:1.4")" = "$app_digest" ] || die "crane digest"
"${inside[@]}" "$crane" pull --insecure --platform linux/arm64 "$host/${app/:/_}:1.4" "$mine/crane.tar" || die "crane pull"
! "${inside[@]}" "$crane" digest --insecure "$host/${denied/:/_}:1" 2>"$mine/denied.log" || die "crane: what is denied has a digest"
"${inside[@]}" "$oras" manifest fetch --plain-http "$host/${app/:/_}:1.4" >"$mine/oras.json" || die "oras manifest fetch"
[ "sha256:$(sha256sum <"$mine/oras.json" | cut -d' ' -f1)" = "$app_digest" ] || die "oras: another index"
! "${inside[@]}" "$oras" manifest fetch --plain-http "$host/${denied/:/_}:1" >"$mine/denied.log" 2>&1 || die "oras: what is denied is fetched"
grep -q 'policy 7.3' "$mine/denied.log" || die "oras, denied: $(cat "$mine/denied.log")"
nobody_asked "helm, crane and oras"
say "helm, crane and oras"

# A connection that is cut after 700 kB: the kit for an address behind which that happens.
go_program troubled ./test/e2e/troubled
"${inside[@]}" "$work/troubled" "$url" cut >"$mine/troubled.log" 2>&1 &
defer end $!
await $! "$mine/troubled.log" '^127.*'
forget_all
on_node rm -r /kit /etc/docker/daemon.json
"$MINIMIRROR" kit "$root/mirror.tar" --address "http://$said" --to "$root/kit" >/dev/null 2>&1
for program in containerd docker; do on_node sh "/kit/client/programs/$program/setup.sh" >"$mine/setup-$program.log" 2>&1 || { cat "$mine/setup-$program.log" >&2; die "setup.sh of $program"; }; done
pulls_containerd $app:1.4 >"$mine/pull.log" 2>&1 || { cat "$mine/pull.log" >&2; die "containerd over a connection that is cut"; }
on_node docker pull --quiet "$said/${app/:/_}:1.4" >"$mine/pull.log" 2>&1 || { cat "$mine/pull.log" >&2; die "docker over a connection that is cut"; }
nobody_asked "over a connection that is cut"
say "containerd and Docker resume"
"${inside[@]}" "$MINIMIRROR" healthcheck --address "$url" --deep >/dev/null || die "healthcheck"

# TLS, at an address that Docker does not trust by itself, with a certificate of the site's own authority: without it, clients refuse the mirror.
ip -n "$netns" address add 198.51.100.7/32 dev lo
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=authority of the site" -addext basicConstraints=critical,CA:TRUE -keyout "$mine/site.key" -out "$mine/site.crt" 2>/dev/null
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=mirror" -keyout "$mine/mirror.key" -out "$mine/mirror.csr" 2>/dev/null
openssl x509 -req -in "$mine/mirror.csr" -CA "$mine/site.crt" -CAkey "$mine/site.key" -CAcreateserial -days 2 -extfile <(echo 'subjectAltName=IP:198.51.100.7') -out "$mine/mirror.crt" 2>/dev/null
listen=198.51.100.7:0 start_server --image "oci-archive:$root/mirror.tar" --rules "$rules" --tls-cert "$mine/mirror.crt" --tls-key "$mine/mirror.key"
host=$said
configured() {
	on_node rm -rf /kit /etc/docker/daemon.json
	"$MINIMIRROR" kit "$root/mirror.tar" --address "https://$host" --to "$root/kit" "$@" >/dev/null 2>&1
	for program in containerd docker podman; do on_node sh "/kit/client/programs/$program/setup.sh" >"$mine/setup-$program.log" 2>&1 || { cat "$mine/setup-$program.log" >&2; die "setup.sh of $program"; }; done
}
pulls_docker() { on_node docker pull "$@"; }
configured
for client in containerd podman docker; do
	name=$app:1.4
	[ $client != docker ] || name=$host/${app/:/_}:1.4
	! "pulls_$client" "$name" >"$mine/refused.log" 2>&1 || die "$client trusts a certificate of nobody's"
	grep -qiE 'x509|certificate' "$mine/refused.log" || die "$client: $(cat "$mine/refused.log")"
done
configured --mirror-ca "$mine/site.crt"
forget_all
before=$(asked_out)
for client in containerd cri podman skopeo docker; do
	image=$app no=$denied
	[ $client != docker ] || image=$host/${app/:/_} no=$host/${denied/:/_}
	for name in "$image:1.4" "$image@$app_digest"; do
		"pulls_$client" "$name" >"$mine/pull.log" 2>&1 || { cat "$mine/pull.log" >&2; die "$client over TLS: $name"; }
	done
	! "pulls_$client" "$no:1" >"$mine/denied.log" 2>&1 || die "$client over TLS: what is denied is pulled"
	grep -q 'policy 7.3' "$mine/denied.log" || die "$client over TLS, denied: $(cat "$mine/denied.log")"
done
nobody_asked "over TLS"
say "containerd, podman, skopeo and Docker over TLS, with the authority from the kit"

# containerd 2 in the place of 1.6: it reads what setup.sh made of the configuration of 1.6, and what it makes if there is none. Its kubelet learns
# which images are pinned; that of 1.6 does not (docs/container-images.md).
pinned() { cri images --output json | jq -r '.images[] | select(.pinned) | .repoTags[]' | sort | tr '\n' ' '; }
bootstraps || { tail "$mine/bootstrap.log" >&2; die "bootstrap before containerd 2"; }
[ -z "$(pinned)" ] || die "containerd 1.6 says that images are pinned: $(pinned)"
forget_all
install -m 755 "$newer/containerd" "$newer/ctr" "$root/usr/local/bin"
pulls_containerd() { on_node ctr --namespace k8s.io images pull --hosts-dir /etc/containerd/certs.d --skip-metadata "$@"; }
for configuration in "of 1.6" "of its own"; do
	end "$containerd"
	if [ "$configuration" = "of its own" ]; then
		on_node rm -r /etc/containerd
		configured --mirror-ca "$mine/site.crt"
	fi
	runs_containerd
	[ "$(on_node ctr version | grep -c 'Version: *v\?2\.')" = 2 ] || die "this is not containerd 2: $(on_node ctr version)"
	before=$(asked_out)
	for client in containerd cri; do
		for name in $app:1.4 $app@"$app_digest" $tool:2; do
			"pulls_$client" "$name" >"$mine/pull.log" 2>&1 || { cat "$mine/pull.log" >&2; die "containerd 2, configuration $configuration, $client: $name"; }
		done
		! "pulls_$client" "$denied:1" >"$mine/denied.log" 2>&1 || die "containerd 2, $client: what is denied is pulled"
		grep -q 'policy 7.3' "$mine/denied.log" || die "containerd 2, $client, denied: $(cat "$mine/denied.log")"
		! "pulls_$client" "$app:9" >"$mine/absent.log" 2>&1 || die "containerd 2, $client: what is absent is pulled"
		grep -qi 'not found' "$mine/absent.log" || die "containerd 2, $client, absent: $(cat "$mine/absent.log")"
	done
	! on_node ctr --namespace k8s.io images pull --hosts-dir /etc/containerd/certs.d $app:1.4 >"$mine/absent.log" 2>&1 || die "ctr of containerd 2 no longer needs --skip-metadata if platforms are missing: say so in docs/container-images.md"
	nobody_asked "containerd 2, configuration $configuration"
done
forget_all
bootstraps || { tail "$mine/bootstrap.log" >&2; die "bootstrap with containerd 2"; }
# Without a digest of the repository, a kubelet would pull images that it has (IfNotPresent).
[ "$(cri images --output json | jq '[.images[] | select(.repoTags != []) | .repoDigests | length > 0] | all')" = true ] || die "images without a digest: $(cri images --output json)"
[ "$(pinned)" = "$tool:2 $app:1.4 " ] || die "containerd 2 tells the kubelet that these images are pinned: $(pinned)"
say "containerd 2: by both of the kit's configurations, and pinned for the kubelet"
