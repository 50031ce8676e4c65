// Package wheel has what the names of Python's files say: of wheels (PEP 427, PEP 425) name, version, build and tags, of source
// distributions (PEP 625, and as they were named before) name and version; and which tags a target supports, in pip's order.
package wheel

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/pypi/pep440"
	"github.com/minimirror/minimirror/internal/kinds/pypi/pep508"
)

// A Filename is what the name of a wheel or of a source distribution says.
type Filename struct {
	// Text is the whole name.
	Text string
	// Project is the normalised name of the project.
	Project string
	Version pep440.Version
	// Build orders wheels of one version that support the same tag; its zero value is none.
	Build Build
	// Tags are all tags of a wheel, those of compressed tag sets one by one. A source distribution has none.
	Tags []Tag
}

// IsWheel reports whether the file is a wheel, and not a source distribution.
func (f Filename) IsWheel() bool { return len(f.Tags) > 0 }

// A Build is the build tag of a wheel: a number and what follows it.
type Build struct {
	Number uint64
	Text   string
	Given  bool // false: there is none, which is before all others
}

// Compare returns -1, 0 or 1: whether b is older than, the same as, or newer than other.
func (b Build) Compare(other Build) int {
	if b.Given != other.Given {
		if b.Given {
			return 1
		}
		return -1
	}
	return cmp.Or(cmp.Compare(b.Number, other.Number), cmp.Compare(b.Text, other.Text))
}

// A Tag says where a wheel can be installed: "cp311-abi3-manylinux_2_28_x86_64".
type Tag struct{ Interpreter, ABI, Platform string }

func (t Tag) String() string { return t.Interpreter + "-" + t.ABI + "-" + t.Platform }

const (
	maxName = 400  // bytes
	maxTags = 1000 // of one wheel
)

const wheelHint = "wheels are called NAME-VERSION[-BUILD]-PYTHON-ABI-PLATFORM.whl, such as acme_web-1.2-py3-none-any.whl (PEP 427)"

// ParseWheel reads the name of a wheel. An error has a hint.
func ParseWheel(name string) (Filename, error) {
	f, err := parseWheel(name)
	if err != nil {
		return Filename{}, artifact.Hint(fmt.Errorf("%s is not the name of a wheel: %w", abridged(name), err), wheelHint)
	}
	return f, nil
}

func parseWheel(name string) (f Filename, err error) {
	stem, found := strings.CutSuffix(name, ".whl")
	parts := strings.Split(stem, "-")
	switch {
	case len(name) > maxName:
		return f, fmt.Errorf("it is longer than %d bytes", maxName)
	case !found:
		return f, fmt.Errorf("it does not end in .whl")
	case len(parts) != 5 && len(parts) != 6:
		return f, fmt.Errorf("it has %d parts between dashes, not 5 or 6", len(parts))
	case !pep508.ValidName(parts[0]) || strings.Contains(parts[0], "__"):
		return f, fmt.Errorf("%q is not the name of a project", parts[0])
	}
	f.Text, f.Project = name, pep508.NormalizeName(parts[0])
	if f.Version, err = pep440.Parse(parts[1]); err != nil || parts[1] != strings.TrimSpace(parts[1]) {
		// In wheels, "_" stands for "-" as well: 1.0_1 is the post-release 1.0-1.
		if f.Version, err = pep440.Parse(strings.ReplaceAll(parts[1], "_", "-")); err != nil || strings.TrimSpace(parts[1]) != parts[1] {
			return f, fmt.Errorf("%q is not a version", parts[1])
		}
	}
	if len(parts) == 6 {
		if f.Build, err = parseBuild(parts[2]); err != nil {
			return f, err
		}
	}
	f.Tags, err = ParseTags(strings.Join(parts[len(parts)-3:], "-"))
	return f, err
}

func parseBuild(text string) (Build, error) {
	digits := 0
	for digits < len(text) && '0' <= text[digits] && text[digits] <= '9' {
		digits++
	}
	n, err := strconv.ParseUint(text[:digits], 10, 64)
	if err != nil {
		return Build{}, fmt.Errorf("the build %q does not begin with a number", text)
	}
	return Build{n, text[digits:], true}, nil
}

