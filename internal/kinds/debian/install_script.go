package debian

import (
	"fmt"
	"path"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// installScript is a POSIX shell script that installs packages from the folder
// that it lies in, with sha256sum and dpkg alone. It leaves alone what the node
// has in the same or a newer version, or on hold. Files lie there under their
// base names, or below a folder that has the mirror's layout.
func installScript(title, architecture string, steps [][]*artifact.Artifact) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, scriptHead, title, architecture)
	for _, step := range steps {
		b.WriteString("step")
		for _, a := range step {
			fmt.Fprintf(&b, " \\\n\t'%s %s %s %s'", qualified(a), a.Version, a.SHA256, path.Base(a.Path))
		}
		b.WriteString("\n")
	}
	b.WriteString(scriptTail)
	return []byte(b.String())
}

// qualified names a package for dpkg-query.
func qualified(a *artifact.Artifact) string {
	if a.Architecture == "all" {
		return a.Name
	}
	return a.Name + ":" + a.Architecture
}

// None of the values can hold a quote: names, versions and digests are checked
// when the lock is made, file names by artifact.ValidPath and here.
const scriptHead = `#!/bin/sh
# Installs %[1]s on a Debian node of the architecture %[2]s: sh install.sh [--no-start]
# Needs root, dpkg and sha256sum. Run it again after a failure: it goes on.
set -eu
cd "$(dirname "$0")"
die() { echo "install.sh: $*" >&2; exit 1; }
[ "$(id -u)" = 0 ] || die "root is needed; type: sudo sh $0"
command -v dpkg >/dev/null || die "there is no dpkg: this is not a Debian system"
[ "$(dpkg --print-architecture)" = '%[2]s' ] || die "these packages are for %[2]s, this node is $(dpkg --print-architecture)"
case ${1-} in
'') ;;
--no-start)
	if [ ! -e /usr/sbin/policy-rc.d ]; then
		trap 'rm -f /usr/sbin/policy-rc.d' EXIT
		trap 'exit 130' INT
		trap 'exit 143' TERM
		printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
		chmod 755 /usr/sbin/policy-rc.d
	fi ;;
*) die "usage: sh install.sh [--no-start]" ;;
esac
export DEBIAN_FRONTEND=noninteractive DEBCONF_NONINTERACTIVE_SEEN=true
dpkg() { command dpkg --force-confdef --force-confold "$@"; }

# wanted NAME VERSION: the node lacks it in this or a newer version, and does not hold it.
wanted() {
	state=$(dpkg-query --show --showformat '${db:Status-Want} ${db:Status-Status} ${Version}' "$1" 2>/dev/null) || return 0
	version=${state##* }
	case $state in
	hold\ *) echo "on hold: $1 $version"; return 1 ;;
	*\ installed\ *) ! command dpkg --compare-versions "$version" ge "$2" ;;
	esac
}

# step 'NAME VERSION SHA256 FILE'… installs packages that go together.
step() {
	files=
	for package; do
		# shellcheck disable=SC2086
		set -- $package
		wanted "$1" "$2" || continue
		file=$4
		[ -f "$file" ] || file=$(find . -name "$4" -type f | head -n 1)
		[ -n "$file" ] || die "$4 is missing"
		printf '%%s  %%s\n' "$3" "$file" | sha256sum -c - >/dev/null || die "$file is damaged: its SHA-256 is not $3"
		files="$files $file"
	done
	# shellcheck disable=SC2086
	[ -z "$files" ] || dpkg --install $files || die "dpkg failed: mend what it says, then type the same command again"
}

dpkg --configure --pending || true
`

const scriptTail = `dpkg --configure --pending
echo "install.sh: done"
`
