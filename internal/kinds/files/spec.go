package files

import (
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// spec is the "files" part of a definition.
type spec struct {
	sources []source
	sets    map[string][]pattern // what each set asks for
}

// A source is one entry of it.
type source struct {
	section    artifact.Section
	name       string
	way        way
	address    string // without a final slash; of fromPath as it is written
	dir        string // the definition's, to which a path is relative
	list       checksums
	take       []pattern
	charts     []chartRequest
	version    string
	attributes artifact.Attributes
	content    artifact.Content // of fromURL
	install    placement
}

// A placement is where a file goes on nodes.
type placement struct {
	to   string // an absolute folder; empty: /opt/SOURCE
	mode fs.FileMode
}

const defaultMode = 0o644

// Parse implements artifact.Kind. Keys are read here, and folders only when resolving.
func (Kind) Parse(section artifact.Section, sets map[string]artifact.Section, dir string) (artifact.Spec, error) {
	var entries []artifact.Section
	if err := section.Decode(&entries); err != nil {
		return nil, artifact.Hint(err, "write, for example: files: [ { name: tool, url: https://vendor.example.org/tool-2.1.run, sha256: … } ]")
	}
	if len(entries) == 0 {
		return nil, section.Errorf("files: the list is empty")
	}
	s := &spec{sets: make(map[string][]pattern)}
	for _, entry := range entries {
		one, err := parseSource(entry, dir)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(s.sources, func(o source) bool { return o.name == one.name }) {
			return nil, entry.Errorf("duplicate source %q", one.name)
		}
		s.sources = append(s.sources, one)
	}
	for name, set := range sets {
		var err error
		if s.sets[name], err = parsePatterns(set); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// sourceSpec is an entry as it is written.
type sourceSpec struct {
	Name         string           `yaml:"name"`
	From         string           `yaml:"from"`
	Checksums    artifact.Section `yaml:"checksums"`
	URL          string           `yaml:"url"`
	SHA256       string           `yaml:"sha256"`
	SHA512       string           `yaml:"sha512"`
	Helm         string           `yaml:"helm"`
	Charts       artifact.Section `yaml:"charts"`
	Path         string           `yaml:"path"`
	Take         artifact.Section `yaml:"take"`
	Version      string           `yaml:"version"`
	Architecture string           `yaml:"architecture"`
	Platform     string           `yaml:"platform"`
	Install      artifact.Section `yaml:"install"`
}

// keysOf are the keys that belong to one way only.
var keysOf = map[way][]string{
	fromFolder: {"checksums", "take"},
	fromURL:    {"sha256", "sha512"},
	fromHelm:   {"charts"},
	fromPath:   {"take"},
}

func parseSource(section artifact.Section, dir string) (source, error) {
	s := source{section: section, dir: dir}
	var raw sourceSpec
	if section.IsText() {
		return s, section.Errorf("a source cannot be a string: write { name: NAME, url: ADDRESS, sha256: DIGEST }, or from:, helm: or path: instead of url:")
	}
	if err := section.Decode(&raw); err != nil {
		return s, err
	}
	s.name = raw.Name
	switch {
	case raw.Name == "":
		return s, section.Errorf("a source needs a name: its files have addresses that begin with /files/NAME/")
	case !artifact.ValidName(raw.Name):
		return s, section.Errorf("source %q: a name has letters, digits and \"-._+~\" only", raw.Name)
	}
	for w, address := range map[way]string{fromFolder: raw.From, fromURL: raw.URL, fromHelm: raw.Helm, fromPath: raw.Path} {
		if address == "" {
			continue
		}
		if s.way != "" {
			return s, s.errorf("it has several of the keys from, url, helm and path: write a source for each")
		}
		s.way, s.address = w, address
	}
	if s.way == "" {
		return s, s.errorf("one of the keys from, url, helm and path is missing: where do its files come from?")
	}
	for key, given := range map[string]bool{"checksums": raw.Checksums != nil, "take": raw.Take != nil, "sha256": raw.SHA256 != "", "sha512": raw.SHA512 != "", "charts": raw.Charts != nil} {
		if given && !slices.Contains(keysOf[s.way], key) {
			return s, s.errorf("%s does not go with %s", key, s.way)
		}
	}
	if err := s.attribute(raw); err != nil {
		return s, err
	}
	if err := s.parseInstall(raw.Install); err != nil {
		return s, err
	}
	var err error
	if raw.Take != nil {
		if s.take, err = parsePatterns(raw.Take); err != nil {
			return s, err
		}
	}
	if s.way != fromPath {
		if s.address, err = cleanURL(s.address); err != nil {
			return s, s.errorf("%s: %w", s.way, err)
		}
	}
	switch s.way {
	case fromFolder:
		return s, s.parseFolder(raw)
	case fromURL:
		return s, s.parseURL(raw)
	case fromHelm:
		return s, s.parseHelm(raw)
	}
	return s, nil
}

// errorf is an error about the source, with its place in the definition.
func (s *source) errorf(format string, args ...any) error {
	return s.section.Errorf("source %s: %w", s.name, fmt.Errorf(format, args...))
}

// attribute reads what the definition says of all files of the source.
func (s *source) attribute(raw sourceSpec) error {
	s.version = raw.Version
	values := make(map[string][]string)
	for name, value := range map[string]string{"architecture": raw.Architecture, "platform": raw.Platform} {
		if value == "" {
			continue
		}
		if strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
			return s.errorf("%s: %q is not one word", name, value)
		}
		values[name] = []string{value}
	}
	if strings.ContainsFunc(s.version, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return s.errorf("version: %q is not one word", s.version)
	}
	s.attributes = artifact.NewAttributes(values)
	return nil
}

// installSpec is the value of "install" as it is written.
type installSpec struct {
	To   string `yaml:"to"`
	Mode string `yaml:"mode"`
}

func (s *source) parseInstall(section artifact.Section) error {
	s.install = placement{mode: defaultMode}
	if section == nil {
		return nil
	}
	var raw installSpec
	if err := section.Decode(&raw); err != nil {
		return artifact.Hint(err, `write, for example: install: { to: /usr/local/bin, mode: "0755" }`)
	}
	if raw.To != "" && (!path.IsAbs(raw.To) || path.Clean(raw.To) != raw.To || raw.To != "/" && !artifact.ValidPath(raw.To[1:])) {
		return section.Errorf("to: %q is not the absolute path of a folder", raw.To)
	}
	s.install.to = raw.To
	if raw.Mode != "" {
		mode, err := strconv.ParseUint(raw.Mode, 8, 32)
		if err != nil || mode > 0o777 {
			return section.Errorf("mode: %q is not a mode: write \"0644\" or \"0755\"", raw.Mode)
		}
		s.install.mode = fs.FileMode(mode)
	}
	return nil
}

func (s *source) parseURL(raw sourceSpec) error {
	if name := urlName(s.address); !carriable(name) {
		return s.errorf("url: %q does not end in a file name", s.address)
	}
	s.content = artifact.Content{Size: -1, SHA256: strings.ToLower(raw.SHA256), SHA512: strings.ToLower(raw.SHA512)}
	if !s.content.Identified() {
		return artifact.Hint(s.errorf("sha256 is missing: without it, the file cannot be verified"), "ask upstream for its digest, and add: sha256: DIGEST")
	}
	return s.checkDigests(s.content, "")
}

// checkDigests checks how the digests of a definition are written.
func (s *source) checkDigests(c artifact.Content, where string) error {
	if c.SHA256 != "" && !artifact.ValidSHA256(c.SHA256) {
		return s.errorf("%ssha256: %q is not 64 hexadecimal digits", where, c.SHA256)
	}
	if c.SHA512 != "" && !artifact.ValidSHA512(c.SHA512) {
		return s.errorf("%ssha512: %q is not 128 hexadecimal digits", where, c.SHA512)
	}
	return nil
}

// urlName is the name of the file that an address ends with.
func urlName(address string) string {
	u, err := url.Parse(address)
	if err != nil || strings.HasSuffix(u.Path, "/") {
		return ""
	}
	return path.Base(u.Path)
}

// ours are the names in a source's folder that the mirror makes itself.
var ours = []string{sumsFile, sumsSignature}

// carriable reports whether a file can have the path below a source.
func carriable(file string) bool { return artifact.ValidPath(file) && !slices.Contains(ours, file) }

func cleanURL(text string) (string, error) {
	u, err := artifact.ParseAddress(text)
	if err != nil {
		return "", err
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("%q: the address of a file must not contain ? or #", text)
	}
	return strings.TrimRight(text, "/"), nil
}
