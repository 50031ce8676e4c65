package pep508

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A scanner reads a requirement or a marker from the left.
type scanner struct {
	text  string
	at    int // bytes read
	depth int // of parentheses
}

// errorf makes an error at the current place. Columns are characters, from 1.
func (s *scanner) errorf(hint, format string, args ...any) error {
	column := utf8.RuneCountInString(s.text[:s.at]) + 1
	return artifact.Hint(fmt.Errorf("%s: column %d: %s", abridged(s.text), column, fmt.Sprintf(format, args...)), "%s", hint)
}

// abridged quotes what somebody wrote, or the beginning of it.
func abridged(s string) string {
	if len(s) > 200 {
		return fmt.Sprintf("%q…", s[:200])
	}
	return fmt.Sprintf("%q", s)
}

func (s *scanner) rest() string { return s.text[s.at:] }

func (s *scanner) atEnd() bool { return s.at == len(s.text) }

// next quotes what comes next, for errors.
func (s *scanner) next() string {
	if s.atEnd() {
		return "the end"
	}
	r, size := utf8.DecodeRuneInString(s.rest())
	if isNameByte(s.text[s.at]) {
		for size < len(s.rest()) && isNameByte(s.rest()[size]) {
			size++
		}
		return abridged(s.rest()[:size])
	}
	return fmt.Sprintf("%q", r)
}

// spaces skips spaces and tabs, and reports whether there were any.
func (s *scanner) spaces() bool {
	before := s.at
	for !s.atEnd() && (s.text[s.at] == ' ' || s.text[s.at] == '\t') {
		s.at++
	}
	return s.at > before
}

// skip skips the text if it comes next.
func (s *scanner) skip(text string) bool {
	if !strings.HasPrefix(s.rest(), text) {
		return false
	}
	s.at += len(text)
	return true
}

// peek is the next byte, 0 at the end.
func (s *scanner) peek() byte {
	if s.atEnd() {
		return 0
	}
	return s.text[s.at]
}

// run reads bytes as long as they are what is reports.
func (s *scanner) run(is func(c byte) bool) string {
	before := s.at
	for !s.atEnd() && is(s.text[s.at]) {
		s.at++
	}
	return s.text[before:s.at]
}

// name reads the name of a project or of an extra; it is empty where none begins.
func (s *scanner) name() (string, error) {
	if !isAlphanumeric(s.peek()) {
		return "", nil
	}
	before := s.at
	name := s.run(isNameByte)
	if last := name[len(name)-1]; !isAlphanumeric(last) {
		s.at--
		return "", s.errorf("names are letters, digits, and \"-\", \"_\" and \".\" between them", "%q ends with %q", name, last)
	}
	if s.peek() >= utf8.RuneSelf {
		r, _ := utf8.DecodeRuneInString(s.rest())
		return "", s.errorf("names are ASCII letters and digits, and \"-\", \"_\" and \".\" between them", "the name %q goes on with %q", s.text[before:s.at], r)
	}
	return name, nil
}

// word reads a word of a marker: a variable or an operator.
func (s *scanner) word() string {
	return s.run(func(c byte) bool { return isAlphanumeric(c) || c == '_' })
}
