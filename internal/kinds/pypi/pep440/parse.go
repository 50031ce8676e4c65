package pep440

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/minimirror/minimirror/internal/artifact"
)

// maxLength is how long a version may be: longer than a file name, and far longer than any version of the public index.
const maxLength = 512

// Parse reads a version in any spelling that PEP 440 allows: "v1.0-alpha_1" is 1.0a1. An error has a hint.
func Parse(s string) (Version, error) {
	text := strings.TrimFunc(s, isSpace)
	if v, ok := parse(text); ok {
		return v, nil
	}
	return Version{}, artifact.Hint(fmt.Errorf("%s is not a valid version", abridged(s)), `write a version such as "1.4", "2.0rc1", "1.0.post2" or "3.1+site.4" (PEP 440)`)
}

// abridged quotes what somebody wrote, or the beginning of it.
func abridged(s string) string {
	if len(s) > 80 {
		return fmt.Sprintf("%q…", s[:80])
	}
	return fmt.Sprintf("%q", s)
}

// isSpace reports what Python's regular expressions take for white space, which includes four control characters.
func isSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

func parse(text string) (v Version, ok bool) {
	if text == "" || len(text) > maxLength {
		return v, false
	}
	for i := range len(text) {
		if text[i] >= 0x80 {
			return v, false
		}
	}
	v.text, v.epoch = text, "0"
	s := scanner(strings.ToLower(text))
	s.skip("v")
	first, ok := s.number()
	if !ok {
		return v, false
	}
	if s.skip("!") {
		v.epoch = first
		if first, ok = s.number(); !ok {
			return v, false
		}
	}
	v.release = append(v.release, first)
	for len(s) > 1 && s[0] == '.' && isDigit(s[1]) {
		s = s[1:]
		n, _ := s.number()
		v.release = append(v.release, n)
	}
	for _, spelling := range preSpellings {
		if n, found := s.suffix(spelling.word); found {
			v.pre, v.preN = spelling.canonical, n
			break
		}
	}
	if len(s) > 1 && s[0] == '-' && isDigit(s[1]) {
		s = s[1:]
		v.post, _ = s.number()
	} else {
		for _, word := range postSpellings {
			if n, found := s.suffix(word); found {
				v.post = n
				break
			}
		}
	}
	if n, found := s.suffix("dev"); found {
		v.dev = n
	}
	if s.skip("+") {
		if v.local, ok = parseLocal(string(s)); !ok {
			return v, false
		}
		s = ""
	}
	return v, s == ""
}

// preSpellings are the words for pre-releases, those before which they begin with.
var preSpellings = []struct{ word, canonical string }{
	{"alpha", "a"}, {"a", "a"}, {"beta", "b"}, {"b", "b"}, {"preview", "rc"}, {"pre", "rc"}, {"c", "rc"}, {"rc", "rc"},
}

// postSpellings are the words for post-releases, likewise.
var postSpellings = []string{"post", "rev", "r"}

// parseLocal reads the segments of a local version.
func parseLocal(s string) ([]string, bool) {
	segments := strings.FieldsFunc(s, isSeparator)
	if len(segments) == 0 || len(strings.Join(segments, ".")) != len(s) { // a separator at an end, or two in a row
		return nil, false
	}
	for i, segment := range segments {
		digits := true
		for j := range len(segment) {
			c := segment[j]
			if !isDigit(c) && (c < 'a' || c > 'z') {
				return nil, false
			}
			digits = digits && isDigit(c)
		}
		if digits {
			segments[i] = string(trimZeros(segment))
		}
	}
	return segments, true
}

// A scanner is the rest of a version, in lower case.
type scanner string

func (s *scanner) skip(prefix string) bool {
	rest, found := strings.CutPrefix(string(*s), prefix)
	*s = scanner(rest)
	return found
}

// number reads one or more digits.
func (s *scanner) number() (number, bool) {
	end := 0
	for end < len(*s) && isDigit((*s)[end]) {
		end++
	}
	digits := string((*s)[:end])
	*s = (*s)[end:]
	return trimZeros(digits), end > 0
}

// suffix reads a word with an optional separator on either side, and the number after it: 0 where there is none.
func (s *scanner) suffix(word string) (number, bool) {
	rest := *s
	rest.skipSeparator()
	if !rest.skip(word) {
		return "", false
	}
	rest.skipSeparator()
	n, _ := rest.number()
	*s = rest
	return n, true
}

func (s *scanner) skipSeparator() {
	if len(*s) > 0 && isSeparator(rune((*s)[0])) {
		*s = (*s)[1:]
	}
}

func isSeparator(r rune) bool { return r == '-' || r == '_' || r == '.' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// trimZeros makes a number of digits; none are 0.
func trimZeros(digits string) number {
	digits = strings.TrimLeft(digits, "0")
	if digits == "" {
		return "0"
	}
	return number(digits)
}
