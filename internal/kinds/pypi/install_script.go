package pypi

import (
	"bytes"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A requirementsFile is a file of requirements with hashes, for what was chosen for one or more targets.
type requirementsFile struct {
	text    []byte
	pythons []string // of the targets: "3.11"
	several bool     // there are other virtual environments beside this one
}

// name is the name of the file.
func (r *requirementsFile) name(to string) string {
	if r.several {
		return "requirements-" + path.Base(to) + ".txt"
	}
	return "requirements.txt"
}

// requirementsOf writes a line for each version, with the digests of all its files, and a marker if it is not for all targets.
func requirementsOf(items []*artifact.Item) *requirementsFile {
	type version struct {
		targets map[string]bool
		hashes  []string
	}
	r := &requirementsFile{}
	all, versions := make(map[string]*target), make(map[string]*version)
	for _, item := range items {
		if len(item.Attributes.Values(attributeTarget)) == 0 {
			continue // a tool that builds another
		}
		v := versions[item.Name+"=="+item.Version]
		if v == nil {
			v = &version{targets: make(map[string]bool)}
			versions[item.Name+"=="+item.Version] = v
		}
		v.hashes = append(v.hashes, item.Files[0].SHA256)
		for _, name := range item.Attributes.Values(attributeTarget) {
			if t := parseTargetName(name); t != nil {
				all[name], v.targets[name] = t, true
				if python := t.Environment().PythonVersion; !slices.Contains(r.pythons, python) {
					r.pythons = append(r.pythons, python)
				}
			}
		}
	}
	slices.Sort(r.pythons)
	var b bytes.Buffer
	b.WriteString("# pip install --no-index --find-links . --require-hashes -r FILE\n")
	for _, name := range slices.Sorted(maps.Keys(versions)) {
		v := versions[name]
		b.WriteString(name)
		if len(v.targets) < len(all) {
			var markers []string
			for _, t := range slices.Sorted(maps.Keys(v.targets)) {
				markers = append(markers, all[t].marker())
			}
			b.WriteString(" ; " + strings.Join(slices.Compact(markers), " or "))
		}
		slices.Sort(v.hashes)
		for _, hash := range slices.Compact(v.hashes) {
			b.WriteString(" --hash=sha256:" + hash)
		}
		b.WriteByte('\n')
	}
	r.text = b.Bytes()
	return r
}

// Extra implements artifact.Installer: requirements.txt is for pip, and install.sh has pip install it into a virtual environment.
func (Kind) Extra(title string, plans ...*artifact.InstallPlan) map[string][]byte {
	var items []*artifact.Item
	seen := make(map[string]bool)
	for _, plan := range plans {
		for _, item := range slices.Concat(plan.Steps...) {
			if !seen[item.ID()] {
				seen[item.ID()] = true
				items = append(items, item)
			}
		}
	}
	files := make(map[string][]byte)
	var b strings.Builder
	fmt.Fprintf(&b, scriptHead, strings.ReplaceAll(artifact.Printable(title), "\n", " "))
	all := environments(items)
	for _, to := range all {
		r := requirementsOf(slices.DeleteFunc(slices.Clone(items), func(i *artifact.Item) bool { return installTo(i) != to }))
		r.several = len(all) > 1
		files[r.name(to)] = r.text
		fmt.Fprintf(&b, "into %s %s '%s'\n", to, r.name(to), strings.Join(r.pythons, " "))
	}
	b.WriteString("echo \"install.sh: done\"\n")
	files["install.sh"] = []byte(b.String())
	return files
}

const scriptHead = `#!/bin/sh
# Installs the Python packages of %s into virtual environments:
#	sh install.sh [--from FOLDER]
# Needs python3 with venv and pip (Debian: python3-venv, python3-pip-whl). Run it again after a failure.
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
export PIP_CONFIG_FILE=/dev/null PYTHONNOUSERSITE=1
python=$(python3 -c 'import sys; print("%%d.%%d" %% sys.version_info[:2])') || die "this machine has no python3"

# into FOLDER FILE PYTHONS: FILE lists what goes into FOLDER, and was chosen for these versions of Python.
into() {
	case " $3 " in *" $python "*) ;; *) die "this machine has Python $python, and the packages were chosen for $3" ;; esac
	python3 -m venv "$1" || die "python3 -m venv: install python3-venv and python3-pip-whl"
	set -- "$1" "$2"
	folders=$(mktemp)
	find "$from" -name '*.whl' -o -name '*.tar.gz' -o -name '*.zip' | sed 's|/[^/]*$||' | sort -u >"$folders"
	while IFS= read -r folder; do set -- "$@" --find-links "$folder"; done <"$folders"
	rm -f "$folders"
	to=$1 list=$2
	shift 2
	"$to/bin/python3" -m pip install --no-index --no-cache-dir --disable-pip-version-check --require-hashes --requirement "$list" "$@"
}

`
