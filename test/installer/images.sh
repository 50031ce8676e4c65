#!/bin/bash
# usage: images.sh
#
# Prints the path of a folder with the kernel and the initrd of Debian's installer for booting from the network, laid out as in an
# archive, out of the package that this machine's apt sources have (133 MB, once per machine).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../once.sh"
package=debian-installer-$(. /etc/os-release && echo "$VERSION_ID")-netboot-amd64
newest() { apt-cache show "$package" 2>/dev/null | sed -n 's/^Version: //p' | head -n 1; }
version=$(newest) || true
if [ "$(id -u)" = 0 ] && [ ! -e "${XDG_CACHE_HOME:-$HOME/.cache}/minimirror-test/installer-$version" ]; then
	apt-get -qq update >&2 # the lists may be absent, or older than the archive
	version=$(newest) || true
fi
[ -n "$version" ] || { echo "no apt source of this machine has $package; type: apt-get update" >&2; exit 1; }
build() {
	local folder=netboot/debian-installer/amd64
	mkdir -p "$1/$folder" "$1.deb"
	(cd "$1.deb" && apt-get -qq -o APT::Sandbox::User=root download "$package=$version") || { echo "the archive has another $package by now; type: apt-get update" >&2; exit 1; }
	dpkg-deb --fsys-tarfile "$1.deb"/*.deb | tar -x --directory="$1/$folder" --strip-components=10 --wildcards '*/amd64/text/debian-installer/amd64/linux' '*/amd64/text/debian-installer/amd64/initrd.gz'
	rm -r "$1.deb"
}
once "installer-$version"
