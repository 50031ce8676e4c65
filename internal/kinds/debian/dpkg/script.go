package dpkg

import (
	"fmt"
	"path"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// installScript is a POSIX shell script that installs packages from the folder
// that it lies in, with sha256sum and dpkg alone. It leaves alone what the node
// has in the same or a newer version, or on hold. Files lie there, or below the
// folder that --from names, under their base names. The script lists and then removes the packages that they replace
// and conflict with; it does not notice those that they name only by a virtual package.
func installScript(title string, plans []*artifact.InstallPlan) []byte {
	var names []string
	for _, plan := range plans {
		names = append(names, plan.Architecture)
	}
	var b strings.Builder
	fmt.Fprintf(&b, scriptHead, title, strings.Join(names, " or "))
	b.WriteString("case $(dpkg --print-architecture) in\n")
	for _, plan := range plans {
		fmt.Fprintf(&b, "%s)\n", plan.Architecture)
		replaced := replacedBy(plan)
		for _, step := range plan.Steps {
			writeReplaced(&b, "announce", step, replaced)
		}
		for _, step := range plan.Steps {
			b.WriteString("step")
			for _, a := range step {
				fmt.Fprintf(&b, " \\\n\t'%s %s %s %s'", deb822.DpkgName(a.Name, a.Architecture()), a.Version, a.Files[0].SHA256, path.Base(a.Files[0].Path))
			}
			b.WriteString("\n")
			writeReplaced(&b, "replaced", step, replaced)
		}
		b.WriteString(";;\n")
	}
	fmt.Fprintf(&b, "*) die \"these packages are for %s, this node is $(dpkg --print-architecture)\" ;;\nesac\n", strings.Join(names, " or "))
	b.WriteString(scriptTail)
	return []byte(b.String())
}

// None of the values can hold a quote: names and versions are checked with the
// index, digests with the catalog, file names by PlanInstall.
const scriptHead = `#!/bin/sh
# Installs %[1]s on a Debian node of the architecture %[2]s:
#	sh install.sh [--no-start] [--from FOLDER]
# Needs root, dpkg and sha256sum. Run it again after a failure: it goes on.
set -eu
began=$(pwd)
cd "$(dirname "$0")"
die() { echo "install.sh: $*" >&2; exit 1; }
[ "$(id -u)" = 0 ] || die "root is needed; type: sudo sh $0"
command -v dpkg >/dev/null || die "there is no dpkg: this is not a Debian system"
from=.
while [ $# -gt 0 ]; do
	case $1 in
	--no-start)
		if [ ! -e /usr/sbin/policy-rc.d ]; then
			trap 'rm -f /usr/sbin/policy-rc.d' EXIT
			trap 'exit 130' INT
			trap 'exit 143' TERM
			printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
			chmod 755 /usr/sbin/policy-rc.d
		fi ;;
	--from)
		[ $# -gt 1 ] || die "--from FOLDER"
		case $2 in /*) from=$2 ;; *) from=$began/$2 ;; esac
		shift ;;
	*) die "usage: sh install.sh [--no-start] [--from FOLDER]" ;;
	esac
	shift
done
export DEBIAN_FRONTEND=noninteractive DEBCONF_NONINTERACTIVE_SEEN=true
dpkg() { command dpkg --force-confdef --force-confold --auto-deconfigure "$@"; }

# wanted NAME VERSION: the node lacks it in this or a newer version, and does not hold it.
wanted() {
	state=$(dpkg-query --show --showformat '${db:Status-Want} ${db:Status-Status} ${Version}' "$1" 2>/dev/null) || return 0
	version=${state##* }
	case $state in
	hold\ *) echo "on hold: $1 $version"; return 1 ;;
	*\ installed\ *) ! command dpkg --compare-versions "$version" ge "$2" ;;
	esac
}

# step 'NAME VERSION SHA256 FILE'… installs packages that go together. What dpkg deconfigures
# for them may be upgraded in a later step: so not with --install.
step() {
	files='' names=''
	for package; do
		# shellcheck disable=SC2086
		set -- $package
		wanted "$1" "$2" || continue
		file=$from/$4
		[ -f "$file" ] || file=$(find "$from" -name "$4" -type f | head -n 1)
		[ -n "$file" ] || die "$4 is missing"
		printf '%%s  %%s\n' "$3" "$file" | sha256sum -c - >/dev/null || die "$file is damaged: its SHA-256 is not $3"
		files="$files
$file"
		names="$names $1"
	done
	[ -n "$files" ] || return 0
	old=$IFS
	IFS='
'
	# shellcheck disable=SC2086
	set -- $files
	IFS=$old
	dpkg --unpack "$@" || die "$again"
	# One whose files have all been replaced by the others has disappeared.
	set --
	for name in $names; do
		case $(dpkg-query --show --showformat '${db:Status-Status}' "$name" 2>/dev/null) in
		'' | not-installed | config-files) ;;
		*) set -- "$@" "$name" ;;
		esac
	done
	[ $# = 0 ] || dpkg --configure "$@" || die "$again"
}
# holds VERSION [OPERATOR VERSION]…
holds() {
	of=$1
	shift
	while [ $# -gt 1 ]; do
		command dpkg --compare-versions "$of" "$1" "$2" || return 1
		shift 2
	done
}

# each COMMAND 'OLD NEW [OPERATOR VERSION]…'… runs COMMAND for what the node has of OLD in such versions.
each() {
	command=$1
	shift
	for relation; do
		# shellcheck disable=SC2086
		set -- $relation
		dpkg-query --show --showformat '${db:Status-Want} ${db:Status-Status} ${binary:Package} ${Version}\n' "$1" 2>/dev/null |
			while read -r want status package version; do
				old=$1 new=$2
				shift 2
				if holds "$version" "$@"; then "$command" </dev/null || exit 1; fi
				set -- "$old" "$new" "$@"
			done || exit 1
	done
}

# announce tells what the steps will remove, and replaced removes what the step before has deconfigured for what
# replaces it. dpkg refuses where anything still needs it.
announce() { each tell "$@"; }
replaced() { each remove "$@"; }
tell() {
	case $status in not-installed | config-files) return ;; esac
	[ "$want" != hold ] || die "$package $version is on hold, and $new replaces it"
	echo "will be removed: $package $version, replaced by $new"
}
remove() {
	case $status in half-configured | unpacked) dpkg --remove "$package" || die "$again" ;; esac
}
again='dpkg failed: mend what it says, then type the same command again'

dpkg --configure --pending || true
`

const scriptTail = `dpkg --configure --pending
echo "install.sh: done"
`
