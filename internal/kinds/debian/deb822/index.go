package deb822

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"strings"
	"unsafe"
)

// A PackagesIndex is the text of one Packages file.
type PackagesIndex struct {
	Origin   Origin
	Text     string
	Upstream bool // it comes from a source, not from a node or an image
}

// NewPackagesIndex shares the bytes with their owner: the fields of 63,000 stanzas
// are parts of one text and cost nothing more.
func NewPackagesIndex(o Origin, data []byte) *PackagesIndex {
	return &PackagesIndex{Origin: o, Text: unsafe.String(unsafe.SliceData(data), len(data))}
}

// A Stanza is what indexing needs to know of one paragraph. The other fields are
// read when somebody asks.
type Stanza struct {
	Start, End   int // in the text; end is before the line break
	Name         string
	Version      string
	Architecture string
	MultiArch    string
	Essential    string
	Priority     string
	Provides     string
	sha256       string
	sha512       string
	Size         string
	Phased       string // Phased-Update-Percentage
}

// Scan calls found for each package's stanza, with the error that makes it unusable, or nil. It reads
// as apt does (apt-pkg/tagfile.cc): empty lines separate paragraphs; a line
// that begins with a space or tab continues the field above it (Policy 5.1); the last
// of several fields with one name counts; spaces may precede the colon. Lines
// may end in CR LF. Scan differs from apt only for a line that is not a field: apt makes it
// part of the next field's name, which hides that field.
func (x *PackagesIndex) Scan(found func(*Stanza, error)) {
	var s Stanza
	var value *string // of the field above, when indexing needs it
	var begin int     // where that value begins
	var problem error
	var problemAt int
	inside := false
	for at := 0; at <= len(x.Text); {
		line, next := lineAt(x.Text, at)
		switch {
		case line == "" && inside:
			if problem == nil && !s.describes() {
				problem, problemAt = s.check(), s.Start
			}
			if problem != nil {
				found(&s, x.ErrorAt(problemAt, s.Wrap(problem)))
			} else if !s.describes() {
				found(&s, nil)
			}
			s, value, inside, problem = Stanza{}, nil, false, nil
		case line == "":
		default:
			if !inside {
				inside, s.Start = true, at
			}
			s.End = at + len(line)
			if line[0] == ' ' || line[0] == '\t' {
				if value != nil {
					*value = TrimSpace(x.Text[begin:s.End])
				}
				break
			}
			name, colon := FieldName(line)
			if value = nil; colon > 0 {
				value = s.field(name)
			} else if problem == nil {
				problem, problemAt = fmt.Errorf("%q is not a field, \"Name: value\"", Excerpt(line)), at
			}
			if value != nil {
				*value = TrimSpace(line[colon+1:])
				begin = at + colon + 1
			}
		}
		at = next
	}
}

// lineAt returns the line that begins at an offset, without its end, and where
// the next one begins: beyond the text's end after the last, which is empty.
func lineAt(text string, at int) (line string, next int) {
	if at >= len(text) {
		return "", at + 1
	}
	line, next = text[at:], len(text)
	if end := strings.IndexByte(line, '\n'); end >= 0 {
		line, next = line[:end], at+end+1
	}
	return strings.TrimSuffix(line, "\r"), next
}

// FieldName returns the name of the field that a line begins, and the place of its
// colon; 0 when the line is no field.
func FieldName(line string) (name string, colon int) {
	colon = strings.IndexByte(line, ':')
	if colon <= 0 || line[0] <= ' ' {
		return "", 0
	}
	if name = line[:colon]; name[colon-1] == ' ' || name[colon-1] == '\t' {
		name = strings.TrimRight(name, " \t")
	}
	return name, colon
}

