// Package requirements reads the files in which Python projects keep what they need: requirements.txt in pip's syntax, pylock.toml
// (PEP 751) and uv.lock. They give the resolver requirements and constraints, or say exactly which files to carry.
package requirements

import (
	"fmt"
	"path"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/pypi/pep440"
	"github.com/minimirror/minimirror/internal/kinds/pypi/pep508"
)

// A List is what a requirements file and those that it includes ask for.
type List struct {
	Requirements []Line
	Constraints  []Line
	Pre          bool // --pre: pre-releases of all projects
	HashesNeeded bool // --require-hashes, or one line has hashes: then all must
}

// A Line is a requirement of a file.
type Line struct {
	pep508.Requirement
	// Hashes are the digests of the files that may be used: empty, any.
	Hashes []Hash
	Where  string // "requirements.txt:7"
}

// A Hash is a digest of a file.
type Hash struct {
	Algorithm string // sha256, sha384 or sha512
	Hex       string // in lower case
}

func (h Hash) String() string { return h.Algorithm + ":" + h.Hex }

// hexDigits are the lengths of the digests that pip accepts.
var hexDigits = map[string]int{"sha256": 64, "sha384": 96, "sha512": 128}

// ParseHash reads ALGORITHM:HEX.
func ParseHash(text string) (Hash, error) {
	algorithm, digits, found := strings.Cut(text, ":")
	digits = strings.ToLower(digits)
	if !found || len(digits) != hexDigits[algorithm] || len(digits) == 0 || strings.Trim(digits, "0123456789abcdef") != "" {
		return Hash{}, fmt.Errorf("%s is not a digest", abridged(text))
	}
	return Hash{algorithm, digits}, nil
}

// Version returns the version that a line with "==" or "===" pins, and whether it does.
func (l Line) Version() (pep440.Version, bool) {
	for _, s := range l.Specifiers {
		if s.IsPin() && !s.Version().IsZero() {
			return s.Version(), true
		}
	}
	return pep440.Version{}, false
}

const (
	maxFile  = 64 << 20 // bytes
	maxFiles = 1000     // that include one another
)

// A reader reads a file and those that it includes.
type reader struct {
	read  func(name string) ([]byte, error)
	list  *List
	open  []string // the files that are being read
	files int
}

// Read reads a requirements file and those that it includes with -r and -c, in pip's syntax. The function read returns the content of a
// file; names of included files are relative to the file that includes them. An error names file and line, and has a hint.
//
// What would depend on the machine or lead past the definition is refused: other indexes, addresses and paths, environment variables, and
// options for builds.
func Read(name string, read func(name string) ([]byte, error)) (*List, error) {
	r := &reader{read: read, list: &List{}}
	if err := r.file(name, false); err != nil {
		return nil, err
	}
	for _, l := range r.list.Requirements {
		r.list.HashesNeeded = r.list.HashesNeeded || len(l.Hashes) > 0
	}
	if !r.list.HashesNeeded {
		return r.list, nil
	}
	for _, l := range r.list.Requirements {
		if _, pinned := l.Version(); len(l.Hashes) == 0 || !pinned {
			return nil, artifact.Hint(fmt.Errorf("%s: %s: with hashes, each requirement needs a version (==) and a hash", l.Where, l.Name),
				"let pip-compile --generate-hashes, or uv pip compile, write the file")
		}
	}
	return r.list, nil
}

func (r *reader) file(name string, constraint bool) error {
	for _, above := range r.open {
		if above == name {
			return artifact.Hint(fmt.Errorf("%s includes itself, through %s", name, strings.Join(r.open, ", ")), "remove one of the lines with -r or -c")
		}
	}
	if r.files++; r.files > maxFiles {
		return fmt.Errorf("%s: more than %d files include one another", name, maxFiles)
	}
	data, err := r.read(name)
	if err != nil {
		return err
	}
	r.open = append(r.open, name)
	lines, err := logicalLines(data)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for _, l := range lines {
		if err := r.line(name, l, constraint); err != nil {
			return err
		}
	}
	r.open = r.open[:len(r.open)-1]
	return nil
}

