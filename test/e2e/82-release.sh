#!/bin/bash
# What people download, as "make release" makes it: the same bytes from a git checkout and from a source archive, in other folders, by
# other users, with other umask, zone and settings. The .deb is installed by the real dpkg into a bare root and used there.
. "$(dirname "$0")/lib.sh"
need git make go lintian dpkg-deb man bash zsh fish unshare
need_root_or_die "a root file system"
unset VERSION SOURCE_DATE_EPOCH

say "a version, from git"
one=$mine/one two="$mine/an other folder/två"
mkdir -p "$one" "$two"
(cd "$repo" && git ls-files -z --cached --others --exclude-standard | tar --null --ignore-failed-read -T - -cf - 2>/dev/null) | tar -C "$one" -xf -
export GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=Me GIT_AUTHOR_EMAIL=me@example.org GIT_COMMITTER_NAME=Me GIT_COMMITTER_EMAIL=me@example.org
export GIT_AUTHOR_DATE=2026-11-28T12:00:00Z GIT_COMMITTER_DATE=2026-11-28T12:00:00Z
git_one() { git -C "$one" "$@"; }
is() {
	local version
	version=$("$one/release/version.sh")
	[[ $version =~ ^$1$ ]] || die "version.sh: $version, want $1"
}
is unknown
git_one init --quiet
git_one config core.abbrev 4
is unknown
git_one add --all
git_one commit --quiet --message first
is '0\.0\.0\+20261128\.g[0-9a-f]{12}'
git_one tag v1.2.2
touch "$one/images/docker/mirror.lock" # no part of the program
is 1.2.2
echo 2 >"$one/second"
is '1\.2\.2\+dirty'
git_one add second
git_one commit --quiet --message second
is '1\.2\.2\+1\.g[0-9a-f]{12}'
echo 3 >>"$one/second"
is '1\.2\.2\+1\.g[0-9a-f]{12}\.dirty'
git_one checkout --quiet second
git_one tag --annotate v1.3.0-rc.1 --message "a candidate"
is 1.3.0-rc.1
git_one tag --annotate v1.3.0 --message "a release"
git_one tag --delete v1.3.0-rc.1 >/dev/null
is 1.3.0
[ "$("$one/release/version.sh" --time)" = "$(date -d 2026-11-28T12:00:00Z +%s)" ] || die "version.sh --time: $("$one/release/version.sh" --time)"
git_one archive HEAD | tar -C "$two" -xf -

say "two builds"
# release_in DIR COMMAND… runs make release there, below the command.
release_in() { (cd "$1" && "${as_caller[@]}" "${@:2}" make --no-print-directory release); }
release_in "$one" env
(umask 077 && release_in "$two" env TZ=Asia/Kathmandu LC_ALL=de_DE.UTF-8 GOARM64=v9.0,lse GOFLAGS=-v BUILDKIT_HOST=unix:///none \
	unshare --user --map-user=2002 --map-group=2002)
diff -r "$one/out/release" "$two/out/release" || die "two builds differ"
release=$one/out/release
(cd "$release" && sha256sum --check --strict --quiet SHA256SUMS)
[ "$(cd "$release" && echo *)" = "LICENSE SHA256SUMS minimirror-linux-amd64 minimirror-linux-arm64 minimirror_1.3.0_amd64.deb minimirror_1.3.0_arm64.deb modules.txt.gz" ] ||
	die "other files than wanted: $(ls "$release")"
cmp "$release/LICENSE" "$repo/LICENSE" || die "LICENSE is another one"
zgrep -q '^github.com/moby/buildkit@' "$release/modules.txt.gz" || die "modules.txt.gz names no modules"
[ "$(stat -c %a "$release/minimirror-linux-amd64" "$release/SHA256SUMS" | xargs)" = "755 644" ] || die "wrong modes"
machine() { od -An -tx1 -j18 -N2 "$release/minimirror-linux-$1" | tr -d ' '; }
[ "$(machine amd64) $(machine arm64)" = "3e00 b700" ] || die "the programs are for $(machine amd64) and $(machine arm64)"
! grep -alE '/ld-(linux|musl)' "$release"/minimirror-linux-* || die "a program is not static"

