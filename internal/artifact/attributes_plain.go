package artifact

// plainAttributes reads attributes in the form in which MarshalJSON writes nearly all of them: names in order, text without escapes.
// It is there for speed: a lock has tens of thousands. Anything else is not ok, and encoding/json reads it.
func plainAttributes(data []byte) (all Attributes, ok bool) {
	s := plainScanner{data}
	if !s.take('{') {
		return nil, false
	}
	if s.take('}') {
		return nil, s.ended()
	}
	for {
		name, ok := s.text()
		if !ok || !s.take(':') || len(all) > 0 && all[len(all)-1].Name >= name {
			return nil, false
		}
		values, ok := s.values()
		if !ok {
			return nil, false
		}
		all = append(all, Attribute{name, values})
		if s.take('}') {
			return all, s.ended()
		}
		if !s.take(',') {
			return nil, false
		}
	}
}

// A plainScanner reads tokens of JSON, with white space between them.
type plainScanner struct{ rest []byte }

func (s *plainScanner) space() {
	for len(s.rest) > 0 && (s.rest[0] == ' ' || s.rest[0] == '\n' || s.rest[0] == '\t' || s.rest[0] == '\r') {
		s.rest = s.rest[1:]
	}
}

func (s *plainScanner) ended() bool {
	s.space()
	return len(s.rest) == 0
}

func (s *plainScanner) take(b byte) bool {
	if s.space(); len(s.rest) == 0 || s.rest[0] != b {
		return false
	}
	s.rest = s.rest[1:]
	return true
}

// text reads a string of printable ASCII without escapes.
func (s *plainScanner) text() (string, bool) {
	if !s.take('"') {
		return "", false
	}
	for i, b := range s.rest {
		switch {
		case b == '"':
			text := string(s.rest[:i])
			s.rest = s.rest[i+1:]
			return text, true
		case b == '\\', b < ' ', b > '~':
			return "", false
		}
	}
	return "", false
}

// values reads a string, or a list of strings that is not empty.
func (s *plainScanner) values() ([]string, bool) {
	if !s.take('[') {
		one, ok := s.text()
		return []string{one}, ok
	}
	var all []string
	for {
		one, ok := s.text()
		if !ok {
			return nil, false
		}
		all = append(all, one)
		if s.take(']') {
			return all, true
		}
		if !s.take(',') {
			return nil, false
		}
	}
}

// plainText reports whether encoding/json writes a text as it is, between quotes.
func plainText(text string) bool {
	for _, b := range []byte(text) {
		if b < ' ' || b > '~' || b == '"' || b == '\\' || b == '<' || b == '>' || b == '&' {
			return false
		}
	}
	return true
}