// field returns the place of a field that indexing needs. Names are compared
// without case: Policy 5.1.
func (s *Stanza) field(name string) *string {
	is := func(want string) bool { return len(name) == len(want) && strings.EqualFold(name, want) }
	switch name[0] | 0x20 {
	case 'p':
		switch {
		case is("Package"):
			return &s.Name
		case is("Provides"):
			return &s.Provides
		case is("Priority"):
			return &s.Priority
		case is("Phased-Update-Percentage"):
			return &s.Phased
		}
	case 'v':
		if is("Version") {
			return &s.Version
		}
	case 'a':
		if is("Architecture") {
			return &s.Architecture
		}
	case 'm':
		if is("Multi-Arch") {
			return &s.MultiArch
		}
	case 'e':
		if is("Essential") {
			return &s.Essential
		}
	case 's':
		switch {
		case is("SHA256"):
			return &s.sha256
		case is("SHA512"):
			return &s.sha512
		case is("Size"):
			return &s.Size
		}
	}
	return nil
}

// describes reports whether apt takes the stanza for a description, as in Translation files, and not for a
// package. An index without packages may consist of one, so that apt reads it.
func (s *Stanza) describes() bool {
	return s.Name != "" && s.Version == "" && s.Architecture == ""
}

// Digest is the digest that identifies the file: the SHA-256, or the SHA-512 if there is no SHA-256.
func (s *Stanza) Digest() string { return cmp.Or(s.sha256, s.sha512) }

// check checks the fields that every user of the stanza relies on.
func (s *Stanza) check() error {
	switch {
	case s.Name == "":
		return errors.New("a stanza without a Package field")
	case !ValidPackageName(s.Name):
		return fmt.Errorf("invalid Package %q", Excerpt(s.Name))
	case s.Version == "":
		return errors.New("it has no Version")
	case !ValidVersion(s.Version):
		return fmt.Errorf("invalid Version %q", Excerpt(s.Version))
	case s.Architecture == "":
		return errors.New("it has no Architecture")
	case !WellFormed(s.Architecture, "-"):
		return fmt.Errorf("invalid Architecture %q", Excerpt(s.Architecture))
	}
	return nil
}

// Wrap adds the package's name and version, if any, to an error.
func (s *Stanza) Wrap(err error) error {
	switch {
	case !ValidPackageName(s.Name):
		return err
	case !ValidVersion(s.Version):
		return fmt.Errorf("package %s: %w", s.Name, err)
	}
	return fmt.Errorf("package %s %s: %w", s.Name, s.Version, err)
}

// ErrorAt adds the location in the index to an error.
func (x *PackagesIndex) ErrorAt(at int, err error) error { return &indexError{x, at, err} }

// An indexError is an error at an offset of an index. The line number is
// counted only for the error's text.
type indexError struct {
	*PackagesIndex
	at  int
	err error
}

func (e *indexError) Error() string {
	line := strings.Count(e.Text[:e.at], "\n") + 1
	if e.Origin.Source == "" {
		return fmt.Sprintf("line %d: %v", line, e.err)
	}
	return fmt.Sprintf("source %s: %s:%d: %v", e.Origin.Source, e.Origin.file(), line, e.err)
}

func (e *indexError) Unwrap() error { return e.err }

// FieldsOf yields the fields of a stanza with their values, which have their
// continuation lines. It skips what Scan skips.
func FieldsOf(text string) iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for at := 0; at < len(text); {
			end := endOfField(text, at)
			line, _ := lineAt(text[:end], at)
			if name, colon := FieldName(line); colon > 0 && !yield(name, TrimSpace(text[at+colon+1:end])) {
				return
			}
			at = end + 1
		}
	}
}

// StanzaField returns a field's value, with its continuation lines: the last value
// if the field is repeated.
func StanzaField(text, name string) (value string) {
	for at := 0; at < len(text); {
		if len(text)-at > len(name) && strings.EqualFold(text[at:at+len(name)], name) {
			if rest := strings.TrimLeft(text[at+len(name):], " \t"); rest != "" && rest[0] == ':' {
				value = TrimSpace(rest[1:endOfField(rest, 0)])
			}
		}
		end := strings.IndexByte(text[at:], '\n')
		if end < 0 {
			break
		}
		at += end + 1
	}
	return value
}

// endOfField returns the end of the last line of the field that at is in.
func endOfField(text string, at int) int {
	for {
		end := strings.IndexByte(text[at:], '\n')
		if end < 0 {
			return len(text)
		}
		at += end + 1
		if at == len(text) || text[at] != ' ' && text[at] != '\t' {
			return at - 1
		}
	}
}
