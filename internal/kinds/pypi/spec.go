package pypi

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/glob"
	"github.com/minimirror/minimirror/internal/kinds/pypi/pep508"
)

// spec is the "pypi" part of a definition.
type spec struct {
	sources []source
	sets    map[string][]request // what each set asks for
}

// A source is one index that the mirror offers, made from one or more indexes of upstream.
type source struct {
	section     artifact.Section
	name, dir   string // dir is the definition's
	index       string // address, with a final slash
	others      []otherIndex
	targets     []target
	requests    []request
	files       []namedFile
	constraints []namedFile
	sdist       []string // normalised names of projects that may be source distributions
	pre         bool
	all         bool // every version of the requested projects is carried
	installTo   string
}

// An otherIndex is where projects come from whose names match. No other index is asked for them, nor this one for others.
type otherIndex struct {
	address string // with a final slash
	names   []glob.Pattern
}

// A request is a requirement of the definition.
type request struct {
	section artifact.Section
	text    string
	pep508.Requirement
}

// A namedFile is a file of the definition's folder.
type namedFile struct {
	section artifact.Section
	name    string
}

// sourceSpec is an entry as it is written.
type sourceSpec struct {
	Name         string           `yaml:"name"`
	Index        string           `yaml:"index"`
	From         artifact.Section `yaml:"from"`
	Targets      artifact.Section `yaml:"targets"`
	Requirements artifact.Section `yaml:"requirements"`
	Files        artifact.Section `yaml:"files"`
	Constraints  artifact.Section `yaml:"constraints"`
	SDist        artifact.Section `yaml:"sdist"`
	Pre          bool             `yaml:"pre"`
	Versions     string           `yaml:"versions"`
	Install      artifact.Section `yaml:"install"`
}

type otherSpec struct {
	Index string           `yaml:"index"`
	Names artifact.Section `yaml:"names"`
}

type installSpec struct {
	To string `yaml:"to"`
}

// defaultIndex is PyPI.
const defaultIndex = "https://pypi.org/simple/"

// Parse implements artifact.Kind. Files that the definition names are read when resolving.
func (Kind) Parse(section artifact.Section, sets map[string]artifact.Section, dir string) (artifact.Spec, error) {
	var entries []artifact.Section
	if err := section.Decode(&entries); err != nil {
		return nil, artifact.Hint(err, "write, for example: pypi: [ { name: pypi, targets: [ { python: \"3.11\", platform: manylinux_2_28_x86_64 } ], requirements: [ ansible-core ] } ]")
	}
	if len(entries) == 0 {
		return nil, section.Errorf("pypi: the list is empty")
	}
	s := &spec{sets: make(map[string][]request)}
	for _, entry := range entries {
		one, err := parseSource(entry, dir)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(s.sources, func(o source) bool { return o.name == one.name }) {
			return nil, entry.Errorf("pypi: %s is listed twice", one.name)
		}
		s.sources = append(s.sources, one)
	}
	for name, set := range sets {
		requests, err := parseRequests(set)
		if err != nil {
			return nil, err
		}
		s.sets[name] = requests
	}
	return s, nil
}

// errorf is an error about the source, with its place in the definition.
func (s *source) errorf(format string, args ...any) error {
	return s.section.Errorf("pypi: %s: %w", s.name, fmt.Errorf(format, args...))
}

func parseSource(section artifact.Section, dir string) (s source, err error) {
	s = source{section: section, dir: dir}
	var raw sourceSpec
	if section.IsText() {
		return s, section.Errorf("pypi: an index cannot be a string: write { name: pypi, targets: [ … ], requirements: [ … ] }")
	}
	if err := section.Decode(&raw); err != nil {
		return s, err
	}
	s.name, s.pre = raw.Name, raw.Pre
	switch {
	case raw.Name == "":
		return s, section.Errorf("pypi: an index needs a name: its addresses on the mirror begin with /NAME/simple/")
	case !artifact.ValidName(raw.Name):
		return s, section.Errorf("pypi: %q cannot be the name of an index: a name has letters, digits and \"-._+~\" only", raw.Name)
	}
	if s.index, err = indexAddress(raw.Index); err != nil {
		return s, s.errorf("index: %w", err)
	}
	if err := s.parseFrom(raw.From); err != nil {
		return s, err
	}
	if raw.Targets == nil {
		return s, artifact.Hint(s.errorf("targets is missing: for which Python and platform are the packages?"), "write, for example: targets: [ { python: \"3.11\", platform: manylinux_2_28_x86_64 } ]")
	}
	if s.targets, err = parseTargets(raw.Targets); err != nil {
		return s, err
	}
	if raw.Requirements == nil && raw.Files == nil {
		return s, artifact.Hint(s.errorf("requirements and files are missing: which packages are carried?"), "write, for example: requirements: [ \"ansible-core>=2.16\" ]")
	}
	if raw.Requirements != nil {
		if s.requests, err = parseRequests(raw.Requirements); err != nil {
			return s, err
		}
	}
	if s.files, err = parseFiles(raw.Files); err == nil {
		s.constraints, err = parseFiles(raw.Constraints)
	}
	if err != nil {
		return s, err
	}
	if err := s.parseSDist(raw.SDist); err != nil {
		return s, err
	}
	switch raw.Versions {
	case "", "one":
	case "all":
		s.all = true
	default:
		return s, artifact.Hint(s.errorf("versions: %q is not a choice of versions", raw.Versions), "write versions: all to carry every version of the named projects, or leave it out")
	}
	return s, s.parseInstall(raw.Install)
}

