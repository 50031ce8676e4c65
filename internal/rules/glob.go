package rules

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/minimirror/minimirror/internal/artifact"
)

// maxPattern is how long a pattern may be, in bytes.
const maxPattern = 500

// A glob is a pattern for a whole text, with the syntax of path.Match, in which "*" and "?" match a
// slash like anything else.
type glob struct {
	prefix, suffix string   // what the pattern begins and ends with; they don't overlap
	inner          []string // what stands between, in this order
	tokens         []token  // the whole pattern, where it is more than that; else nil
	exact          bool     // prefix is the whole pattern
}

type token struct {
	star    bool
	not     bool   // ranges are what must not be there
	ranges  []rune // pairs, first and last; nil: any character
	literal bool   // ranges are one character
}

func parseGlob(pattern string) (glob, error) {
	var tokens []token
	if len(pattern) > maxPattern {
		return glob{}, fmt.Errorf("it is longer than %d bytes", maxPattern)
	}
	for rest := pattern; rest != ""; {
		t, tail, err := parseToken(rest)
		if err != nil {
			return glob{}, err
		}
		if n := len(tokens); !t.star || n == 0 || !tokens[n-1].star {
			tokens = append(tokens, t)
		}
		rest = tail
	}
	return compile(tokens), nil
}

func parseToken(s string) (t token, rest string, err error) {
	switch s[0] {
	case '*':
		return token{star: true}, s[1:], nil
	case '?':
		return token{}, s[1:], nil
	case '[':
		return parseClass(s[1:])
	}
	r, rest, err := parseRune(s)
	return token{literal: true, ranges: []rune{r, r}}, rest, err
}

func parseClass(s string) (t token, rest string, err error) {
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

func compile(tokens []token) glob {
	var g glob
	var runs []string // of literals, around each other token
	var run strings.Builder
	onlyStars := true
	for _, t := range tokens {
		if t.literal {
			run.WriteRune(t.ranges[0])
			continue
		}
		onlyStars = onlyStars && t.star
		runs = append(runs, run.String())
		run.Reset()
	}
	if len(runs) == 0 {
		return glob{prefix: run.String(), exact: true}
	}
	g.prefix, g.suffix = runs[0], run.String()
	for _, inner := range runs[1:] {
		if inner != "" {
			g.inner = append(g.inner, inner)
		}
	}
	if !onlyStars {
		g.tokens = tokens
	}
	return g
}

// any reports whether the pattern matches every text.
func (g *glob) any() bool {
	return !g.exact && g.tokens == nil && g.prefix == "" && g.suffix == "" && g.inner == nil
}

func (g *glob) match(s string) bool {
	if g.exact {
		return s == g.prefix
	}
	if len(s) < len(g.prefix)+len(g.suffix) || !strings.HasPrefix(s, g.prefix) || !strings.HasSuffix(s, g.suffix) {
		return false
	}
	middle := s[len(g.prefix) : len(s)-len(g.suffix)]
	for _, inner := range g.inner {
		at := strings.Index(middle, inner)
		if at < 0 {
			return false
		}
		middle = middle[at+len(inner):]
	}
	return g.tokens == nil || g.matchTokens(s)
}

// matchTokens tries the shortest text for each star and lengthens only the last one, which
// is enough: what stars before it left open, it can take.
func (g *glob) matchTokens(s string) bool {
	at, token, star, retry := 0, 0, -1, 0
	for at < len(s) || token < len(g.tokens) {
		if token < len(g.tokens) {
			t := &g.tokens[token]
			if t.star {
				star, retry = token, at
				token++
				continue
			}
			if r, n := utf8.DecodeRuneInString(s[at:]); n > 0 && t.match(r) {
				at += n
				token++
				continue
			}
		}
		if star < 0 || retry >= len(s) {
			return false
		}
		_, n := utf8.DecodeRuneInString(s[retry:])
		retry += n
		at, token = retry, star+1
	}
	return true
}

func (t *token) match(r rune) bool {
	if t.ranges == nil {
		return true
	}
	for i := 0; i < len(t.ranges); i += 2 {
		if t.ranges[i] <= r && r <= t.ranges[i+1] {
			return !t.not
		}
	}
	return t.not
}
