package debian

import (
	"fmt"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A Request asks for packages in the words of a definition.
type Request struct {
	text         string
	pattern      string // of names, with the wildcards * and ?
	architecture string // empty: every architecture of the definition
	op           operator
	version      string // with wildcards when op is exactly

	essential bool   // ?essential
	priority  string // ?priority(…)
}

// requestUsage is the hint of every error of ParseRequest.
const requestUsage = `write "name", "name:arm64", "name (>= 1.6)", "name=1:9.2*", "python3-*", "?essential" or "?priority(required)"`

// ParseRequest reads NAME[:ARCHITECTURE][=VERSION | (OPERATOR VERSION)], or one
// of apt's patterns ?essential and ?priority(NAME). NAME, and the VERSION after
// "=", may hold the wildcards "*" (any text) and "?" (any character); they stand
// for the whole. The operators are those of Policy 7.1.
func ParseRequest(s string) (Request, error) {
	r, err := parseRequest(strings.TrimSpace(s))
	if err != nil {
		return r, artifact.Hint(fmt.Errorf("%q is no request for packages: %w", s, err), requestUsage)
	}
	return r, nil
}

func parseRequest(s string) (r Request, err error) {
	r.text = s
	if pattern, found := strings.CutPrefix(s, "?"); found {
		return r, r.parsePattern(pattern)
	}
	end := strings.IndexAny(s, " \t:=(<>")
	if end < 0 {
		end = len(s)
	}
	rest := s[end:]
	r.pattern = s[:end]
	if r.pattern == "" || !wellFormed(r.pattern, "+-._*?") || r.pattern[0] == '-' || r.pattern[0] == '+' {
		return r, fmt.Errorf("invalid name %q", r.pattern)
	}
	if after, found := strings.CutPrefix(rest, ":"); found {
		end := strings.IndexAny(after, " \t=(<>")
		if end < 0 {
			end = len(after)
		}
		r.architecture, rest = after[:end], after[end:]
		if r.architecture == "" || !wellFormed(r.architecture, "-") {
			return r, fmt.Errorf("invalid architecture %q", r.architecture)
		}
	}
	switch rest = strings.TrimSpace(rest); {
	case rest == "":
		return r, nil
	case rest[0] == '=':
		r.op, r.version = exactly, strings.TrimSpace(rest[1:])
		if r.version == "" || !wellFormed(r.version, ".+-:~_*?") {
			return r, fmt.Errorf("invalid version %q", r.version)
		}
		return r, nil
	case rest[0] == '(' && rest[len(rest)-1] == ')':
		inner := strings.TrimSpace(rest[1 : len(rest)-1])
		if len(inner) > 1 && (inner[0] == '<' || inner[0] == '>') && inner[1] != '=' && inner[1] != inner[0] {
			return r, fmt.Errorf("write %c%c for strictly, %c= for or equal", inner[0], inner[0], inner[0])
		}
		r.op, r.version, err = parseConstraint(inner)
		return r, err
	}
	return r, fmt.Errorf("unexpected %q", rest)
}

func (r *Request) parsePattern(s string) error {
	if s == "essential" {
		r.essential = true
		return nil
	}
	inner, found := strings.CutPrefix(s, "priority(")
	name, closed := strings.CutSuffix(inner, ")")
	known := priorities[:len(priorities)-1]
	switch {
	case !found || !closed:
		return fmt.Errorf("unknown pattern ?%s", s)
	case !slices.Contains(known, name):
		return fmt.Errorf("unknown priority %q: there are %s", name, strings.Join(known, ", "))
	}
	r.priority = name
	return nil
}

// String returns the request as it was written.
func (r Request) String() string { return r.text }

// many reports whether the request may stand for several packages by design: it
// then takes what it finds.
func (r Request) many() bool { return r.pattern == "" || strings.ContainsAny(r.pattern, "*?") }

// admits reports whether a version is one of those asked for.
func (r Request) admits(version string) bool {
	if r.op == exactly && strings.ContainsAny(r.version, "*?") {
		return wildcard(r.version, version)
	}
	return r.op.holds(version, r.version)
}

// wildcard reports whether the pattern stands for the whole of s.
func wildcard(pattern, s string) bool {
	star, mark := -1, 0 // the last "*" and the text that it has eaten
	p, i := 0, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			p++
			i++
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
