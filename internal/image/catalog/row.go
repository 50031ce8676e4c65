package catalog

import (
	"strconv"
	"strings"
)

// A scannedRow is a row of which there are so many that package json, which looks at each byte
// three times and at each field by reflection, would take most of a server's start.
type scannedRow interface {
	// scan reads the row in the form that Encode writes: one object without spaces, with known
	// keys and values of their types. For anything else it reports false, and the caller uses package json; what it has
	// filled in until then is invalid. If it reports true, it has read what package json would have.
	//
	// line is valid UTF-8. The strings of the row are substrings of it.
	scan(line string) bool
}

var _, _, _ scannedRow = (*itemRow)(nil), (*briefRow)(nil), (*setMember)(nil)

func (r *itemRow) scan(line string) bool {
	return scanObject(line, func(s *rowScanner, key string) bool { return r.scanField(s, key, false) })
}

func (b *briefRow) scan(line string) bool {
	return scanObject(line, func(s *rowScanner, key string) bool { return b.scanField(s, key, true) })
}

func (m *setMember) scan(line string) bool {
	return scanObject(line, func(s *rowScanner, key string) bool {
		if key == "set" {
			return s.text(&m.Set)
		}
		return m.scanField(s, key, false)
	})
}

// scanField reads a field; a brief row has no URLs and no Metadata.
func (r *itemRow) scanField(s *rowScanner, key string, brief bool) bool {
	switch key {
	case "kind":
		return s.text(&r.Kind)
	case "source":
		return s.text(&r.Source)
	case "name":
		return s.text(&r.Name)
	case "version":
		return s.text(&r.Version)
	case "attributes":
		return r.attributes == "" && s.object(&r.attributes)
	case "security":
		return s.truth(&r.Security)
	case "requested":
		return s.truth(&r.Requested)
	case "key":
		return s.text(&r.Key)
	case "files":
		return r.Files == nil && r.scanFiles(s, brief)
	case "metadata":
		if brief {
			return s.skipTexts()
		}
		return s.texts(&r.Metadata)
	case "alias_of":
		return s.texts(&r.Of)
	case "architecture":
		return s.text(&r.Architecture)
	case "channels":
		return s.texts(&r.Channels)
	}
	old := fileRow{r.Path, r.Size, r.SHA256, r.URLs, r.Layer, r.Offset}
	ok := old.scanField(s, key, brief)
	r.Path, r.Size, r.SHA256, r.URLs, r.Layer, r.Offset = old.Path, old.Size, old.SHA256, old.URLs, old.Layer, old.Offset
	return ok
}

func (r *itemRow) scanFiles(s *rowScanner, brief bool) bool {
	if !s.take('[') || !strings.HasPrefix(s.rest, "{") {
		return false
	}
	r.Files = make([]fileRow, 0, 1)
	for {
		r.Files = append(r.Files, fileRow{})
		f := &r.Files[len(r.Files)-1]
		if !s.fields(func(key string) bool { return f.scanField(s, key, brief) }) {
			return false
		}
		if s.take(']') {
			return true
		}
		if !s.take(',') {
			return false
		}
	}
}

func (f *fileRow) scanField(s *rowScanner, key string, brief bool) bool {
	switch key {
	case "path":
		return s.text(&f.Path)
	case "size":
		return s.number(&f.Size)
	case "sha256":
		return s.text(&f.SHA256)
	case "urls":
		if brief {
			return s.skipTexts()
		}
		return s.texts(&f.URLs)
	case "layer":
		var layer int64
		ok := s.number(&layer)
		f.Layer = int(layer)
		return ok && int64(f.Layer) == layer
	case "offset":
		return s.number(&f.Offset)
	}
	return false
}

// scanObject reads a line that is one object; field reads its values.
func scanObject(line string, field func(s *rowScanner, key string) bool) bool {
	s := rowScanner{rest: line}
	return s.fields(func(key string) bool { return field(&s, key) }) && s.rest == ""
}