say "from what has no version, nothing is released"
rm "$two/release/archived"
echo '$Format:%ct %H$' >"$two/release/archived"
(cd "$two" && ! "${as_caller[@]}" make release 2>"$mine/refused") || die "a release without a version"
grep -q '^hint: tag the commit, or type: make release VERSION=' "$mine/refused" || { cat "$mine/refused"; die "no hint"; }
(cd "$release" && sha256sum --check --quiet SHA256SUMS)

say "lintian"
lintian --fail-on error,warning --tag-display-limit 0 "$release"/*.deb 2>&1 | sed '/^running with root privileges/d'

say "dpkg installs it"
architecture=$(dpkg --print-architecture)
bare_root "$mine/root"
cp "$release/minimirror_1.3.0_$architecture.deb" "$mine/root/"
in_root "$mine/root" dpkg --install "/minimirror_1.3.0_$architecture.deb" >"$mine/dpkg.log" 2>&1 || { cat "$mine/dpkg.log" >&2; die "dpkg --install"; }
[ -z "$(in_root "$mine/root" dpkg --audit)" ] || die "dpkg --audit complains"
[ -z "$(in_root "$mine/root" dpkg --verify minimirror)" ] || die "dpkg --verify finds other files"
grep -q '/usr/share/common-licenses/Apache-2.0' "$mine/root/usr/share/doc/minimirror/copyright" || die "the copyright file does not tell the licence"
cmp "$mine/root/usr/share/doc/minimirror/modules.txt.gz" "$release/modules.txt.gz" || die "the package has other notices"
[[ $(in_root "$mine/root" minimirror version) =~ ^minimirror\ 1\.3\.0\ go.*\ linux/$architecture$ ]] || die "$(in_root "$mine/root" minimirror version)"

say "and it works there"
small_definition own
mkdir -p "$mine/root/$mine"
cp -r "$definition" "$mine/keys" "$mine/root/$mine/"
in_root "$mine/root" env HOME=/root minimirror build "$definition" --output oci:/image
in_root "$mine/root" env HOME=/root minimirror bootstrap /image --set app --install --no-start
in_root "$mine/root" dpkg-query --show app
in_root "$mine/root" env HOME=/root minimirror verify /image
[ "$(in_root "$mine/root" bash -ec '
	. /usr/share/bash-completion/completions/minimirror
	COMP_WORDS=(minimirror serve --sign) COMP_CWORD=2
	_minimirror && echo "${COMPREPLY[*]}"')" = --sign-key ] || die "bash completes nothing"
# shellcheck disable=SC2016
[ "$(zsh -fec '
	compadd() { shift; print -- ${(M)@:#$PREFIX*}; }
	words=(minimirror serve --sign) CURRENT=3 PREFIX=--sign
	. "$1"' zsh "$mine/root/usr/share/zsh/vendor-completions/_minimirror")" = --sign-key ] || die "zsh completes nothing"
for try in "serve --sign=--sign-key" "lo=lock"; do
	# shellcheck disable=SC2016
	said=$(HOME=$mine fish --no-config -c 'source $argv[1]; complete -C "minimirror $argv[2]"' "$mine/root/usr/share/fish/vendor_completions.d/minimirror.fish" "${try%%=*}")
	[ "${said%%$'\t'*}" = "${try#*=}" ] || die "fish completes ${try%%=*} to: $said"
done
for page in "$mine"/root/usr/share/man/man1/minimirror*.gz; do
	man --warnings -l "$page" >"$mine/page" 2>"$mine/page.errors" || die "$page: $(cat "$mine/page.errors")"
	[ ! -s "$mine/page.errors" ] && grep -q '^EXIT STATUS' "$mine/page" || die "$page: $(cat "$mine/page.errors")"
done
MANPATH=$mine/root/usr/share/man man minimirror-lock | grep -q -- --dry-run || die "man minimirror-lock"

say "dpkg removes it"
in_root "$mine/root" dpkg-query --listfiles minimirror | grep minimirror >"$mine/files"
in_root "$mine/root" dpkg --purge minimirror >/dev/null
while read -r file; do
	[ ! -e "$mine/root$file" ] || die "left behind: $file"
done <"$mine/files"