// line reads a requirement, with options after it, or options.
func (r *reader) line(name string, l logicalLine, constraint bool) error {
	place := fmt.Sprintf("%s:%d", name, l.number)
	if strings.Contains(l.text, "${") && hasVariable(l.text) {
		return artifact.Hint(fmt.Errorf("%s: environment variables are not replaced: the lock would depend on this machine", place), "write the value")
	}
	text, rest := splitOptions(l.text)
	options, err := parseOptions(rest)
	if err != nil {
		return fmt.Errorf("%s: %w", place, err)
	}
	if text != "" {
		one, err := parseLine(text)
		if err != nil {
			return fmt.Errorf("%s: %w", place, err)
		}
		one.Where = place
		for _, o := range options {
			if o.name != "--hash" {
				return artifact.Hint(fmt.Errorf("%s: %s has no meaning after a requirement", place, o.name), "write it on a line of its own")
			}
			hash, err := ParseHash(o.value)
			if err != nil {
				return artifact.Hint(fmt.Errorf("%s: %w", place, err), "write --hash=sha256: and 64 hexadecimal digits")
			}
			one.Hashes = append(one.Hashes, hash)
		}
		if constraint {
			r.list.Constraints = append(r.list.Constraints, one)
		} else {
			r.list.Requirements = append(r.list.Requirements, one)
		}
		return nil
	}
	for _, o := range options {
		if err := r.option(name, place, o); err != nil {
			return err
		}
	}
	return nil
}

// option does what an option on a line of its own says.
func (r *reader) option(name, place string, o option) error {
	switch kinds[o.name].does {
	case includes:
		if strings.Contains(o.value, "://") || strings.HasPrefix(o.value, "file:") {
			return artifact.Hint(fmt.Errorf("%s: %s %s is an address", place, o.name, o.value), "copy the file beside this one")
		}
		included := path.Join(path.Dir(name), o.value)
		if path.IsAbs(o.value) {
			included = path.Clean(o.value)
		}
		if err := r.file(included, o.name == "--constraint"); err != nil {
			return fmt.Errorf("%s: %w", place, err)
		}
	case prereleases:
		r.list.Pre = true
	case needsHashes:
		r.list.HashesNeeded = true
	case refused:
		return artifact.Hint(fmt.Errorf("%s: %s is not supported in this file", place, o.name), "%s", kinds[o.name].hint)
	}
	return nil
}

// parseLine reads a requirement as pip does: the marker may be empty, and what is an address or a path is no requirement.
func parseLine(text string) (Line, error) {
	before, marker, found := strings.Cut(text, ";")
	if found && strings.TrimSpace(marker) == "" {
		text = before
	}
	text = strings.TrimSpace(text)
	requirement, err := pep508.ParseRequirement(text)
	first, _, _ := strings.Cut(text, " ")
	switch {
	case err == nil && requirement.URL == "":
		return Line{Requirement: requirement}, nil
	case err == nil:
		return Line{}, artifact.Hint(fmt.Errorf("%s comes from the address %s, and not from an index", requirement.Name, abridged(requirement.URL)),
			"put the package on an index, and write %q", requirement.Name)
	case strings.Contains(first, "://") || strings.Contains(first, "+") && strings.Contains(first, "@"):
		return Line{}, artifact.Hint(fmt.Errorf("%s is an address, and not a requirement", abridged(first)), "put the package on an index, and write its name")
	case strings.Contains(first, "/") || strings.HasPrefix(first, ".") || strings.HasSuffix(first, ".whl") || strings.HasSuffix(first, ".tar.gz") || strings.HasSuffix(first, ".zip"):
		return Line{}, artifact.Hint(fmt.Errorf("%s is a path, and not a requirement", abridged(first)), "put the package on an index, and write its name")
	}
	return Line{}, err
}

// abridged quotes what somebody wrote, or the beginning of it.
func abridged(s string) string {
	if len(s) > 200 {
		return fmt.Sprintf("%q…", s[:200])
	}
	return fmt.Sprintf("%q", s)
}