// indexAddress checks the address of an index; without one it is PyPI's.
func indexAddress(text string) (string, error) {
	if text == "" {
		return defaultIndex, nil
	}
	u, err := artifact.ParseAddress(text)
	switch {
	case err != nil:
		return "", err
	case u.Scheme == "file" || u.RawQuery != "" || u.Fragment != "":
		return "", fmt.Errorf("%q is not the address of an index, such as %s", text, defaultIndex)
	}
	return strings.TrimRight(u.String(), "/") + "/", nil
}

// parseFrom reads which index certain names come from.
func (s *source) parseFrom(section artifact.Section) error {
	if section == nil {
		return nil
	}
	const example = "write, for example: from: [ { index: https://python.example.org/simple/, names: [ \"acme-*\" ] } ]"
	var entries []artifact.Section
	if err := section.Decode(&entries); err != nil {
		return artifact.Hint(err, example)
	}
	for _, entry := range entries {
		var raw otherSpec
		if err := entry.Decode(&raw); err != nil {
			return artifact.Hint(err, example)
		}
		if raw.Index == "" || raw.Names == nil {
			return artifact.Hint(entry.Errorf("pypi: %s: from: an index and names are needed", s.name), example)
		}
		address, err := indexAddress(raw.Index)
		if err != nil {
			return entry.Errorf("pypi: %s: from: %w", s.name, err)
		}
		other := otherIndex{address: address}
		names, err := texts(raw.Names)
		if err != nil {
			return err
		}
		for _, name := range names {
			p, err := glob.Parse(strings.ToLower(name.text))
			if err != nil {
				return name.section.Errorf("pypi: %s: from: %q is not a valid pattern: %w", s.name, name.text, err)
			}
			if exact, is := p.Exact(); is {
				if p, err = glob.Parse(pep508.NormalizeName(exact)); err != nil {
					return err
				}
			}
			other.names = append(other.names, p)
		}
		s.others = append(s.others, other)
	}
	return nil
}

// A text is an element of a list.
type text struct {
	section artifact.Section
	text    string
}

// texts reads a text, or a list of texts.
func texts(section artifact.Section) (all []text, err error) {
	entries := []artifact.Section{section}
	if !section.IsText() {
		entries = nil
		if err := section.Decode(&entries); err != nil {
			return nil, err
		}
	}
	for _, entry := range entries {
		t := text{section: entry}
		if err := entry.Decode(&t.text); err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, nil
}

// parseRequests reads requirements. One with an address is refused here; those of packages, when resolving.
func parseRequests(section artifact.Section) (all []request, err error) {
	list, err := texts(section)
	if err != nil {
		return nil, artifact.Hint(err, "write a list of requirements: [ \"ansible-core>=2.16,<2.18\", \"requests[socks]\" ]")
	}
	if len(list) == 0 {
		return nil, section.Errorf("pypi: the list is empty: name at least one project, or leave out the key")
	}
	for _, t := range list {
		r := request{section: t.section, text: t.text}
		if r.Requirement, err = pep508.ParseRequirement(t.text); err != nil {
			return nil, t.section.Errorf("pypi: %w", err)
		}
		if r.URL != "" {
			return nil, artifact.Hint(t.section.Errorf("pypi: %s is required from the address %s: only what an index has can be carried", r.Name, artifact.Redacted(r.URL)),
				"build a wheel of it, put that into an index of your own, and name the index in from:")
		}
		all = append(all, r)
	}
	return all, nil
}

func parseFiles(section artifact.Section) (all []namedFile, err error) {
	if section == nil {
		return nil, nil
	}
	list, err := texts(section)
	if err != nil {
		return nil, artifact.Hint(err, "write the name of a file, relative to the definition's folder, or a list of names")
	}
	for _, t := range list {
		if t.text == "" {
			return nil, t.section.Errorf("pypi: the name of a file is empty")
		}
		all = append(all, namedFile{t.section, t.text})
	}
	return all, nil
}

func (s *source) parseSDist(section artifact.Section) error {
	if section == nil {
		return nil
	}
	list, err := texts(section)
	if err != nil {
		return err
	}
	for _, t := range list {
		if !pep508.ValidName(t.text) {
			return t.section.Errorf("pypi: %s: sdist: %q is not the name of a project", s.name, t.text)
		}
		s.sdist = append(s.sdist, pep508.NormalizeName(t.text))
	}
	return nil
}

func (s *source) parseInstall(section artifact.Section) error {
	s.installTo = defaultFolder(s.name)
	if section == nil {
		return nil
	}
	var raw installSpec
	if err := section.Decode(&raw); err != nil {
		return artifact.Hint(err, "write, for example: install: { to: /opt/ansible }")
	}
	if !validFolder.MatchString(raw.To) || path.Clean(raw.To) != raw.To {
		return section.Errorf("pypi: %s: install: to: %q is not the absolute path of a folder", s.name, raw.To)
	}
	s.installTo = raw.To
	return nil
}

// defaultFolder is the virtual environment of a source.
func defaultFolder(source string) string { return "/opt/" + source }

// validFolder is the path of a virtual environment: the scripts in it have the path in their first line, where nothing can be quoted.
var validFolder = regexp.MustCompile(`^(/[A-Za-z0-9._+@-]+)+$`)

// indexOf is the address of the index that a project comes from.
func (s *source) indexOf(project string) string {
	for i := range s.others {
		for n := range s.others[i].names {
			if s.others[i].names[n].Match(project) {
				return s.others[i].address
			}
		}
	}
	return s.index
}
