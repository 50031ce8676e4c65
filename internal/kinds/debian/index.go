package debian

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"unsafe"
)

// A packagesIndex is the text of one Packages file.
type packagesIndex struct {
	origin Origin
	data   []byte
	text   string // the same bytes
}

// newPackagesIndex shares the bytes with their owner: the fields of 63,000 stanzas
// are parts of one text and cost nothing more.
func newPackagesIndex(o Origin, data []byte) *packagesIndex {
	return &packagesIndex{o, data, unsafe.String(unsafe.SliceData(data), len(data))}
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
}

// scan calls found for each package's stanza. Paragraphs are parted by empty lines;
// a line that begins with a space or tab continues the field above it: Policy
// 5.1. Lines may end in CR LF.
func (x *packagesIndex) scan(found func(*stanza) error) error {
	var s stanza
	var value *string // of the field above, when indexing needs it
	var begin int     // where that value begins
	inside := false
	for at := 0; at <= len(x.text); {
		line, next := lineAt(x.text, at)
		var err error
		switch {
		case line == "" && inside:
			if !s.describes() {
				if err = s.check(); err == nil {
					err = found(&s)
				}
			}
			if err != nil {
				return x.errorAt(s.start, err)
			}
			s, value, inside = stanza{}, nil, false
		case line == "":
		case (line[0] == ' ' || line[0] == '\t') && inside:
			s.end = at + len(line)
			if value != nil {
				*value = trimSpace(x.text[begin:s.end])
			}
		default:
			if !inside {
				inside, s.start = true, at
			}
			s.end = at + len(line)
			var colon int
			if value, colon, err = s.take(line); err != nil {
				return x.errorAt(at, err)
			}
			begin = at + colon + 1
		}
		at = next
	}
	return nil
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

// take reads the line "Field: value". It returns where it put the value, nil
// when indexing does not need the field, and the place of the colon.
func (s *stanza) take(line string) (value *string, colon int, err error) {
	colon = strings.IndexByte(line, ':')
	if colon <= 0 || line[0] == '#' || line[0] == '-' || strings.ContainsAny(line[:colon], " \t") {
		return nil, 0, fmt.Errorf("%q is not a field, \"Name: value\"", excerpt(line))
	}
	if value = s.field(line[:colon]); value == nil {
		return nil, colon, nil
	}
	if *value != "" {
		return nil, 0, fmt.Errorf("the field %s is there twice", line[:colon])
	}
	*value = trimSpace(line[colon+1:])
	return value, colon, nil
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

// digest is the strongest that pins rest on: the SHA-256, or the SHA-512 where that is all.
func (s *stanza) digest() string { return cmp.Or(s.sha256, s.sha512) }

// check holds the stanza to what every user of it relies on.
func (s *stanza) check() error {
	switch {
	case s.name == "":
		return fmt.Errorf("a stanza without a Package field")
	case !validPackageName(s.name):
		return fmt.Errorf("invalid Package %q", excerpt(s.name))
	case s.version == "":
		return fmt.Errorf("package %s has no Version", s.name)
	case !validVersion(s.version):
		return fmt.Errorf("package %s: invalid Version %q", s.name, excerpt(s.version))
	case s.architecture == "":
		return fmt.Errorf("package %s %s has no Architecture", s.name, s.version)
	case !wellFormed(s.architecture, "-"):
		return fmt.Errorf("package %s %s: invalid Architecture %q", s.name, s.version, excerpt(s.architecture))
	}
	if s.size != "" {
		if n, err := strconv.ParseInt(s.size, 10, 64); err != nil || n < 0 {
			return fmt.Errorf("package %s %s: invalid Size %q", s.name, s.version, excerpt(s.size))
		}
	}
	return nil
}

// errorAt adds the number of the line at an offset.
func (x *packagesIndex) errorAt(at int, err error) error {
	return fmt.Errorf("line %d: %w", strings.Count(x.text[:at], "\n")+1, err)
}

// stanzaField returns a field's value, with its continuation lines.
func stanzaField(text, name string) string {
	for at := 0; at < len(text); {
		if len(text)-at > len(name) && text[at+len(name)] == ':' && strings.EqualFold(text[at:at+len(name)], name) {
			begin := at + len(name) + 1
			end := endOfField(text, begin)
			return trimSpace(text[begin:end])
		}
		end := strings.IndexByte(text[at:], '\n')
		if end < 0 {
			break
		}
		at += end + 1
	}
	return ""
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
