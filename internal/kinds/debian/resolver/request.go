package resolver

import (
	"fmt"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/glob"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// A Request asks for packages in the words of a definition.
type Request struct {
	text         string
	Where        string // file and line, "mirror.yaml:7"; may be empty
	Pattern      string // of names, with the wildcards * and ?
	architecture string // empty: every architecture of the definition
	suite        string // empty: any; else a suite or codename
	op           deb822.Operator
	version      string // with wildcards when op is exactly

	selector string // of selectors; then there is no pattern
	argument string // of the selector

	installed nodePackage // of what nodes have: it may find nothing
}

// selectors are apt's patterns (apt-patterns(7)) that a request may be. Where apt
// takes a regular expression, the argument must match in full; * and ? are wildcards.
var selectors = map[string]struct{ argument bool }{
	"essential": {false}, // Essential: yes
	"protected": {false}, // Protected: yes, or Important: yes
	"priority":  {true},  // Policy 2.5
	"section":   {true},  // Policy 2.4; an area before the section ("non-free/admin") may be left out
	"task":      {true},  // the field Task, as tasksel(8) has it; "NAME^" is the same
}

// requestUsage is the hint of every error of ParseRequest.
const requestUsage = `write "name", "name:arm64", "name (>= 1.6)", "name=1:9.2*", "name/bookworm-backports", "python3-*", "?essential", "?protected", "?priority(required)", "?section(admin)" or "?task(ssh-server)"`

// ParseRequest reads NAME[:ARCHITECTURE][/SUITE][=VERSION | (OPERATOR VERSION)],
// NAME^ (a task), or one of apt's patterns ?essential, ?protected,
// ?priority(NAME), ?section(NAME) and ?task(NAME). NAME, and the VERSION after
// "=", may hold the wildcards "*" (any text) and "?" (any character); they stand
// for the whole. The operators are those of Policy 7.1.
func ParseRequest(s string) (Request, error) {
	r, err := parseRequest(strings.TrimSpace(s))
	if err != nil {
		return r, artifact.Hint(fmt.Errorf("%q is not a valid package request: %w", s, err), requestUsage)
	}
	return r, nil
}

func parseRequest(s string) (r Request, err error) {
	r.text = s
	if pattern, found := strings.CutPrefix(s, "?"); found {
		return r, r.parsePattern(pattern)
	}
	if task, found := strings.CutSuffix(s, "^"); found {
		return r, r.parsePattern("task(" + task + ")")
	}
	var rest string
	if r.Pattern, rest = word(s, " \t:/=(<>"); r.Pattern == "" || !deb822.WellFormed(r.Pattern, "+-._*?") || r.Pattern[0] == '-' || r.Pattern[0] == '+' {
		return r, fmt.Errorf("invalid name %q", r.Pattern)
	}
	if after, found := strings.CutPrefix(rest, ":"); found {
		if r.architecture, rest = word(after, " \t/=(<>"); r.architecture == "" || !deb822.WellFormed(r.architecture, "-") {
			return r, fmt.Errorf("invalid architecture %q", r.architecture)
		}
	}
	if after, found := strings.CutPrefix(rest, "/"); found {
		if r.suite, rest = word(after, " \t=(<>"); r.suite == "" || !deb822.WellFormed(r.suite, "-._+~/") {
			return r, fmt.Errorf("invalid suite %q", r.suite)
		}
	}
	switch rest = strings.TrimSpace(rest); {
	case rest == "":
		return r, nil
	case rest[0] == '=':
		r.op, r.version = deb822.Exactly, strings.TrimSpace(rest[1:])
		if r.version == "" || !deb822.WellFormed(r.version, ".+-:~_*?") {
			return r, fmt.Errorf("invalid version %q", r.version)
		}
		return r, nil
	case rest[0] == '(' && rest[len(rest)-1] == ')':
		inner := strings.TrimSpace(rest[1 : len(rest)-1])
		if len(inner) > 1 && (inner[0] == '<' || inner[0] == '>') && inner[1] != '=' && inner[1] != inner[0] {
			return r, fmt.Errorf("write %c%c for strictly, %c= for or equal", inner[0], inner[0], inner[0])
		}
		if r.op, r.version, err = deb822.ParseConstraint(inner); err == nil {
			err = deb822.CheckVersion(r.version)
		}
		return r, err
	}
	return r, fmt.Errorf("unexpected %q", rest)
}

// word cuts s before the first of the characters in ends.
func word(s, ends string) (before, rest string) {
	if end := strings.IndexAny(s, ends); end >= 0 {
		return s[:end], s[end:]
	}
	return s, ""
}

func (r *Request) parsePattern(s string) error {
	name, argument, called := strings.Cut(s, "(")
	selector, known := selectors[name]
	if argument, closed := strings.CutSuffix(argument, ")"); known && called == selector.argument && closed == called {
		r.selector, r.argument = name, argument
	}
	all := priorities[:len(priorities)-1]
	switch {
	case r.selector == "":
		return fmt.Errorf("unknown pattern ?%s", s)
	case selector.argument && (r.argument == "" || !deb822.WellFormed(r.argument, "-./+_*?")):
		return fmt.Errorf("invalid argument %q", r.argument)
	case r.selector == "priority" && !slices.Contains(all, r.argument):
		return fmt.Errorf("unknown priority %q: there are %s", r.argument, strings.Join(all, ", "))
	}
	return nil
}

// String returns the request as it was written.
func (r Request) String() string { return r.text }

// Name is the request without what it says of versions and suites.
func (r Request) Name() string {
	switch {
	case r.Pattern == "":
		return r.text
	case r.architecture != "":
		return r.Pattern + ":" + r.architecture
	}
	return r.Pattern
}

// MatchesMany reports whether the request may stand for several packages by design: it
// then takes what it finds.
func (r Request) MatchesMany() bool { return r.Pattern == "" || strings.ContainsAny(r.Pattern, "*?") }

// admits reports whether a version is one of those asked for.
func (r Request) admits(version string) bool {
	if r.op == deb822.Exactly && strings.ContainsAny(r.version, "*?") {
		return wildcard(r.version, version)
	}
	return r.op.Holds(version, r.version)
}

// matcher returns what reports whether a text matches a pattern. ParseRequest takes no other wildcards than * and ?.
func matcher(pattern string) func(text string) bool {
	if !strings.ContainsAny(pattern, "*?") {
		return func(text string) bool { return text == pattern }
	}
	p, err := glob.Parse(pattern)
	if err != nil { // longer than any name
		return func(string) bool { return false }
	}
	return p.Match
}

// wildcard reports whether a text matches a pattern. In a loop, use matcher.
func wildcard(pattern, text string) bool { return matcher(pattern)(text) }

// MatchesName reports whether the request names a package that is in no universe, and which an index of that origin lists. Requests
// without a name, such as ?essential, match none.
func (r Request) MatchesName(name, version string, o deb822.Origin) bool {
	return r.Pattern != "" && wildcard(r.Pattern, name) && (r.architecture == "" || r.architecture == o.Architecture) &&
		(r.suite == "" || r.suite == o.Suite || r.suite == o.Alias) && r.admits(version)
}
