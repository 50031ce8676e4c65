package glob

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/minimirror/minimirror/internal/artifact"
)

var errTooLong = fmt.Errorf("it is longer than %d bytes", maxPattern)

// A kind says what a token matches.
type kind uint8

const (
	literal  kind = iota // one character
	class                // one character of a class
	one                  // one character
	anything             // any characters
	element              // any characters but slashes
	folders              // nothing, or any characters of which the last is a slash
)

type token struct {
	kind   kind
	paths  bool   // a class or one character: not a slash
	not    bool   // ranges are the characters that don't match
	ranges []rune // of a literal or a class: pairs, first and last
}

// star reports whether the token matches texts of different lengths.
func (t *token) star() bool { return t.kind >= anything }

// tokenize divides a pattern.
func tokenize(pattern string, paths bool) (tokens []token, err error) {
	for rest := pattern; rest != ""; {
		var t token
		switch rest[0] {
		case '*':
			t, rest = parseStars(rest, paths, len(tokens) == 0 || tokens[len(tokens)-1].endsElement())
		case '?':
			t, rest = token{kind: one, paths: paths}, rest[1:]
		case '[':
			if t, rest, err = parseClass(rest[1:]); err != nil {
				return nil, err
			}
			t.paths = paths
		default:
			var r rune
			if r, rest, err = parseRune(rest); err != nil {
				return nil, err
			}
			t = token{kind: literal, ranges: []rune{r, r}}
		}
		tokens = append(tokens, t)
	}
	return tokens, nil
}

// endsElement reports whether an element of a path begins after the token.
func (t *token) endsElement() bool {
	return t.kind == folders || t.kind == literal && t.ranges[0] == '/'
}

// parseStars reads "*", "**" or "**/". begins tells that an element of a path begins here.
func parseStars(s string, paths, begins bool) (t token, rest string) {
	rest = strings.TrimLeft(s, "*")
	switch stars := len(s) - len(rest); {
	case !paths:
		return token{kind: anything}, rest
	case stars == 1:
		return token{kind: element}, rest
	case begins && strings.HasPrefix(rest, "/"):
		return token{kind: folders}, rest[1:]
	}
	return token{kind: anything}, rest
}

func parseClass(s string) (t token, rest string, err error) {
	t.kind = class
	if strings.HasPrefix(s, "!") {
		return t, "", artifact.Hint(errors.New("[! is not understood"), "write [^…] for any character but these, and [\\!…] for an exclamation mark")
	}
	s, t.not = strings.CutPrefix(s, "^")
	for {
		if after, ok := strings.CutPrefix(s, "]"); ok && t.ranges != nil {
			return t, after, nil
		}
		if s == "" {
			return t, "", artifact.Hint(errors.New("a [ without its ]"), `write \[ where the character itself is meant`)
		}
		if s[0] == '-' || s[0] == ']' {
			return t, "", artifact.Hint(fmt.Errorf("%c in the wrong place in […]", s[0]), `write \%c where the character itself is meant`, s[0])
		}
		first, tail, err := parseRune(s)
		if err != nil {
			return t, "", err
		}
		last := first
		if after, ok := strings.CutPrefix(tail, "-"); ok {
			if after == "" || after[0] == ']' || after[0] == '-' {
				return t, "", artifact.Hint(errors.New("a range without its end in […]"), `write \- where the character itself is meant`)
			}
			if last, tail, err = parseRune(after); err != nil {
				return t, "", err
			}
			if last < first {
				return t, "", fmt.Errorf("the range %c-%c is empty", first, last)
			}
		}
		t.ranges, s = append(t.ranges, first, last), tail
	}
}

// parseRune reads one character, which a backslash may precede.
func parseRune(s string) (r rune, rest string, err error) {
	if s, ok := strings.CutPrefix(s, `\`); ok && s == "" {
		return 0, "", artifact.Hint(errors.New("nothing follows the backslash"), `write \\ where the character itself is meant`)
	} else if ok {
		r, n := utf8.DecodeRuneInString(s)
		return r, s[n:], nil
	}
	r, n := utf8.DecodeRuneInString(s)
	return r, s[n:], nil
}
