package debian

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"strings"
	"unsafe"
)

// A packagesIndex is the text of one Packages file.
type packagesIndex struct {
	origin   Origin
	data     []byte
	text     string // the same bytes
	upstream bool   // it comes from a source, not from a node or an image
}

// newPackagesIndex shares the bytes with their owner: the fields of 63,000 stanzas
// are parts of one text and cost nothing more.
func newPackagesIndex(o Origin, data []byte) *packagesIndex {
	return &packagesIndex{origin: o, data: data, text: unsafe.String(unsafe.SliceData(data), len(data))}
}

// A stanza is what indexing needs to know of one paragraph. The other fields are
// read when somebody asks.
type stanza struct {
	start, end   int // in the text; end is before the line break
	name         string
	version      string
	architecture string
	multiArch    string
	essential    string
	priority     string
	provides     string
	sha256       string
	sha512       string
	size         string
	phased       string // Phased-Update-Percentage
}

// scan calls found for each package's stanza, with the error that makes it unusable, or nil. It reads
// as apt does (apt-pkg/tagfile.cc): empty lines separate paragraphs; a line
// that begins with a space or tab continues the field above it (Policy 5.1); the last
// of several fields with one name counts; spaces may precede the colon. Lines
// may end in CR LF. scan differs from apt only for a line that is not a field: apt makes it
// part of the next field's name, which hides that field.
func (x *packagesIndex) scan(found func(*stanza, error)) {
	var s stanza
	var value *string // of the field above, when indexing needs it
	var begin int     // where that value begins
	var problem error
	var problemAt int
	inside := false
	for at := 0; at <= len(x.text); {
		line, next := lineAt(x.text, at)
		switch {
		case line == "" && inside:
			if problem == nil && !s.describes() {
				problem, problemAt = s.check(), s.start
			}
			if problem != nil {
				found(&s, x.errorAt(problemAt, s.wrap(problem)))
			} else if !s.describes() {
				found(&s, nil)
			}
			s, value, inside, problem = stanza{}, nil, false, nil
		case line == "":
		default:
			if !inside {
				inside, s.start = true, at
			}
			s.end = at + len(line)
			if line[0] == ' ' || line[0] == '\t' {
				if value != nil {
					*value = trimSpace(x.text[begin:s.end])
				}
				break
			}
			name, colon := fieldName(line)
			if value = nil; colon > 0 {
				value = s.field(name)
			} else if problem == nil {
				problem, problemAt = fmt.Errorf("%q is not a field, \"Name: value\"", excerpt(line)), at
			}
			if value != nil {
				*value = trimSpace(line[colon+1:])
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

// fieldName returns the name of the field that a line begins, and the place of its
// colon; 0 when the line is no field.
func fieldName(line string) (name string, colon int) {
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
func (s *stanza) field(name string) *string {
	is := func(want string) bool { return len(name) == len(want) && strings.EqualFold(name, want) }
	switch name[0] | 0x20 {
	case 'p':
		switch {
		case is("Package"):
			return &s.name
		case is("Provides"):
			return &s.provides
		case is("Priority"):
			return &s.priority
		case is("Phased-Update-Percentage"):
			return &s.phased
		}
	case 'v':
		if is("Version") {
			return &s.version
		}
	case 'a':
		if is("Architecture") {
			return &s.architecture
		}
	case 'm':
		if is("Multi-Arch") {
			return &s.multiArch
		}
	case 'e':
		if is("Essential") {
			return &s.essential
		}
	case 's':
		switch {
		case is("SHA256"):
			return &s.sha256
		case is("SHA512"):
			return &s.sha512
		case is("Size"):
			return &s.size
		}
	}
	return nil
}

// describes reports whether apt takes the stanza for a description, as in Translation files, and not for a
// package. An index that lists nothing may consist of one: see emptyIndex.
func (s *stanza) describes() bool {
	return s.name != "" && s.version == "" && s.architecture == ""
}

// digest is the digest that identifies the file: the SHA-256, or the SHA-512 if there is no SHA-256.
func (s *stanza) digest() string { return cmp.Or(s.sha256, s.sha512) }

// check checks the fields that every user of the stanza relies on.
func (s *stanza) check() error {
	switch {
	case s.name == "":
		return errors.New("a stanza without a Package field")
	case !validPackageName(s.name):
		return fmt.Errorf("invalid Package %q", excerpt(s.name))
	case s.version == "":
		return errors.New("it has no Version")
	case !validVersion(s.version):
		return fmt.Errorf("invalid Version %q", excerpt(s.version))
	case s.architecture == "":
		return errors.New("it has no Architecture")
	case !wellFormed(s.architecture, "-"):
		return fmt.Errorf("invalid Architecture %q", excerpt(s.architecture))
	}
	return nil
}

// wrap adds the package's name and version, if any, to an error.
func (s *stanza) wrap(err error) error {
	switch {
	case !validPackageName(s.name):
		return err
	case !validVersion(s.version):
		return fmt.Errorf("package %s: %w", s.name, err)
	}
	return fmt.Errorf("package %s %s: %w", s.name, s.version, err)
}

// errorAt adds the location in the index to an error.
func (x *packagesIndex) errorAt(at int, err error) error { return &indexError{x, at, err} }

// An indexError is an error at an offset of an index. The line number is
// counted only for the error's text.
type indexError struct {
	*packagesIndex
	at  int
	err error
}

func (e *indexError) Error() string {
	line := strings.Count(e.text[:e.at], "\n") + 1
	if e.origin.Source == "" {
		return fmt.Sprintf("line %d: %v", line, e.err)
	}
	return fmt.Sprintf("source %s: %s:%d: %v", e.origin.Source, e.origin.file(), line, e.err)
}

func (e *indexError) Unwrap() error { return e.err }

// fieldsOf yields the fields of a stanza with their values, which have their
// continuation lines. It yields nothing that scan skips.
func fieldsOf(text string) iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for at := 0; at < len(text); {
			end := endOfField(text, at)
			line, _ := lineAt(text[:end], at)
			if name, colon := fieldName(line); colon > 0 && !yield(name, trimSpace(text[at+colon+1:end])) {
				return
			}
			at = end + 1
		}
	}
}

// stanzaField returns a field's value, with its continuation lines: the last value
// if the field is repeated.
func stanzaField(text, name string) (value string) {
	for at := 0; at < len(text); {
		if len(text)-at > len(name) && strings.EqualFold(text[at:at+len(name)], name) {
			if rest := strings.TrimLeft(text[at+len(name):], " \t"); rest != "" && rest[0] == ':' {
				value = trimSpace(rest[1:endOfField(rest, 0)])
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
