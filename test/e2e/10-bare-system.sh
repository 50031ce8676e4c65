#!/bin/bash
# A bare system out of the mirror: mmdebstrap makes a minimal root with our
# server as its only mirror and our key as its only trust, in a network
# namespace without any route. Leaves $work/bare-root.tar for the other scripts.
. "$(dirname "$0")/lib.sh"
need mmdebstrap curl
need_root_or_die "a root file system"
lock "$work/bare-root.tar"
[ ! -e "$work/bare-root.tar" ] || { say "another script has made it"; exit 0; }

say "lock and build the packages of a minimal system"
definition bare-system <<END
debian:
  sources: host
  packages: ["?essential", "?priority(required)", apt]
END
"$MINIMIRROR" lock "$definition"
"$MINIMIRROR" build "$definition" --output "oci:$mine/image"

netns_up bare
start_server --image "oci:$mine/image"
get "$url/minimirror.sources" >"$mine/minimirror.sources"
check_sources "$mine/minimirror.sources"

# The mirror holds the newest version of each package, and that may be in any
# of the suites: the empty suite has mmdebstrap choose from all.
say "mmdebstrap --variant=minbase"
"${inside[@]}" mmdebstrap --quiet --mode=root --variant=minbase --format=tar \
	--aptopt='Acquire::http::Proxy "DIRECT"' --aptopt='Acquire::Retries "0"' --dpkgopt=force-unsafe-io \
	"" "$mine/root.tar" "$mine/minimirror.sources"

mkdir "$mine/root"
defer rm -rf --one-file-system "$mine/root"
tar -C "$mine/root" --numeric-owner -xf "$mine/root.tar"
audit=$(in_root "$mine/root" dpkg --audit)
[ -z "$audit" ] || die "dpkg --audit: $audit"
codename=$(. /etc/os-release && printf '%s' "$VERSION_CODENAME")
in_root "$mine/root" grep -q "^VERSION_CODENAME=$codename\$" /etc/os-release || die "the root is not $codename"
in_root "$mine/root" apt-get --version >/dev/null
say "$(in_root "$mine/root" dpkg-query --show | wc -l) packages installed"
mv "$mine/root.tar" "$work/bare-root.tar"
