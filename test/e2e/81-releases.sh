#!/bin/bash
# Two releases of Debian side by side on one server: mmdebstrap makes a root of each from one image, in a network without a
# route; setup.sh of the kit makes each a client of its own section, and dist-upgrade moves neither to what the other has.
. "$(dirname "$0")/lib.sh"
need mmdebstrap curl jq
need_root_or_die "a root file system"

# This machine's own mirror of Debian, which has other releases, too.
site=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | sort -u | grep -E '/debian/?$' | head -n 1)
[ -n "$site" ] || die "this machine has no Debian mirror among its apt sources"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
section() {
	printf '  - name: %s\n    sources:\n      - { name: debian, urls: [%s], suites: [%s], components: [main], architectures: [amd64], signed-by: %s }\n' "$1" "$site" "$1" "$keyring"
	printf '    packages: ["?essential", "?priority(required)", apt]\n'
}
definition releases < <(
	echo debian:
	section bookworm
	section trixie
	printf 'sets:\n  tools: { debian: [hello] }\n  modern: { debian: { trixie: [jq] } }\n'
)
"$MINIMIRROR" build "$definition" --output "oci:$mine/image" 2>"$mine/build.log" || { cat "$mine/build.log" >&2; die "build"; }
! grep WARN "$mine/build.log" || die "there is a warning"
"$MINIMIRROR" verify "oci:$mine/image" --keyring "$keyring" >"$mine/verify" || die "verify"
jq -e '[.sources[] | {(.name): .system}] | add == {"bookworm-debian": "bookworm", "trixie-debian": "trixie"}' "$definition/mirror.lock" >/dev/null || die "the lock has other sources"

netns_up releases
start_server --image "oci:$mine/image"
"$MINIMIRROR" kit "oci:$mine/image" --address "$url" --to "$mine/kit" >/dev/null 2>&1
for release in bookworm trixie; do
	get "$url/$release.sources" >"$mine/$release.sources"
	get "$url/minimirror.sources?codename=$release" | cmp - "$mine/$release.sources"
	check_sources "$mine/$release.sources"
	"${inside[@]}" mmdebstrap --quiet --mode=root --variant=minbase --format=tar \
		--aptopt='Acquire::http::Proxy "DIRECT"' --aptopt='Acquire::Retries "0"' --dpkgopt=force-unsafe-io \
		"" "$mine/$release.tar" "$mine/$release.sources"
	mkdir "$mine/$release"
	defer rm -rf --one-file-system "$mine/$release"
	tar -C "$mine/$release" --numeric-owner -xf "$mine/$release.tar"
	rm -rf "$mine/$release"/etc/apt/sources.list "$mine/$release"/etc/apt/sources.list.d/* "$mine/$release"/var/lib/apt/lists/*
	cp "$mine/kit/client/setup.sh" "$mine/$release/setup.sh"
done
for release in bookworm trixie; do
	in_root "$mine/$release" sh /setup.sh >"$mine/setup.log" 2>&1 || { cat "$mine/setup.log" >&2; die "$release: setup.sh"; }
	cmp "$mine/$release/etc/apt/sources.list.d/minimirror.sources" "$mine/$release.sources" || die "$release: setup.sh chose another section"
	upgrade=$(in_root "$mine/$release" apt-get -s dist-upgrade)
	grep -q '^0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded' <<<"$upgrade" || die "$release: $upgrade"
	say "$release: $(in_root "$mine/$release" dpkg-query --show | wc -l) packages, and dist-upgrade changes nothing"
done

in_root "$mine/trixie" apt-get -qq --yes install jq >/dev/null 2>&1 || die "trixie cannot install jq"
! in_root "$mine/bookworm" apt-get -s install jq >/dev/null 2>&1 || die "bookworm sees what only trixie has"
for release in bookworm trixie; do
	"$MINIMIRROR" bootstrap "oci:$mine/image" --set tools --install --root "$mine/$release" >"$mine/bootstrap.log" 2>&1 || { cat "$mine/bootstrap.log" >&2; die "bootstrap on $release"; }
	version=$(in_root "$mine/$release" dpkg-query --show --showformat '${Version}' hello)
	jq -e --arg source "$release-debian" --arg version "$version" 'any(.items[]; .name == "hello" and .source == $source and .version == $version)' "$definition/mirror.lock" >/dev/null || die "$release has hello $version"
	say "bootstrap on $release installs hello $version"
done
