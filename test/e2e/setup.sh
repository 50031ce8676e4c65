#!/bin/bash
# Sees to it that the tools of the tests are there: installs Debian's packages
# when it is root, else fails with the one command to type. Starts no daemon.
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

# tool:package
tools="apt-get:apt dpkg-deb:dpkg gpgv:gpgv curl:curl ip:iproute2 setpriv:util-linux nsenter:util-linux
	unshare:util-linux skopeo:skopeo mmdebstrap:mmdebstrap docker-registry:docker-registry gpg:gnupg gpgconf:gnupg
	jq:jq busybox:busybox nginx:nginx-light runc:runc wrk:wrk aptly:aptly make:make gcc:gcc git:git
	umoci:umoci zstd:zstd xz:xz-utils bzip2:bzip2 lz4:lz4 logrotate:logrotate openssl:openssl pgrep:procps htpasswd:apache2-utils node:nodejs npm:npm chromium:chromium chromedriver:chromium-driver
	poetry:python3-poetry faketime:faketime qemu-aarch64:qemu-user debsecan:debsecan python3:python3 apt-cacher-ng:apt-cacher-ng squid:squid haproxy:haproxy man:man-db
	zbarimg:zbar-tools apt-file:apt-file appstreamcli:appstream debootstrap:debootstrap dpkg-source:dpkg-dev lintian:lintian zsh:zsh fish:fish age:age minisign:minisign"
missing=()
for entry in $tools; do
	command -v "${entry%:*}" >/dev/null || missing+=("${entry#*:}")
done
[ -x /usr/lib/cnf-update-db ] || missing+=(command-not-found)
[ -x /usr/bin/time ] || missing+=(time)
[ -e /usr/lib/python3/dist-packages/packaging ] || missing+=(python3-packaging)
[ -e /usr/lib/python3/dist-packages/pip ] || missing+=(python3-pip)
[ -e /usr/share/doc/python3-pip ] || missing+=(python3-pip)
[ -e /usr/share/doc/python3-venv ] || missing+=(python3-venv)
[ -e /usr/share/doc/python3-wheel-whl ] || missing+=(python3-wheel-whl)
[ -e /usr/include/stdlib.h ] || missing+=(libc6-dev)
[ -e /etc/ssl/certs/ca-certificates.crt ] || missing+=(ca-certificates)
[ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || missing+=(debian-archive-keyring)
[ ${#missing[@]} -gt 0 ] || exit 0

install=(apt-get -o DPkg::Lock::Timeout=600 install --yes --quiet --no-install-recommends)
if [ "$(id -u)" != 0 ]; then
	echo "setup: the tests need more packages; type: sudo apt-get update && sudo ${install[*]} ${missing[*]}" >&2
	exit 1
fi

# No daemon starts, not even where Debian's policy would allow it.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	trap 'rm -f $policy' EXIT
	printf '#!/bin/sh\nexit 101\n' >$policy
	chmod 755 $policy
fi
echo "setup: installing ${missing[*]}"
# The lists may be absent, or older than the archive.
"${install[@]}" "${missing[@]}" || { apt-get update && "${install[@]}" "${missing[@]}"; }
