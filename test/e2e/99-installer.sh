#!/bin/bash
# Debian's installer as it is: its initrd is fetched from the mirror, unpacked, and its own programs (net-retriever, anna, udpkg)
# fetch the packages of the installer from the mirror, in a network namespace without a route.
. "$(dirname "$0")/lib.sh"
need apt-get busybox curl gpg gpgv
need_root_or_die "the installer's root"
images=$("${as_caller[@]}" "$repo/test/installer/images.sh")
kernel=$(uname -r)
made_up_archive <<-END
	Suite: bookworm
	Codename: bookworm
	Installer: $images
	By-Hash: yes

	Package: app
	Architecture: amd64

	Package: partition-tool
	Version: 2.0
	Architecture: amd64
	Package-Type: udeb
	Priority: standard
	Section: debian-installer
	Depends: tool-lib-udeb (>= 1)
	File: bin/partition-tool

	Package: tool-lib-udeb
	Version: 1:1.5
	Package-Type: udeb
	Section: debian-installer
	File: usr/share/tool-lib

	Package: modules-di
	Version: 6.1
	Architecture: amd64
	Package-Type: udeb
	Priority: standard
	Section: debian-installer
	Kernel-Version: $kernel
	File: lib/modules/of-this-kernel

	Package: modules-of-another-kernel-di
	Version: 5.0
	Architecture: amd64
	Package-Type: udeb
	Priority: standard
	Section: debian-installer
	Kernel-Version: 5.0.0-other

	Package: extra-tool
	Architecture: amd64
	Package-Type: udeb
	Priority: optional
	Section: debian-installer
	File: bin/extra-tool
END
definition installer <<-END
	debian:
	  sources:
	    - name: test
	      urls: [$archive]
	      suites: [bookworm]
	      components: [main]
	      architectures: [amd64]
	      signed-by: $mine/keys/archive.asc
	      udebs: true
	      installer: [netboot]
	  packages: [app]
END
"$MINIMIRROR" lock "$definition"
"$MINIMIRROR" build "$definition" --output "oci:$mine/image"
"$MINIMIRROR" verify "oci:$mine/image" --keyring "$mine/keys/archive.asc"
netns_up installer
rules=$mine/rules.yaml
printf 'default: allow\nrules: []\n' >"$rules"
start_server --image "oci:$mine/image" --rules "$rules" --sign-key "$HOME/.config/minimirror/signing-key.asc"
root=$mine/root

# boot makes the installer's root as the kernel does, of the initrd that the mirror carries, and of these archives behind it. Then it
# runs those scripts of the installer's start that the next steps need.
boot() {
	local cpio
	rm -rf "$root" && mkdir "$root"
	get "$url/test/dists/bookworm/main/installer-amd64/current/images/netboot/debian-installer/amd64/initrd.gz" --output "$mine/initrd.gz"
	zcat "$mine/initrd.gz" | (cd "$root" && busybox cpio -i -d 2>/dev/null)
	for cpio; do (cd "$root" && busybox cpio -i -d -u 2>/dev/null <"$cpio"); done
	in_installer sh /lib/debian-installer-startup.d/S20templates >/dev/null
	in_installer sh /lib/debian-installer-startup.d/S30initrd-preseed >"$mine/preseed.out" 2>&1
	in_installer sh /var/lib/dpkg/info/debian-archive-keyring-udeb.postinst
}
in_installer() { in_root "$root" "$@"; }

# packages lets the installer's retriever fetch the list of its packages, and verify it. debconf, which runs it, ends with 0 in any case.
packages() {
	rm -f "$root/tmp/status" "$root/tmp/packages"
	printf '#!/bin/sh\n/usr/lib/debian-installer/retriever/net-retriever packages /tmp/packages\necho $? >/tmp/status\n' >"$root/tmp/retrieve"
	chmod 755 "$root/tmp/retrieve"
	in_installer debconf -od-i /tmp/retrieve >"$mine/retriever.out" 2>&1
	[ "$(cat "$root/tmp/status")" = 0 ]
}

