package archive

import (
	"cmp"
	"fmt"
	"path"
	"runtime"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
	"github.com/minimirror/minimirror/internal/openpgp"
)

// A Source is one repository: the same files under one or more addresses.
type Source struct {
	Name            string
	URLs            []string // without a final slash
	Suites          []Suite
	Architectures   []string
	Keys            openpgp.Keyring
	CheckValidUntil bool
	CheckDates      bool
	releaseNames    []string // Suite or Codename of releases that are not called as they are asked for
	pin             int      // priority of all suites; 0: what their releases say
	Phased          PhasedUse
	Further         Further
	EachSuite       bool // "versions: each-suite": what each suite has is carried, not only the highest versions

	// Of a source that consists of packages:
	debs    []ownFile
	dir     string              // the definition's
	chosen  bool                // the source itself lists its architectures
	located map[string][]string // addresses of the packages, by their paths
	names   []string            // of the packages, sorted
}

// A Suite is a distribution of a source and what is taken of it. Components is
// empty for a flat repository, whose name ends in "/".
type Suite struct {
	Name       string
	Components []string
}

// Addresses are those of a file of the repository.
func (s *Source) Addresses(file string) []string {
	if s.Own() {
		return s.located[file]
	}
	all := make([]string, len(s.URLs))
	for i, u := range s.URLs {
		all[i] = artifact.JoinAddress(u, file)
	}
	return all
}

// sourceSpec is an entry of "sources" in mirror.yaml.
type sourceSpec struct {
	Name            string           `yaml:"name"`
	URLs            []string         `yaml:"urls"`
	Suites          []string         `yaml:"suites"`
	Components      []string         `yaml:"components"`
	Architectures   []string         `yaml:"architectures"`
	SignedBy        artifact.Section `yaml:"signed-by"`
	CheckDate       *bool            `yaml:"check-date"`
	CheckValidUntil *bool            `yaml:"check-valid-until"`
	ReleaseNames    []string         `yaml:"release-names"`
	Pin             *int             `yaml:"pin"`
	Phased          artifact.Section `yaml:"phased"`
	Sources         bool             `yaml:"sources"`
	Debs            artifact.Section `yaml:"debs"`
	Translations    []string         `yaml:"translations"`
	Contents        bool             `yaml:"contents"`
	Commands        bool             `yaml:"commands"`
	Udebs           bool             `yaml:"udebs"`
	Installer       []string         `yaml:"installer"`
	AppStream       bool             `yaml:"appstream"`
	Versions        artifact.Section `yaml:"versions"`
}

// Priorities of apt_preferences(5).
const minPriority, maxPriority = -32768, 32767

