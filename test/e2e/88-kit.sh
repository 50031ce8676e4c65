#!/bin/bash
# What "minimirror kit" writes, used: a bare root becomes a client by its script; a client that knows only upstream's
# name and key installs from the mirror without any change; the program in the image writes the same kit.
. "$(dirname "$0")/lib.sh"
need curl jq go
need_root_or_die "a root file system"

made_up_archive <<-END
	Suite: bookworm
	Codename: bookworm
	By-Hash: yes

	Package: app
	Version: 2.0-1
	Depends: libapp

	Package: libapp
END
definition carried <<-END
	debian:
	  sources:
	    - name: test
	      urls: [$archive, http://upstream.example.org/debian]
	      suites: [bookworm]
	      components: [main]
	      architectures: [amd64]
	      signed-by: $mine/keys/archive.asc
	  packages: [app]
	  upstream: serve
END
"$MINIMIRROR" build "$definition" --output "oci:$mine/image"
netns_up kit
"$MINIMIRROR" kit "oci:$mine/image" --address http://127.0.0.1:80 --transparent --to "$mine/kit" >"$mine/kit.list"
one_name "$mine/image"
helm=$("${as_caller[@]}" "$repo/test/chart/helm.sh")
"$helm" template mirror "$mine"/kit/server/chart/*.tgz --values "$mine/kit/server/chart-values.yaml" >"$mine/manifests"
sed -n 's/^ *image: "\(.*\)"$/\1/p' "$mine/manifests" | sort -u | called "the chart" "$name"
! "$helm" template mirror "$mine"/kit/server/chart/*.tgz 2>"$mine/untagged" || die "the chart runs an image without a tag"
grep -q "image.tag is missing: take the kit's values" "$mine/untagged" || die "no help: $(cat "$mine/untagged")"
listen=127.0.0.1:80
start_server --image "oci:$mine/image" --as upstream.example.org
url=http://127.0.0.1
bare_root "$mine/bare"
bare=$mine/bare

cp "$mine/kit/client/setup.sh" "$bare/setup.sh"
in_copy client sh -c 'sh /setup.sh && apt-get -qq --yes install app && dpkg-query --show app libapp' >"$mine/client.log" 2>&1 || { cat "$mine/client.log" >&2; die "setup.sh"; }
for file in "$mine/client.log" "$mine/kit/README.txt"; do
	[ "$(grep -c "other apt sources stay as they are" "$file")" = 1 ] || die "$file does not say once what becomes of the client's other sources"
done
say "a bare root is a client after its script"

# Asked for it, the kit also installs a timer, whose script lets the client read a suite that a later image adds. There is no systemd here.
"$MINIMIRROR" kit "oci:$mine/image" --address http://127.0.0.1:80 --renew daily --to "$mine/renewing" >/dev/null
cp "$mine/renewing/client/setup.sh" "$bare/setup.sh"
printf '#!/bin/sh\necho "systemctl $*" >>/systemctl.log\n' >"$bare/usr/local/bin/systemctl"
chmod 755 "$bare/usr/local/bin/systemctl"
renewed=$(in_copy renewing sh -ec '
	sh /setup.sh >/dev/null
	grep -q "^systemctl enable --now minimirror-renew-sources.timer" /systemctl.log
	grep -q "^OnCalendar=daily" /etc/systemd/system/minimirror-renew-sources.timer
	script=$(sed -n "s/^ExecStart=//p" /etc/systemd/system/minimirror-renew-sources.service)
	$script && echo unchanged
	sed -i "s/^Suites: .*/Suites: gone/" /etc/apt/sources.list.d/minimirror.sources
	$script
	grep "^Suites" /etc/apt/sources.list.d/minimirror.sources
	apt-get -qq --yes install app >/dev/null
	sed -i "0,/^ [A-Za-z0-9]/s/^ \\([A-Za-z0-9]\\)/ x\\1/" /etc/apt/sources.list.d/minimirror.sources
	! $script 2>&1') || die "the script that renews sources: $renewed"
for want in '^unchanged$' 'renewed /etc/apt/sources.list.d/minimirror.sources' '^Suites: bookworm$' 'the mirror sends another key'; do
	grep -q "$want" <<<"$renewed" || die "the script that renews sources: no $want in: $renewed"
done
rm "$bare/usr/local/bin/systemctl"
say "a client renews its sources, and takes no other key"

# Only upstream's own name and key; nothing of the mirror's.
mkdir -p "$bare/etc/apt/keyrings"
cp "$mine/keys/archive.asc" "$bare/etc/apt/keyrings/upstream.asc"
echo "deb [signed-by=/etc/apt/keyrings/upstream.asc] http://upstream.example.org/debian bookworm main" >"$bare/etc/apt/sources.list"
cp "$bare/etc/hosts" "$mine/hosts" 2>/dev/null || : >"$mine/hosts"
grep '^127.0.0.1 ' "$mine/kit/client/transparent.txt" >>"$mine/hosts"
cp "$mine/hosts" "$bare/etc/hosts"
in_copy transparent sh -c 'apt-get -qq -o Acquire::Languages=none update && apt-get -qq --yes install app' >"$mine/transparent.log" 2>&1 || { cat "$mine/transparent.log" >&2; die "a client that knows upstream alone"; }
say "a client that knows upstream alone installs"

"$MINIMIRROR" bootstrap --image "oci:$mine/image" --package app --to "$mine/debs" --architecture amd64 >/dev/null 2>&1 || die "bootstrap"
mkdir "$mine/root"
for layer in $(jq -r '.manifests[0].digest' "$mine/image/index.json" | sed 's#sha256:#'"$mine"'/image/blobs/sha256/#' | xargs jq -r '.layers[].digest' | sed 's#sha256:##'); do
	tar -C "$mine/root" -xf "$mine/image/blobs/sha256/$layer"
done
mkdir "$mine/root/out"
chroot "$mine/root" /minimirror kit --address http://127.0.0.1:80 --transparent --to /out/kit >/dev/null
diff -r -I '^manifest ' "$mine/kit" "$mine/root/out/kit" || die "the program in the image writes another kit"
"${inside[@]}" "$MINIMIRROR" healthcheck --address "$url" --deep >/dev/null || die "healthcheck"
! "${inside[@]}" "$MINIMIRROR" healthcheck --address http://127.0.0.1:1 2>/dev/null || die "healthcheck of nothing"
say "the image writes its own kit, and checks its own health"