say "the images are those of the signed SHA256SUMS"
get "$url/test/dists/bookworm/main/installer-amd64/current/images/SHA256SUMS" | grep -q "$(sha256sum <"$images/netboot/debian-installer/amd64/initrd.gz" | cut -d' ' -f1)" || die "SHA256SUMS does not list the initrd"
get "$url/minimirror.cpio" --output "$mine/minimirror.cpio"
"$MINIMIRROR" kit "oci:$mine/image" --to "$mine/kit" --address "$url" >/dev/null
cmp "$mine/kit/client/new-machine/minimirror.cpio" "$mine/minimirror.cpio" || die "the kit's archive is another than the mirror's"

say "with what the mirror adds to the initrd, the installer trusts the mirror, and installs its packages from there"
boot "$mine/minimirror.cpio"
packages || { cat "$mine/retriever.out" >&2; die "net-retriever"; }
[ "$(grep -c '^Package: ' "$root/tmp/packages")" = 5 ] || die "net-retriever lists other packages: $(cat "$root/tmp/packages")"
in_installer debconf -od-i /bin/anna net-retriever default >"$mine/anna.out" 2>&1 || { cat "$mine/anna.out" >&2; die "anna"; }
for file in bin/partition-tool usr/share/tool-lib lib/modules/of-this-kernel; do
	[ -s "$root/$file" ] || die "anna did not install the package with $file: $(cat "$mine/anna.out")"
done
[ ! -e "$root/bin/extra-tool" ] || die "anna installed what it should offer only"
in_installer debconf -od-i /bin/anna install extra-tool >"$mine/anna.out" 2>&1 && [ -s "$root/bin/extra-tool" ] || { cat "$mine/anna.out" >&2; die "anna install extra-tool"; }

say "the system that it installs trusts the mirror, too"
mkdir -p "$root/target/etc/apt/sources.list.d" "$root/target/var/lib"
in_installer /usr/lib/base-installer.d/10minimirror
trusted=$mine/trusted.gpg
cp "$root/target/etc/apt/trusted.gpg.d/minimirror.gpg" "$trusted"
get "$url/test/dists/bookworm/InRelease" --output "$mine/InRelease"
gpgv --quiet --keyring "$trusted" --output /dev/null "$mine/InRelease" 2>"$mine/gpgv.err" || { cat "$mine/gpgv.err" >&2; die "apt of the new system does not know the mirror's key"; }
late=$(sed -n 's/^d-i preseed.late_command string //p' "$root/preseed.cfg")
in_installer sh -c "$late" || die "the late command: $late"
check_sources "$root/target/etc/apt/sources.list.d/minimirror.sources"

say "without it, the installer refuses the mirror"
boot
in_installer sh -c 'printf "%s\n" "d-i mirror/protocol string http" "d-i mirror/http/hostname string $1" "d-i mirror/http/directory string /test" "d-i mirror/codename string bookworm" >/preseed.cfg; sh /lib/debian-installer-startup.d/S30initrd-preseed' sh "${url#http://}" >"$mine/preseed.out" 2>&1
! packages || die "the installer takes packages that are signed by a key that it does not know"
[ ! -s "$root/tmp/packages" ] || die "the installer has a list of packages that it could not verify"
cp "$trusted" "$root/usr/share/keyrings/archive.gpg"
packages || { cat "$mine/retriever.out" >&2; die "net-retriever, with the mirror's key alone"; }

say "rules: what is denied, the installer does not see"
rule 'default: allow' 'rules:' '- deny: { package: modules-of-*, reason: not ours }' '- deny: { package: extra-tool }'
packages || { cat "$mine/retriever.out" >&2; die "net-retriever, when packages are denied"; }
[ "$(sed -n 's/^Package: //p' "$root/tmp/packages" | paste -sd' ')" = "modules-di partition-tool tool-lib-udeb" ] || die "the installer sees: $(grep ^Package: "$root/tmp/packages")"
rule 'default: allow' 'rules:' '- deny: { component: main/debian-installer }'
packages || { cat "$mine/retriever.out" >&2; die "net-retriever, with an empty list"; }
[ ! -s "$root/tmp/packages" ] || die "the installer sees: $(cat "$root/tmp/packages")"
get "$url/test/dists/bookworm/main/binary-amd64/Packages" | grep -qx 'Package: app' || die "packages of nodes are denied with those of the installer"