// A rowScanner reads JSON (RFC 8259), as far as rows need it. Its methods report false where the text
// is anything else.
type rowScanner struct{ rest string }

func (s *rowScanner) take(b byte) bool {
	if s.rest == "" || s.rest[0] != b {
		return false
	}
	s.rest = s.rest[1:]
	return true
}

// fields reads an object with at least one field.
func (s *rowScanner) fields(field func(key string) bool) bool {
	if !s.take('{') {
		return false
	}
	for {
		var key string
		if !s.text(&key) || !s.take(':') || !field(key) {
			return false
		}
		if s.take('}') {
			return true
		}
		if !s.take(',') {
			return false
		}
	}
}

// object reads an object whose values are strings or lists of strings, and returns its source text. For a repeated name, package json
// takes the last value, and so do the readers of the text.
func (s *rowScanner) object(to *string) bool {
	begin := s.rest
	ok := s.fields(func(string) bool {
		if strings.HasPrefix(s.rest, "[") {
			return s.skipTexts()
		}
		_, _, ok := s.raw()
		return ok
	})
	*to = begin[:len(begin)-len(s.rest)]
	return ok
}

// raw reads a string and leaves its escapes as they are.
func (s *rowScanner) raw() (text string, escaped, ok bool) {
	if !s.take('"') {
		return "", false, false
	}
	for i := 0; i < len(s.rest); i++ {
		switch c := s.rest[i]; {
		case c == '"':
			text, s.rest = s.rest[:i], s.rest[i+1:]
			return text, escaped, true
		case c == '\\':
			escaped = true
			if i++; i == len(s.rest) || strings.IndexByte(escapes, s.rest[i]) < 0 {
				return "", false, false
			}
		case c < ' ':
			return "", false, false
		}
	}
	return "", false, false
}

// escapes are the characters that may follow a backslash, but for \u, and escapeOf what they mean.
const (
	escapes  = `"\/bfnrt`
	escapeOf = "\"\\/\b\f\n\r\t"
)

func (s *rowScanner) text(to *string) bool {
	raw, escaped, ok := s.raw()
	if escaped {
		var b strings.Builder
		for {
			before, after, more := strings.Cut(raw, `\`)
			b.WriteString(before)
			if !more {
				break
			}
			b.WriteByte(escapeOf[strings.IndexByte(escapes, after[0])])
			raw = after[1:]
		}
		raw = b.String()
	}
	*to = raw
	return ok
}

// texts reads a list of strings. It is never nil.
func (s *rowScanner) texts(to *[]string) bool {
	if !s.take('[') {
		return false
	}
	list := []string{}
	if s.take(']') {
		*to = list
		return true
	}
	for {
		var text string
		if !s.text(&text) {
			return false
		}
		list = append(list, text)
		if s.take(']') {
			*to = list
			return true
		}
		if !s.take(',') {
			return false
		}
	}
}

func (s *rowScanner) skipTexts() bool {
	if !s.take('[') {
		return false
	}
	if s.take(']') {
		return true
	}
	for {
		if _, _, ok := s.raw(); !ok {
			return false
		}
		if s.take(']') {
			return true
		}
		if !s.take(',') {
			return false
		}
	}
}

func (s *rowScanner) truth(to *bool) (ok bool) {
	if s.rest, *to = strings.CutPrefix(s.rest, "true"); *to {
		return true
	}
	s.rest, ok = strings.CutPrefix(s.rest, "false")
	return ok
}

// number reads an integer of at most 18 digits.
func (s *rowScanner) number(to *int64) bool {
	n := 0
	for n < len(s.rest) && s.rest[n] >= '0' && s.rest[n] <= '9' {
		n++
	}
	if n == 0 || n > 18 || n > 1 && s.rest[0] == '0' {
		return false
	}
	var err error
	*to, err = strconv.ParseInt(s.rest[:n], 10, 64)
	s.rest = s.rest[n:]
	return err == nil
}
