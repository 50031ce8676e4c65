#!/bin/bash
# Container images that come from no registry: what skopeo writes into a folder and into files is locked, carried and served with the digests
# that skopeo says. And the list of the images that a chart, manifests and lists name.
. "$(dirname "$0")/lib.sh"
need curl go jq openssl skopeo
cosign=$("${as_caller[@]}" "$repo/test/cosign/cosign.sh")
cd "$mine"

say "two images"
mkdir -p data files
head -c 200000 /dev/urandom >files/a
for image in one two; do
	echo "$image" >files/b
	definition "$image" <<-END
		files: [ { name: data, path: ../files } ]
	END
	"$MINIMIRROR" build "$definition" --output "oci:$mine/made-$image" 2>/dev/null
done
for name in own strange; do
	openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out $name.key
	openssl pkey -in $name.key -pubout -out $name.pub
done
# An index of two images: build signs it, and each of them.
lock "$work/minimirror-linux-arm64"
(cd "$repo" && "${as_caller[@]}" CGO_ENABLED=0 GOARCH=arm64 GOARM64=v8.0 go build -trimpath -buildvcs=false -ldflags '-s -w' -o "$work/minimirror-linux-arm64" ./cmd/minimirror)
unlock
signed=$("$MINIMIRROR" build "$definition" --platform linux/amd64,linux/arm64 --program "arm64=$work/minimirror-linux-arm64" --sign-image own.key --output "oci:$mine/signed" 2>/dev/null | cut -d' ' -f2)
mapfile -t signed < <(echo "$signed"; jq -r '.manifests[].digest' "signed/blobs/${signed/://}")
[ ${#signed[@]} = 3 ] || die "this is not an index of two images: ${signed[*]}"
keep=(--quiet --preserve-digests --dest-oci-accept-uncompressed-layers)
skopeo copy "${keep[@]}" oci:made-one oci:data/layout:acme/one:1.0
skopeo copy "${keep[@]}" oci:made-two oci:data/layout:registry.example.org/acme/two:2.0
skopeo copy --quiet --preserve-digests oci:made-one oci-archive:data/one.tar:hub.example.org/one:1.0
skopeo copy --quiet oci:made-two docker-archive:data/two.tar:docker.io/acme/two:2.0

say "carry them"
definition site <<-END
	images:
	  - { name: registry.example.org, from: "oci:../data/layout", take: ["acme/*:*"] }
	  - { name: hub.example.org, from: "oci-archive:../data/one.tar", take: ["one:>=1"] }
	  - { name: docker.io, from: "docker-archive:../data/two.tar", take: ["acme/two:2.0"] }
	  - { name: signed.example.org, from: "oci:../signed", take: ["acme/app@${signed[0]}"], platforms: all, verify: { cosign: [../own.pub] } }
END
"$MINIMIRROR" lock "$definition"
! grep -q "$mine" "$definition/mirror.lock" || die "the lock names a folder of this machine"
grep -q '"../data/one.tar#offset=[0-9]*&size=[0-9]*"' "$definition/mirror.lock" || die "the lock does not name parts of the archive"
"$MINIMIRROR" lock "$definition" --check
XDG_CACHE_HOME=$mine/empty "$MINIMIRROR" build "$definition" --output "oci-archive:$mine/site.tar"
"$MINIMIRROR" verify "oci-archive:$mine/site.tar" --lock "$definition"
start_server "oci-archive:$mine/site.tar"

say "the mirror has the same images"
served() { skopeo inspect --tls-verify=false --raw "docker://${url#http://}/$1" | sha256sum | cut -d' ' -f1; }
for pair in registry.example.org/acme/one:1.0=one registry.example.org/acme/two:2.0=two hub.example.org/one:1.0=one; do
	[ "$(served "${pair%=*}")" = "$(digest "oci:made-${pair#*=}")" ] || die "${pair%=*} has another digest than oci:made-${pair#*=}"
	skopeo copy --quiet --src-tls-verify=false "docker://${url#http://}/${pair%=*}" "dir:$mine/pulled"
done
# The signatures of an index and of each of its images are attached to them in both forms, and cosign's library verifies them from the mirror alone.
for image in "${signed[@]}"; do
	"$cosign" "${url#http://}/signed.example.org/acme/app@$image" own.pub >cosign.log || die "cosign refuses a signature that the mirror carries, of $image"
	grep -qx tag cosign.log && grep -q '^bundle https://sigstore.dev/cosign/sign/v1 ' cosign.log && grep -q '^bundle https://slsa.dev/provenance/v1 ' cosign.log || die "$image: not all signatures are carried: $(cut -c1-80 cosign.log)"
	! "$cosign" "${url#http://}/signed.example.org/acme/app@$image" strange.pub >/dev/null 2>&1 || die "cosign takes another key"
done

# What "docker load" calls the image is the digest of its configuration, whatever the manifest.
skopeo copy --quiet --src-tls-verify=false "docker://${url#http://}/docker.io/acme/two:2.0" "dir:$mine/pulled-two"
config() { grep -o '"config":{[^}]*}' | grep -o 'sha256:[0-9a-f]*'; }
[ "$(config <pulled-two/manifest.json)" = "$(skopeo inspect --raw docker-archive:data/two.tar | tr -d ' \n' | config)" ] || die "the image of docker-archive: has another ID"

# Its manifest, which the archive lacks, is in the lock. People see where it is from, not its bytes.
grep -q '"data:application/json;base64,' "$definition/mirror.lock" || die "the lock has no manifest for docker-archive:"
"$MINIMIRROR" inspect "$mine/site.tar" acme/two --source docker.io >inspect.txt
grep -q '^ *from: data:application/json;base64,…$' inspect.txt || { cat inspect.txt >&2; die "inspect prints a manifest in base64"; }
"$MINIMIRROR" inspect "$mine/site.tar" docker.io/acme/two:2.0 >inspect.txt || die "inspect does not find an image by its name and tag"
grep -q "^acme/two 2.0" inspect.txt || { cat inspect.txt >&2; die "inspect tells nothing of an image by its name and tag"; }

say "what has changed is refused"
skopeo copy --quiet --preserve-digests oci:made-two oci-archive:data/again.tar:hub.example.org/one:1.0
cp data/one.tar data/kept.tar
mv data/again.tar data/one.tar
code=0
"$MINIMIRROR" build "$definition" --output "oci:$mine/stale" 2>stale.log || code=$?
[ "$code" = 3 ] && grep -q '^hint: run: minimirror lock' stale.log || { cat stale.log >&2; die "build does not see that one.tar has changed: exit code $code"; }
gzip <data/kept.tar >data/one.tar
! "$MINIMIRROR" lock "$definition" 2>gzip.log || die "a compressed archive is read"
grep -q '^hint: run: gunzip .*/data/one.tar$' gzip.log || { cat gzip.log >&2; die "no hint for a compressed archive"; }

say "images that charts and manifests name"
helm=$("${as_caller[@]}" "$repo/test/chart/helm.sh")
mkdir -p bin web/templates
ln -s "$helm" bin/helm
printf 'apiVersion: v2\nname: web\nversion: 1.2.3\nappVersion: "2.5"\n' >web/Chart.yaml
printf 'image: { repository: registry.example.org/acme/web, tag: "" }\nproxy: { enabled: false, image: quay.io/acme/proxy:1 }\nhelper: library/helper:7\n' >web/values.yaml
cat >web/templates/pod.yaml <<'END'
apiVersion: v1
kind: Pod
metadata: { name: web }
spec:
  containers:
    - { name: web, image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}" }
    - { name: helper, image: {{ .Values.helper | quote }} }
    {{- if .Values.proxy.enabled }}
    - { name: proxy, image: {{ .Values.proxy.image }} }
    {{- end }}
END
"$helm" package web --destination . >/dev/null
names() { sed -n 's/^      - //p' | tr '\n' ' '; }
with_helm() { PATH=$mine/bin:$PATH "$MINIMIRROR" images from "$@"; }
[ "$(with_helm web-1.2.3.tgz 2>helm.log | names)" = "library/helper:7 acme/web:2.5 " ] || { cat helm.log >&2; die "what helm renders: $(with_helm web-1.2.3.tgz)"; }
grep -q "^note: web-1.2.3.tgz is rendered by $mine/bin/helm$" helm.log || die "it does not say that helm rendered: $(cat helm.log)"
echo 'proxy: { enabled: true }' >values.yaml
[ "$(with_helm web --values values.yaml 2>/dev/null | names)" = "library/helper:7 acme/proxy:1 acme/web:2.5 " ] || die "with values: $(with_helm web --values values.yaml)"
[ "$(with_helm web-1.2.3.tgz --static 2>static.log | names)" = "acme/proxy:1 acme/web:2.5 " ] || die "without helm: $(with_helm web-1.2.3.tgz --static)"
grep -q '^warning: web-1.2.3.tgz: templates/pod.yaml:7: .*is a template$' static.log || { cat static.log >&2; die "the template of the helper is not named"; }
printf 'registry.k8s.io/pause:3.10\nregistry.k8s.io/etcd:3.5.16-0\n' | "$MINIMIRROR" images from - | tee list.yaml
[ "$(names <list.yaml)" = "etcd:3.5.16-0 pause:3.10 " ] || die "kubeadm's list"
