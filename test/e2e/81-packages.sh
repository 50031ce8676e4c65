#!/bin/bash
# A package of one's own whose dependency is Debian's, beside this machine's own sources, installed by apt and by bootstrap on a
# bare node; and the node itself, kept current from its status file.
. "$(dirname "$0")/lib.sh"
need curl dpkg-deb
need_root_or_die "a root file system"
bare_root "$mine/bare"
bare=$mine/bare
mkdir -p "$bare/image" "$mine/debs" "$mine/nodes" "$mine/site-tool/DEBIAN" "$mine/site-tool/usr/bin" "$mine/local-only/DEBIAN"
install -m 755 "$MINIMIRROR" "$bare/usr/local/bin/minimirror"

cat >"$mine/site-tool/DEBIAN/control" <<-END
	Package: site-tool
	Version: 1:2.1-1
	Architecture: all
	Maintainer: Site <root@example.org>
	Depends: jq (>= 1.5)
	Description: a tool of the site
END
printf '#!/bin/sh\nexec jq -r .name\n' >"$mine/site-tool/usr/bin/site-tool"
chmod 755 "$mine/site-tool/usr/bin/site-tool"
dpkg-deb --root-owner-group -b "$mine/site-tool" "$mine/debs/site-tool.deb"

# The node has a package that no source has.
sed 's/^Package: .*/Package: local-only/; /^Depends/d' "$mine/site-tool/DEBIAN/control" >"$mine/local-only/DEBIAN/control"
dpkg-deb --root-owner-group -b "$mine/local-only" "$bare/image/local-only.deb"
in_root "$bare" dpkg --install /image/local-only.deb
cp "$bare/var/lib/dpkg/status" "$mine/nodes/node.status"

definition packages <<-END
	debian:
	  sources: [host, { name: site, debs: [../debs/*.deb] }]
	  packages: [{ installed-on: ../nodes/*.status }]
	sets:
	  tool: { debian: [site-tool] }
END
"$MINIMIRROR" lock "$definition" 2>&1 | tee "$mine/lock.log"
grep -q 'no source has these packages of the nodes any more: local-only 1:2.1-1 (../nodes/node.status)"' "$mine/lock.log" || die "lock does not say what no source has"
"$MINIMIRROR" lock --check "$definition"
"$MINIMIRROR" build "$definition" --output "oci:$bare/image/packages"

netns_up packages
start_server "oci:$bare/image/packages"
get "$url/minimirror.sources" >"$mine/minimirror.sources"
check_sources "$mine/minimirror.sources"

in_copy apt sh -ec 'cat >/etc/apt/sources.list.d/minimirror.sources
	apt-get --error-on=any update
	apt-get -s dist-upgrade >/upgrade.txt
	grep -Eq "^[0-9]+ upgraded, [0-9]+ newly installed, 0 to remove and 0 not upgraded" /upgrade.txt
	apt-get --yes dist-upgrade
	apt-get --yes install site-tool
	test "$(echo "{\"name\": \"works\"}" | site-tool)" = works
	apt-cache policy | grep -q "release .*o=site,.*n=site,.*l=site"
	test -z "$(dpkg --audit)"' <"$mine/minimirror.sources" >"$mine/apt.log" 2>&1 || { tail -n 30 "$mine/apt.log" >&2; die "apt"; }
say "apt installs site-tool and Debian's jq, and keeps the node current"

in_copy bootstrap sh -ec 'minimirror bootstrap --image oci:/image/packages --set tool --install
	test "$(echo "{\"name\": \"works\"}" | site-tool)" = works' >"$mine/bootstrap.log" 2>&1 || { tail -n 20 "$mine/bootstrap.log" >&2; die "bootstrap"; }
say "bootstrap installs them without a network"
