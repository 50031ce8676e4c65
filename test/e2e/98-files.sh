#!/bin/bash
# Plain files beside packages: charts with the real helm, from upstream's repository to this mirror's; and a bare node that
# gets a set of both, by the program, by the script of a folder and by the script of the image.
. "$(dirname "$0")/lib.sh"
need curl gpgv gpg
need_root_or_die "a root file system"
bare_root "$mine/bare"
bare=$mine/bare
mkdir -p "$bare/image"
install -m 755 "$MINIMIRROR" "$bare/usr/local/bin/minimirror"
helm=$("${as_caller[@]}" "$repo/test/chart/helm.sh")

made_up_archive <<-END
	Suite: s

	Package: app
	Architecture: amd64
	File: usr/bin/app
END
made=$mine/upstream
mkdir -p "$made/charts" "$made/files/amd64" "$mine/site"
"$helm" package "$repo/charts/minimirror" --version 1.2.3 --destination "$made/charts" >/dev/null
"$helm" package "$repo/charts/minimirror" --version 1.10.0 --destination "$made/charts" >/dev/null
"$helm" package "$repo/charts/minimirror" --version 2.0.0 --destination "$made/charts" >/dev/null
"$helm" repo index "$made/charts"
head -c 3000000 /dev/urandom >"$made/files/amd64/tool"
(cd "$made/files" && sha512sum amd64/tool >SHA512SUMS)
echo welcome >"$mine/site/motd"

definition files <<-END
	debian:
	  sources:
	    - { name: test, urls: [$archive], suites: [s], components: [main], architectures: [amd64], signed-by: $mine/keys/archive.asc }
	  packages: [app]
	files:
	  - { name: charts, helm: "file://$made/charts", charts: ["minimirror@1.*", "minimirror@2"] }
	  - name: tool
	    from: file://$made/files
	    checksums: { file: SHA512SUMS, sha256: $(sha256sum "$made/files/SHA512SUMS" | cut -d' ' -f1) }
	    take: ["**"]
	    architecture: amd64
	    version: 1.0.0
	    install: { to: /usr/local/bin, mode: "0755" }
	  - { name: config, path: ../site, install: { to: /etc } }
	sets:
	  node: { debian: [app], files: [tool, config/motd] }
END
"$MINIMIRROR" lock "$definition"
"$MINIMIRROR" build "$definition" --output "oci-archive:$bare/image/files.tar"
"$MINIMIRROR" verify "oci-archive:$bare/image/files.tar" --keyring "$mine/keys/archive.asc" --lock "$definition" | tee "$mine/verify.txt"
grep -q '^charts: 2 charts by the digests of ' "$mine/verify.txt" || die "verify does not say what vouches for the charts"

netns_up files
start_server "oci-archive:$bare/image/files.tar"

# helm, with a home of its own.
h() { "${inside[@]}" env HELM_CACHE_HOME="$mine/helm" HELM_CONFIG_HOME="$mine/helm" HELM_DATA_HOME="$mine/helm" "$helm" "$@"; }
h repo add ours "$url/files/charts"
h search repo ours --versions | tee "$mine/search.txt"
grep -q '^ours/minimirror.*1\.10\.0' "$mine/search.txt" || die "helm does not find 1.10.0"
if grep -q '1\.2\.3' "$mine/search.txt"; then die "helm finds what is not carried"; fi
h pull ours/minimirror --version '^1.0' --destination "$mine"
cmp "$mine/minimirror-1.10.0.tgz" "$made/charts/minimirror-1.10.0.tgz"
h template ours/minimirror --version 2.0.0 --set-string image.tag=1 >/dev/null
say "helm finds, pulls and renders what the mirror carries"

get --output "$mine/minimirror.asc" "$url/minimirror.asc"
install -d -m 700 "$mine/gnupg"
gpg --homedir "$mine/gnupg" --dearmor <"$mine/minimirror.asc" >"$mine/minimirror.gpg"
for source in charts tool config; do
	get --output "$mine/SHA256SUMS" "$url/files/$source/SHA256SUMS"
	get --output "$mine/SHA256SUMS.asc" "$url/files/$source/SHA256SUMS.asc"
	gpgv --quiet --keyring "$mine/minimirror.gpg" "$mine/SHA256SUMS.asc" "$mine/SHA256SUMS" 2>"$mine/gpgv.log" || { cat "$mine/gpgv.log" >&2; die "$source: gpgv"; }
done

image='--image oci-archive:/image/files.tar --set node'
n=0
for way in "minimirror bootstrap $image --install" "minimirror bootstrap $image --to /new; sh /new/install.sh" \
	"minimirror bootstrap $image --print-shell >/new.sh; sh /new.sh /image/files.tar"; do
	name=way-$((++n))
	in_copy "$name" sh -ec "$way" >"$mine/$name.log" 2>&1 || { tail -n 20 "$mine/$name.log" >&2; die "$way"; }
	in_copy "$name" sh -ec '[ "$(dpkg-query --show --showformat "\${db:Status-Abbrev}" app)" = "ii " ]; test -x /usr/local/bin/tool; grep -qx welcome /etc/motd' || die "$way: something is not there"
	[ "$(in_copy "$name" sha256sum /usr/local/bin/tool | cut -d' ' -f1)" = "$(sha256sum "$made/files/amd64/tool" | cut -d' ' -f1)" ] || die "$way: other bytes"
	[ "$(in_copy "$name" stat -c %a /usr/local/bin/tool)" = 755 ] || die "$way: another mode"
	say "$way"
done
grep -q 'nothing to install' <<<"$(in_copy way-1 minimirror bootstrap --image oci-archive:/image/files.tar --set node --install 2>/dev/null)" || die "it installs again"
