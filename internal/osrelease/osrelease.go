// Package osrelease tells which of several systems a machine has, by os-release(5). Bootstrap asks it in Go; the scripts of images and
// kits do the same in a shell.
package osrelease

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// maxSize is more than any os-release has.
const maxSize = 1 << 20

// A Release is what os-release(5) says of a machine.
type Release struct {
	Pretty string   // for people; empty: nothing is known
	Words  []string // that may identify the system, the most telling first
}

// Read reads the file of the system below root. A system may have none: then nothing is known of it.
func Read(root string) (Release, error) {
	dir, err := os.OpenRoot(root)
	if err != nil {
		return Release{}, err
	}
	defer dir.Close()
	for _, name := range []string{"etc/os-release", "usr/lib/os-release"} {
		f, err := artifact.OpenRegular(func(flag int) (*os.File, error) { return dir.OpenFile(name, os.O_RDONLY|flag, 0) })
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return Release{}, err
		}
		defer f.Close()
		data, err := io.ReadAll(io.LimitReader(f, maxSize))
		return parse(string(data)), err
	}
	return Release{}, nil
}

func parse(text string) (r Release) {
	var codename, id, version string
	for line := range strings.Lines(text) {
		name, value, found := strings.Cut(strings.TrimSpace(line), "=")
		value = strings.Trim(value, `"'`)
		switch {
		case !found || value == "":
		case name == "PRETTY_NAME":
			r.Pretty = value
		case name == "ID":
			id = value
		case name == "VERSION_ID":
			version = value
		case name == "VERSION_CODENAME":
			codename = value
		case strings.HasSuffix(name, "_CODENAME"): // of what the system derives from
			r.Words = append(r.Words, value)
		}
	}
	if codename != "" {
		r.Words = slices.Insert(r.Words, 0, codename)
	}
	if id != "" && version != "" {
		r.Words = append(r.Words, id+version)
	}
	return r
}

// Pick is the system that the machine has. None is an error that says which there are.
func (r Release) Pick(systems []artifact.System) (string, error) {
	for _, word := range r.Words {
		if name := artifact.FindSystem(systems, word); name != "" {
			return name, nil
		}
	}
	machine := "what this machine runs is not known"
	if r.Pretty != "" {
		machine = "this machine runs " + r.Pretty
	}
	return "", fmt.Errorf("the image is for %s; %s", List(systems), machine)
}

// List names systems for people.
func List(systems []artifact.System) string {
	names := make([]string, len(systems))
	for i, s := range systems {
		names[i] = s.Name
	}
	return strings.Join(names, ", ")
}

// Shell are lines of a POSIX shell that set the variable "system", as Pick does. If it has a value already, that must be the name of
// a system. Without one that fits, they print why and exit.
func Shell(systems []artifact.System) string {
	words, cases := artifact.SystemWords(systems), ""
	for _, s := range systems {
		var of []string
		for _, w := range words {
			if w.System == s.Name {
				of = append(of, "'"+w.Word+"'") // valid names have no quotes
			}
		}
		cases += "\t" + strings.Join(of, " | ") + ") found='" + s.Name + "' ;;\n"
	}
	return fmt.Sprintf(shellLines, cases, List(systems))
}

const shellLines = `says() { sed -n "s/^$1=[\"']\{0,1\}\([^\"']*\)[\"']\{0,1\}\$/\1/p" /etc/os-release 2>/dev/null || :; }
words=${system:-$(says VERSION_CODENAME; says '[A-Z]*_CODENAME'; version=$(says VERSION_ID); echo "${version:+$(says ID)$version}")}
found=
for word in $words; do
	[ -z "$found" ] || break
	case $word in
%s	esac
done
[ -n "$found" ] || { echo "$0: this is for %s, not for ${system:-$(says PRETTY_NAME)}" >&2; exit 1; }
system=$found
`
