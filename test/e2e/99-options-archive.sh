#!/bin/bash
# Options of a source on the real archive, with their clients: apt-get source, apt-cache show, apt-file and appstreamcli read what the
# mirror publishes about small packages, and debootstrap makes a root of one suite. The archive is that of this machine's own apt
# sources; what comes from there (some 130 MB, cold) stays in the tests' cache for a week.
. "$(dirname "$0")/lib.sh"
need apt-get apt-file appstreamcli curl debootstrap dpkg-source gpg jq
need_root_or_die "debootstrap"
export XDG_CACHE_HOME=${as_caller[2]#*=}/minimirror-test/archive
mkdir -p "$XDG_CACHE_HOME"
find "$XDG_CACHE_HOME" -type f -mtime +7 -delete
site=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | sort -u | grep -E '/debian/?$' | head -n 1)
[ -n "$site" ] || die "this machine has no Debian mirror among its apt sources"
codename=$(. /etc/os-release && printf '%s' "$VERSION_CODENAME")
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# defined NAME SUITES OPTIONS writes a definition with the archive as its source; the rest is standard input.
defined() {
	definition "$1" <<-END
		debian:
		  sources:
		    - { name: debian, urls: [$site], suites: [$2], components: [main], architectures: [amd64], signed-by: $keyring, $3 }
		$(cat)
	END
}
# build makes the image of the definition, and verifies it.
build() {
	"$MINIMIRROR" build "$definition" --output "oci:$mine/image-$1" >"$mine/build.log" 2>&1 || { cat "$mine/build.log" >&2; die "build $1"; }
	"$MINIMIRROR" verify "oci:$mine/image-$1" --keyring "$keyring" >"$mine/verify" 2>&1 || { cat "$mine/verify" >&2; die "verify $1"; }
}

say "lock tells what the options add"
defined installer "$codename" "udebs: true" <<<'  packages: [hello]'
"$MINIMIRROR" lock "$definition" >"$mine/lock.out" 2>&1 || { cat "$mine/lock.out" >&2; die "lock"; }
udebs=$(sed -n 's/^  debian: packages of the installer: \([0-9]*\) files, .* MB$/\1/p' "$mine/lock.out")
[ "${udebs:-0}" -gt 300 ] || die "the archive has hundreds of packages of the installer: $(cat "$mine/lock.out")"
say "$(grep 'packages of the installer' "$mine/lock.out")"
defined tools "$codename" "sources: true, translations: [en], contents: true" <<<'  base: essential
  packages: [hello]'
"$MINIMIRROR" lock "$definition" >"$mine/lock.out" 2>&1 || { cat "$mine/lock.out" >&2; die "lock"; }
for extra in "source packages" "upstream's indexes for "{sources,translations,contents}; do
	grep -Eq "^  debian: $extra: [0-9]+ files?, [0-9.]+ MB\$" "$mine/lock.out" || die "lock does not say what $extra add: $(cat "$mine/lock.out")"
	say "$(grep "debian: $extra" "$mine/lock.out")"
done
build tools
grep -q 'indexes about packages say what the signed ones say' "$mine/verify" || die "verify does not look at the indexes about packages: $(cat "$mine/verify")"

netns_up archive
rules=$mine/rules.yaml
printf 'default: allow\nrules: []\n' >"$rules"
start_server --image "oci:$mine/image-tools" --rules "$rules" --sign-key "$HOME/.config/minimirror/signing-key.asc"
apt=$mine/apt
apt_client "$apt"
for conf in 50apt-file.conf 50appstream; do sed '/Post-Invoke/,$d' "/etc/apt/apt.conf.d/$conf" >"$apt/etc/apt.conf.d/$conf"; done
updates() { apt_in "$apt" apt-get -q --error-on=any update >"$mine/apt.out" 2>&1 || { cat "$mine/apt.out" >&2; die "apt-get update"; }; }
found() { apt_in "$apt" apt-file search "$1" | sed 's/: .*//' | sort -u | paste -sd' '; }
applications() {
	zcat -f "$apt"/lists/*Components-amd64.yml* >"$mine/apps.yml"
	appstreamcli convert "$mine/apps.yml" "$mine/apps.xml" >/dev/null || die "appstreamcli does not read it"
	sed -n 's,.*<pkgname>\(.*\)</pkgname>.*,\1,p' "$mine/apps.xml" | sort -u | paste -sd' '
}
updates

say "apt-get source, apt-cache show and apt-file"
(mkdir "$mine/source" && cd "$mine/source" && apt_in "$apt" apt-get -q source hello) >"$mine/apt.out" 2>&1 || { cat "$mine/apt.out" >&2; die "apt-get source hello"; }
[ -x "$(echo "$mine"/source/hello-*/debian/rules)" ] || die "dpkg-source has not extracted hello: $(ls "$mine/source")"
apt_in "$apt" apt-cache show hello >"$mine/apt.out"
grep -q '^Description-en: ' "$mine/apt.out" && grep -q '^ Seriously, though' "$mine/apt.out" || die "apt-cache show has no whole description: $(cat "$mine/apt.out")"
[ "$(found /usr/bin/hello)" = hello ] && [ -z "$(found bin/bash)" ] || die "apt-file finds: $(found /usr/bin/hello), $(found bin/bash)"
rule 'default: allow' 'rules:' '- deny: { source: hello }'
updates
[ -z "$(found /usr/bin/hello)" ] || die "apt-file finds what is denied: $(found /usr/bin/hello)"
! (cd "$mine/source" && apt_in "$apt" apt-get -q --download-only source hello) >"$mine/apt.out" 2>&1 || die "a denied source package is offered"

say "appstreamcli, and debootstrap from one suite"
defined base "$codename, $codename-updates" "versions: each-suite, appstream: true" <<<'  packages: ["?essential", "?priority(required)", apt, usr-is-merged, fonts-gamaliel]'
build base
start_server --image "oci:$mine/image-base"
get "$url/minimirror.asc" | gpg --homedir "$apt" --batch --quiet --no-autostart --dearmor >"$mine/key.gpg" 2>/dev/null
rm -rf "$apt/lists" "$apt/cache"
apt_client "$apt"
updates
[ "$(applications)" = fonts-gamaliel ] || die "appstreamcli finds: $(applications)"
root=$mine/root
mkdir "$root"
defer rm -rf --one-file-system "$root"
"${inside[@]}" env -u http_proxy debootstrap --variant=minbase --arch=amd64 --keyring="$mine/key.gpg" "$codename" "$root" "$url/debian" >"$mine/debootstrap.out" 2>&1 || { tail -n 40 "$mine/debootstrap.out" "$root/debootstrap/debootstrap.log" >&2; die "debootstrap"; }
[ -z "$(in_root "$root" dpkg --audit)" ] || die "dpkg --audit: $(in_root "$root" dpkg --audit)"
: >"$root/etc/apt/sources.list"
get "$url/minimirror.sources" >"$root/etc/apt/sources.list.d/minimirror.sources"
in_root "$root" apt-get -qq --error-on=any update
in_root "$root" apt-get -qq -s dist-upgrade >/dev/null || die "the new system cannot be upgraded from the mirror"
say "$(in_root "$root" dpkg-query --show | wc -l) packages"
