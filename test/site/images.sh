# The chapter of site.sh about container images: the carried file is the registry of the cluster, too.

# carried_images makes the images that the connected side carries: an OCI layout, as a build machine would have it. A node needs pause; web
# has a version that is denied, and one that is loaded into a node's runtime.
carried_images() {
	local tag
	quiet skopeo --insecure-policy copy "docker-archive:$programs/pause.tar" "oci:$mine/layout:registry.example.org/pause:3.10"
	for tag in 1.4 1.5 1.6; do
		web_archive "$tag"
		quiet skopeo --insecure-policy copy "docker-archive:$mine/web.tar" "oci:$mine/layout:registry.example.org/acme/web:$tag"
	done
}

# web_archive TAG writes web.tar: the program that waits, and a layer of its own.
web_archive() {
	local made=$mine/web layers=() name
	rm -rf "$made" && mkdir -p "$made/etc"
	echo "web $1" >"$made/etc/version"
	head -c 2000000 /dev/urandom >"$made/etc/content"
	tar -C "$made" --owner 0 --group 0 --mtime @0 -cf "$made/own.tar" etc
	tar -C "$programs" --owner 0 --group 0 --mtime @0 -cf "$made/base.tar" pause
	for name in base own; do layers+=("\"sha256:$(sha256sum "$made/$name.tar" | cut -d' ' -f1)\""); done
	printf '{"architecture":"%s","os":"linux","config":{"Entrypoint":["/pause"]},"rootfs":{"type":"layers","diff_ids":[%s,%s]}}' \
		"$(go env GOARCH)" "${layers[@]}" >"$made/config.json"
	printf '[{"Config":"config.json","RepoTags":["registry.example.org/acme/web:%s"],"Layers":["base.tar","own.tar"]}]' "$1" >"$made/manifest.json"
	tar -C "$made" -cf "$mine/web.tar" manifest.json config.json base.tar own.tar
}

# pod NODE NAME TAG starts a pod of web on a node.
pod() {
	kubectl apply --filename - >/dev/null <<-END
		apiVersion: v1
		kind: Pod
		metadata: { name: $2, namespace: default }
		spec:
		  nodeName: $1
		  terminationGracePeriodSeconds: 0
		  containers: [{ name: web, image: "registry.example.org/acme/web:$3", imagePullPolicy: IfNotPresent }]
	END
}
pod_runs() { eventually kubectl wait --for=condition=Ready --timeout=30s "pod/$1" || die "the pod $1 does not run: $(kubectl describe pod "$1")"; }
pod_says() { kubectl get events --field-selector "involvedObject.name=$1" --output json | jq -r '.items[].message' | grep -F "$2"; }

# pulls_from MACHINE URL makes the machine's containerd a client of the mirror at a URL, as the kit says.
pulls_from() {
	quiet on "$1" minimirror kit /carried/site-1.tar --address "$2" --to /root/kit
	quiet on "$1" sh /root/kit/client/programs/containerd/setup.sh
	on "$1" rm -r /root/kit
}

# site_images has the kubelet start pods: of images that containerd pulls from the mirror, and of one that bootstrap has loaded, without the mirror.
site_images() {
	say "container images: the kubelet pulls them from the mirror, by their own names"
	pulls_from second "$url"
	pod second pulled 1.4
	pod_runs pulled
	eventually served 'acme/web' || die "the mirror does not tell of the image"
	pod second absent 9
	eventually pod_says absent 'not found' || die "an image that is absent: $(kubectl describe pod absent)"

	say "container images: the mirror is stopped, and a pod starts from what bootstrap has loaded"
	on genesis mv /etc/kubernetes/manifests/minimirror.yaml /root/
	eventually not_served || die "the mirror still answers"
	pod second loaded 1.6
	pod_runs loaded
	pod second away 1.5
	eventually pod_says away 'connection refused' || die "an image without the mirror: $(kubectl describe pod away)"
	on second ctr --namespace k8s.io images ls | grep -F 'registry.example.org/acme/web:1.6' | grep -qF 'io.cri-containerd.pinned=pinned' || die "the image is not pinned: $(on second ctr --namespace k8s.io images ls)"
	on genesis mv /root/minimirror.yaml /etc/kubernetes/manifests/
	await_ready
	pod_runs away
	kubectl delete pod --now pulled absent loaded away >/dev/null
}
served() { kubectl --namespace kube-system logs minimirror-genesis | grep -F '"agent":"containerd/' | grep -F "\"name\":\"$1\""; }
not_served() { ! in_net genesis curl --noproxy '*' -fsS "$url/healthz"; }

# image_rules denies an image by helm upgrade.
image_rules() {
	say "container images: one is denied by the rules of the chart"
	pulls_from second "$in_cluster"
	printf 'default: allow\nrules:\n  - deny: { image: acme/web, tag: "1.5", reason: "site policy 9" }\n' >"$mine/rules.yaml"
	upgrade
	look
	eventually denied_by_all || die "not every replica denies it"
	on second ctr --namespace k8s.io images rm registry.example.org/acme/web:1.5 >/dev/null
	pod second denied 1.5
	eventually pod_says denied '403 Denied: site policy 9' || die "an image that is denied: $(kubectl describe pod denied)"
	pod second allowed 1.4
	pod_runs allowed
	kubectl delete pod --now denied allowed >/dev/null
}
denied_by_all() {
	local replica
	for replica in $(replicas); do
		[ "$(in_net genesis curl --noproxy '*' -s -o /dev/null -w '%{http_code}' "http://$replica:8080/v2/registry.example.org/acme/web/manifests/1.5")" = 403 ] || return 1
	done
}
