package files

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/glob"
)

// Extra implements artifact.Installer: install.sh puts the files of the plans in place with a POSIX shell and sha256sum alone.
func (Kind) Extra(title string, plans ...*artifact.InstallPlan) map[string][]byte {
	var b strings.Builder
	fmt.Fprintf(&b, scriptHead, strings.ReplaceAll(artifact.Printable(title), "\n", " "))
	var lists []string
	for _, plan := range plans {
		lists = append(lists, scriptLines(plan))
	}
	if len(slices.Compact(slices.Clone(lists))) == 1 {
		b.WriteString(lists[0])
	} else {
		b.WriteString("case $(architecture) in\n")
		for i, plan := range plans {
			fmt.Fprintf(&b, "%s)\n%s;;\n", plan.Architecture, lists[i])
		}
		b.WriteString("*) die \"these files are not for $(uname -m)\" ;;\nesac\n")
	}
	b.WriteString("echo \"install.sh: done\"\n")
	return map[string][]byte{"install.sh": []byte(b.String())}
}

// scriptLines has a line for each file of a plan.
func scriptLines(plan *artifact.InstallPlan) string {
	var b strings.Builder
	for _, step := range plan.Steps {
		for _, item := range step {
			p := placeOf(item)
			name := path.Base(filePath(item))
			fmt.Fprintf(&b, "put %s %04o %s %s %s\n", item.Files[0].SHA256, p.mode, quote(name), quote(p.file), quote(glob.Quote(name)))
		}
	}
	if b.Len() == 0 {
		return ":\n"
	}
	return b.String()
}

// quote makes one word of a shell of the text.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

const scriptHead = `#!/bin/sh
# Puts the files of %s in place:
#	sh install.sh [--from FOLDER]
# Needs sha256sum, and the right to write where the files go. Run it again after a failure: it goes on.
set -eu
began=$(pwd)
cd "$(dirname "$0")"
die() { echo "install.sh: $*" >&2; exit 1; }
from=.
while [ $# -gt 0 ]; do
	case $1 in
	--no-start) ;; # no service is started
	--from)
		[ $# -gt 1 ] || die "--from FOLDER"
		case $2 in /*) from=$2 ;; *) from=$began/$2 ;; esac
		shift ;;
	*) die "usage: sh install.sh [--from FOLDER]" ;;
	esac
	shift
done

# architecture is that of this machine, as Debian calls it.
architecture() {
	case $(uname -m) in
	x86_64) echo amd64 ;; aarch64) echo arm64 ;; armv7l) echo armhf ;; i?86) echo i386 ;; ppc64le) echo ppc64el ;;
	*) uname -m ;;
	esac
}

is() { [ "$(sha256sum <"$2")" = "$1  -" ]; }

# put SHA256 MODE NAME PLACE PATTERN: a file is found by its name, for which PATTERN stands, and counts by its digest.
put() {
	if [ ! -L "$4" ] && [ -f "$4" ] && is "$1" "$4"; then
		chmod "$2" "$4"
		return
	fi
	[ ! -d "$4" ] || [ -L "$4" ] || die "$4: a folder is in the place of the file"
	mkdir -p "$(dirname "$4")"
	new=$(dirname "$4")/.minimirror-$3
	rm -f "$new"
	find "$from" -name "$5" -type f | while IFS= read -r file; do
		if [ ! -e "$new" ] && is "$1" "$file"; then cp "$file" "$new"; fi
	done
	[ -f "$new" ] && is "$1" "$new" || die "$3 with the SHA-256 $1 is not below $from"
	chmod "$2" "$new"
	[ ! -L "$4" ] || rm "$4" # one that leads to a folder would be moved into
	mv "$new" "$4"
}

`