// ParseSource checks an entry. dir is the definition's folder.
func ParseSource(section artifact.Section, dir string) (Source, error) {
	var spec sourceSpec
	if section.IsText() {
		return Source{}, artifact.Hint(section.Errorf("a source is not a line of sources.list(5)"), "write { name: debian, urls: [URL], suites: [SUITE], components: [main], signed-by: FILE }, or \"sources: host\" for what this machine's apt has")
	}
	if err := section.Decode(&spec); err != nil {
		return Source{}, err
	}
	s := Source{
		Name: spec.Name, Architectures: spec.Architectures, releaseNames: spec.ReleaseNames,
		CheckDates:      spec.CheckDate == nil || *spec.CheckDate,
		CheckValidUntil: spec.CheckValidUntil == nil || *spec.CheckValidUntil,
		Further:         Further{Sources: spec.Sources, Translations: spec.Translations, Contents: spec.Contents, Commands: spec.Commands, Udebs: spec.Udebs, Installer: spec.Installer, AppStream: spec.AppStream},
	}
	switch {
	case spec.Name == "":
		return s, section.Errorf("a source needs a name: it becomes the prefix of its addresses")
	case !artifact.ValidName(spec.Name):
		return s, section.Errorf("source %q: a name has letters, digits and \"-._+~\" only", spec.Name)
	case spec.Debs != nil:
		err := s.parseOwn(section, spec.Debs, dir)
		if err != nil {
			return s, err
		}
	case len(spec.URLs) == 0:
		return s, artifact.Hint(section.Errorf("source %s: urls is missing", spec.Name), "write the addresses of a repository, or \"debs: [../debs/*.deb]\" for packages of your own")
	case len(spec.Suites) == 0:
		return s, section.Errorf("source %s: suites is missing", spec.Name)
	case spec.SignedBy == nil:
		return s, section.Errorf("source %s: signed-by is missing: name the file with the key that signs it", spec.Name)
	}
	if spec.Pin != nil {
		if s.pin = *spec.Pin; s.pin == 0 || s.pin < minPriority || s.pin > maxPriority {
			return s, section.Errorf("source %s: pin: %d: a priority is a number from %d to %d and not 0, as in apt_preferences(5)", spec.Name, s.pin, minPriority, maxPriority)
		}
	}
	for _, u := range spec.URLs {
		clean, err := CleanURL(u)
		if err != nil {
			return s, section.Errorf("source %s: %w", spec.Name, err)
		}
		s.URLs = append(s.URLs, clean)
	}
	for _, name := range spec.Suites {
		if err := CheckSuite(name, spec.Components); err != nil {
			return s, section.Errorf("source %s: %w", spec.Name, err)
		}
		if slices.ContainsFunc(s.Suites, func(o Suite) bool { return deb822.Dists(o.Name) == deb822.Dists(name) }) {
			return s, section.Errorf("source %s: suite %q is listed twice", spec.Name, name)
		}
		s.Suites = append(s.Suites, Suite{name, spec.Components})
	}
	for what, words := range map[string][]string{"component": spec.Components, "architecture": spec.Architectures} {
		for i, word := range words {
			if slices.Contains(words[:i], word) {
				return s, section.Errorf("source %s: %s %q is listed twice", spec.Name, what, word)
			}
		}
	}
	if s.chosen = len(s.Architectures) > 0; !s.chosen && !s.Own() {
		s.Architectures = []string{HostArchitecture()}
	}
	for _, a := range s.Architectures {
		if a == "all" || a == "source" || !artifact.ValidName(a) {
			return s, section.Errorf("source %s: %q is not an architecture: write amd64, arm64, …; packages for all come with each", spec.Name, a)
		}
	}
	if s.Own() {
		return s, nil
	}
	if spec.Versions != nil {
		var word string
		if err := spec.Versions.Decode(&word); err != nil {
			return s, err
		}
		if s.EachSuite = word == "each-suite"; !s.EachSuite && word != "highest" {
			return s, spec.Versions.Errorf("source %s: versions: %q: write each-suite, or highest, which is the default", spec.Name, word)
		}
	}
	if err := s.Further.check(s.Suites); err != nil {
		return s, section.Errorf("source %s: %w", spec.Name, err)
	}
	var err error
	if s.Phased, err = ParsePhased(spec.Phased); err != nil {
		return s, err
	}
	s.Keys, err = signedBy(spec.SignedBy, dir)
	return s, err
}

func signedBy(section artifact.Section, dir string) (openpgp.Keyring, error) {
	var text string
	if err := section.Decode(&text); err != nil {
		return openpgp.Keyring{}, err
	}
	data, where, err := openpgp.KeyText(text, dir)
	if err != nil {
		return openpgp.Keyring{}, artifact.Hint(section.Errorf("signed-by: %w", err), "name a keyring file (armored or binary), relative to the definition's folder, or put the key itself here")
	}
	ring, err := openpgp.Parse(data, where)
	switch {
	case err != nil && where == "signed-by":
		return ring, section.Errorf("%w", err)
	case err != nil:
		return ring, section.Errorf("signed-by: %w", err)
	}
	return ring, nil
}

// CheckSuite checks the name of a suite as sources.list(5) has it: it ends in "/" for a flat repository, which has no components;
// every other suite needs at least one.
func CheckSuite(name string, components []string) error {
	if name == "" || strings.ContainsAny(name, " \t") {
		return fmt.Errorf("invalid suite %q", name)
	}
	if name != "/" && !artifact.ValidPath(path.Clean("./"+strings.TrimSuffix(name, "/"))) && path.Clean(name) != "." {
		return fmt.Errorf("invalid suite %q", name)
	}
	switch {
	case deb822.IsFlat(name) && len(components) > 0:
		return fmt.Errorf("suite %q ends in \"/\", so the repository is flat and has no components", name)
	case !deb822.IsFlat(name) && len(components) == 0:
		return fmt.Errorf("suite %q needs components; a flat repository's suite ends in \"/\"", name)
	}
	for _, c := range components {
		if !artifact.ValidPath(c) {
			return fmt.Errorf("invalid component %q", c)
		}
	}
	return nil
}

// CleanURL checks the address of a repository, and returns it without slashes at its end.
func CleanURL(s string) (string, error) {
	u, err := artifact.ParseAddress(s)
	if err != nil {
		return "", err
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("%q: an address of a repository has no ? and no #", s)
	}
	return strings.TrimRight(s, "/"), nil
}

// HostArchitecture is Debian's name for the architecture that this program runs on.
func HostArchitecture() string {
	return cmp.Or(map[string]string{
		"386": "i386", "arm": "armhf", "mipsle": "mipsel", "mips64le": "mips64el", "ppc64le": "ppc64el",
		"loong64": "loong64", "riscv64": "riscv64", "s390x": "s390x",
	}[runtime.GOARCH], runtime.GOARCH)
}
