// Package glob matches patterns for names and paths: in rules, definitions and on the command line. It is the only
// syntax of patterns in this program, apart from that of upstream's own formats.
//
//   - any characters, or none
//     ?        one character
//     [a-z0-9] one of these characters
//     [^a-z]   one character that is none of these
//     \*       the character itself; in brackets also \-, \] and \^
//
// A pattern matches a whole text; case matters. In names (Parse), a slash is a character like any other. In paths
// (ParsePath), "*", "?" and brackets match no slash, and
//
//	**       any characters, with slashes, or none
//	**/      at the beginning or after a slash: any folders, or none
//
// In names, "**" is the same as "*". The package imports only internal/artifact.
package glob

import (
	"errors"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// maxPattern is how long a pattern may be, in bytes.
const maxPattern = 500

// A Pattern is a parsed pattern. The zero value matches only the empty text.
type Pattern struct {
	text           string
	prefix, suffix string   // what the pattern begins and ends with; they don't overlap
	inner          []string // what stands between, in this order
	tokens         []token  // the whole pattern, where it is more than that; else nil
	inexact        bool     // prefix is not the whole pattern
}

// Parse reads a pattern for names. The error does not repeat the pattern.
func Parse(pattern string) (Pattern, error) { return parse(pattern, false) }

// ParsePath reads a pattern for slash-separated paths. The error does not repeat the pattern.
func ParsePath(pattern string) (Pattern, error) { return parse(pattern, true) }

// ParseArguments reads patterns for names from the command line. The error is artifact.ErrUsage.
func ParseArguments(arguments []string) (all []Pattern, err error) {
	for _, argument := range arguments {
		p, err := Parse(argument)
		if err != nil {
			return nil, artifact.Usagef("%q is not a valid name or pattern: %w", argument, err)
		}
		all = append(all, p)
	}
	return all, nil
}

// Quote returns the pattern that matches only the text.
func Quote(text string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(text)
}

// String returns the pattern as it was written.
func (p *Pattern) String() string { return p.text }

// Exact returns the only text that the pattern matches; false: it may match others.
func (p *Pattern) Exact() (text string, ok bool) { return p.prefix, !p.inexact }

// Affixes are what every text that matches begins and ends with.
func (p *Pattern) Affixes() (prefix, suffix string) { return p.prefix, p.suffix }

// Any reports whether the pattern matches every text.
func (p *Pattern) Any() bool {
	return p.inexact && p.tokens == nil && p.prefix == "" && p.suffix == "" && p.inner == nil
}

// Match reports whether the pattern matches the text.
func (p *Pattern) Match(text string) bool {
	if !p.inexact {
		return text == p.prefix
	}
	if len(text) < len(p.prefix)+len(p.suffix) || !strings.HasPrefix(text, p.prefix) || !strings.HasSuffix(text, p.suffix) {
		return false
	}
	middle := text[len(p.prefix) : len(text)-len(p.suffix)]
	for _, inner := range p.inner {
		at := strings.Index(middle, inner)
		if at < 0 {
			return false
		}
		middle = middle[at+len(inner):]
	}
	return p.tokens == nil || match(p.tokens, text)
}

func parse(pattern string, paths bool) (Pattern, error) {
	switch {
	case pattern == "":
		return Pattern{}, errors.New("it is empty")
	case len(pattern) > maxPattern:
		return Pattern{}, errTooLong
	}
	tokens, err := tokenize(pattern, paths)
	if err != nil {
		return Pattern{}, err
	}
	p := compile(tokens)
	p.text = pattern
	return p, nil
}

// compile finds what a pattern has of fixed text, which most patterns consist of.
func compile(tokens []token) Pattern {
	var p Pattern
	var runs []string // of literals, around each other token
	var run strings.Builder
	simple := true // all other tokens match anything
	for _, t := range tokens {
		if t.kind == literal {
			run.WriteRune(t.ranges[0])
			continue
		}
		simple = simple && t.kind == anything
		runs = append(runs, run.String())
		run.Reset()
	}
	if len(runs) == 0 {
		return Pattern{prefix: run.String()}
	}
	p.inexact, p.prefix, p.suffix = true, runs[0], run.String()
	for _, inner := range runs[1:] {
		if inner != "" {
			p.inner = append(p.inner, inner)
		}
	}
	if !simple {
		p.tokens = tokens
	}
	return p
}
