package advisories

import (
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/jsonschema"
)

// A source is an entry of the "advisories" part of a definition.
type source struct {
	section  artifact.Section
	name     string
	format   string // tracker or osv
	address  string // as it is written
	file     string // the path on this machine; empty: it is an address
	date     time.Time
	releases []string // to keep; none: all
}

// Formats, which are also keys of an entry.
const (
	formatTracker = "tracker"
	formatOSV     = "osv"
)

// sourceSpec is an entry as it is written.
type sourceSpec struct {
	Name     string           `yaml:"name"`
	Tracker  string           `yaml:"tracker"`
	OSV      string           `yaml:"osv"`
	Date     artifact.Section `yaml:"date"`
	Releases artifact.Section `yaml:"releases"`
}

const example = "write, for example: advisories: [ { name: tracker, tracker: https://security-tracker.debian.org/tracker/data/json } ]"

// Parse implements artifact.Kind.
func (Kind) Parse(section artifact.Section, sets map[string]artifact.Section, dir string) (artifact.Spec, error) {
	for _, set := range sets {
		return nil, set.Errorf("advisories are not installed on nodes, so sets do not have them")
	}
	var entries []artifact.Section
	if err := section.Decode(&entries); err != nil {
		return nil, artifact.Hint(err, example)
	}
	if len(entries) == 0 {
		return nil, artifact.Hint(section.Errorf("advisories: the list is empty"), example)
	}
	var all []source
	for _, entry := range entries {
		s, err := parseSource(entry, dir)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(all, func(o source) bool { return o.name == s.name }) {
			return nil, entry.Errorf("duplicate source %q", s.name)
		}
		all = append(all, s)
	}
	return all, nil
}

func parseSource(section artifact.Section, dir string) (s source, err error) {
	s.section = section
	if section.IsText() {
		return s, artifact.Hint(section.Errorf("a source of advisories cannot be a string"), example)
	}
	var raw sourceSpec
	if err := section.Decode(&raw); err != nil {
		return s, err
	}
	s.name = raw.Name
	switch {
	case raw.Name == "":
		return s, artifact.Hint(section.Errorf("a source of advisories needs a name"), example)
	case !artifact.ValidName(raw.Name):
		return s, section.Errorf("source %q: a name has letters, digits and \"-._+~\" only", raw.Name)
	case raw.Tracker != "" && raw.OSV != "":
		return s, section.Errorf("source %s: it has both tracker and osv: write a source for each", raw.Name)
	case raw.Tracker != "":
		s.format, s.address = formatTracker, raw.Tracker
	case raw.OSV != "":
		s.format, s.address = formatOSV, raw.OSV
	default:
		return s, artifact.Hint(section.Errorf("source %s: one of the keys tracker and osv is missing: where do its advisories come from?", raw.Name), example)
	}
	if strings.Contains(s.address, "://") {
		if _, err := artifact.ParseAddress(s.address); err != nil {
			return s, section.Errorf("source %s: %s: %w", s.name, s.format, err)
		}
	} else if s.file = s.address; !filepath.IsAbs(s.file) {
		s.file = filepath.Join(dir, s.file)
	}
	if raw.Date != nil {
		if s.date, err = parseDate(raw.Date); err != nil {
			return s, err
		}
	}
	if raw.Releases != nil {
		if err := raw.Releases.Decode(&s.releases); err != nil {
			return s, err
		}
		if len(s.releases) == 0 {
			return s, raw.Releases.Errorf("releases: the list is empty: name at least one, or leave out the key")
		}
	}
	return s, nil
}

// parseDate reads a date, or a date and a time.
func parseDate(section artifact.Section) (time.Time, error) {
	var text string
	if err := section.Decode(&text); err != nil {
		return time.Time{}, artifact.Hint(err, `write the date in quotes: date: "2026-11-30"`)
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if date, err := time.Parse(layout, text); err == nil {
			return date.UTC(), nil
		}
	}
	return time.Time{}, section.Errorf("date: %q is neither a date such as 2026-11-30 nor a time such as 2026-11-30T12:00:00Z", text)
}

// Schema implements artifact.Schemer.
func (Kind) Schema() (section, set map[string]any) {
	about := func(text string) jsonschema.Schema { return jsonschema.Schema{"description": text} }
	source := jsonschema.Struct[sourceSpec](jsonschema.Fields{
		"name":     about("name of the source"),
		"tracker":  about("address of the data of Debian's security tracker, or a file with it, relative to the definition's folder"),
		"osv":      about("address or file of advisories in the OSV format, such as an ecosystem's all.zip"),
		"date":     jsonschema.Text().About("when the data in a file was created (default: its modification time); \"2026-11-30\" or \"2026-11-30T12:00:00Z\""),
		"releases": jsonschema.List(jsonschema.Text()).About("releases of a distribution to keep, by codename or, for osv, by number (default: all)"),
	}, "name")
	return jsonschema.List(source), jsonschema.List(jsonschema.Text())
}