// ParseTags reads a compressed tag set, such as "py2.py3-none-any", and returns each of its tags (PEP 425).
func ParseTags(text string) ([]Tag, error) {
	parts := strings.Split(strings.ToLower(text), "-")
	if len(parts) != 3 {
		return nil, fmt.Errorf("%q is not PYTHON-ABI-PLATFORM", text)
	}
	sets := [3][]string{}
	count := 1
	for i, part := range parts {
		sets[i] = strings.Split(part, ".")
		count *= len(sets[i])
		for _, one := range sets[i] {
			if !isTagPart(one) {
				return nil, fmt.Errorf("%q is not PYTHON-ABI-PLATFORM", text)
			}
		}
	}
	if count > maxTags {
		return nil, fmt.Errorf("it stands for %d tags, more than %d", count, maxTags)
	}
	tags := make([]Tag, 0, count)
	for _, interpreter := range sets[0] {
		for _, abi := range sets[1] {
			for _, platform := range sets[2] {
				tags = append(tags, Tag{interpreter, abi, platform})
			}
		}
	}
	return tags, nil
}

// isTagPart reports whether the text has letters, digits and "_" only.
func isTagPart(text string) bool {
	return text != "" && strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// sdistSuffixes are what pip unpacks. Only .tar.gz is allowed since PEP 625.
var sdistSuffixes = []string{".tar.gz", ".zip", ".tgz", ".tar.bz2", ".tar.xz"}

// ParseSdist reads the name of a source distribution of the project, whose name may be in any spelling: before PEP 625, names and versions
// had dashes of their own. Without a project, the version begins after the last dash. An error has a hint.
func ParseSdist(name, project string) (Filename, error) {
	f, err := parseSdist(name, pep508.NormalizeName(project))
	if err != nil {
		return Filename{}, artifact.Hint(fmt.Errorf("%s is not the name of a source distribution: %w", abridged(name), err),
			"source distributions are called NAME-VERSION.tar.gz, such as acme_web-1.2.tar.gz (PEP 625)")
	}
	return f, nil
}

func parseSdist(name, project string) (f Filename, err error) {
	if len(name) > maxName {
		return f, fmt.Errorf("it is longer than %d bytes", maxName)
	}
	stem := ""
	for _, suffix := range sdistSuffixes {
		if rest, found := strings.CutSuffix(name, suffix); found {
			stem = rest
			break
		}
	}
	if stem == "" {
		return f, fmt.Errorf("it does not end in %s", strings.Join(sdistSuffixes, ", "))
	}
	dash := strings.LastIndexByte(stem, '-')
	if project != "" {
		dash = -1
		for i := range len(stem) {
			if stem[i] == '-' && pep508.NormalizeName(stem[:i]) == project {
				dash = i
				break
			}
		}
		if dash < 0 {
			return f, fmt.Errorf("it does not begin with %s-", project)
		}
	}
	switch {
	case dash < 0:
		return f, fmt.Errorf("it has no dash before the version")
	case !pep508.ValidName(stem[:dash]):
		return f, fmt.Errorf("%q is not the name of a project", stem[:dash])
	}
	f.Text, f.Project = name, pep508.NormalizeName(stem[:dash])
	if f.Version, err = pep440.Parse(stem[dash+1:]); err != nil || strings.TrimSpace(stem[dash+1:]) != stem[dash+1:] {
		return f, fmt.Errorf("%q is not a version", stem[dash+1:])
	}
	return f, nil
}

// Parse reads the name of a wheel, or of a source distribution of the project. An error has a hint.
func Parse(name, project string) (Filename, error) {
	if !strings.HasSuffix(name, ".whl") {
		return ParseSdist(name, project)
	}
	f, err := ParseWheel(name)
	if want := pep508.NormalizeName(project); err == nil && project != "" && f.Project != want {
		return Filename{}, fmt.Errorf("%s is a wheel of %s, not of %s", abridged(name), f.Project, want)
	}
	return f, err
}

// abridged quotes a name, or the beginning of it.
func abridged(s string) string {
	if len(s) > 100 {
		return fmt.Sprintf("%q…", s[:100])
	}
	return fmt.Sprintf("%q", s)
}
