package debian

import (
	"fmt"
	"strings"
)

// An operator of a versioned relation: Policy 7.1.
type operator uint8

const (
	anyVersion operator = iota
	earlier             // <<
	atMost              // <=
	exactly             // =
	atLeast             // >=
	later               // >>
)

var operators = [...]string{anyVersion: "", earlier: "<<", atMost: "<=", exactly: "=", atLeast: ">=", later: ">>"}

// holds reports whether version stands in this relation to want.
func (op operator) holds(version, want string) bool {
	if op == anyVersion {
		return true
	}
	c := compareVersions(version, want)
	switch op {
	case earlier:
		return c < 0
	case atMost:
		return c <= 0
	case exactly:
		return c == 0
	case atLeast:
		return c >= 0
	default:
		return c > 0
	}
}

// A relation names packages: "libc6 (>= 2.36)", "python3:any", "foo".
type relation struct {
	name      string
	qualifier string // "", "any", "native" or an architecture
	op        operator
	version   string
}

func (r relation) String() string {
	s := r.name
	if r.qualifier != "" {
		s += ":" + r.qualifier
	}
	if r.op != anyVersion {
		s += " (" + operators[r.op] + " " + r.version + ")"
	}
	return s
}

// admits reports whether a package of this version, or a virtual package that is
// provided in it, will do. An unversioned Provides (provided is empty)
// satisfies no versioned relation: Policy 7.5.
func (r relation) admits(provided string) bool {
	return r.op == anyVersion || provided != "" && r.op.holds(provided, r.version)
}

// A clause is satisfied by any of its alternatives: "a | b (>= 2)".
type clause []relation

func (c clause) String() string {
	texts := make([]string, len(c))
	for i, r := range c {
		texts[i] = r.String()
	}
	return strings.Join(texts, " | ")
}

// parseClauses reads the value of a relation field of a binary package: Policy
// 7.1. Names and versions are parts of text, not copies. It accepts what both apt and dpkg
// can read: apt ignores an empty entry only at the end.
//
// pault.ag/go/debian/dependency is not used: it allocates 26 times per field,
// and takes the architecture and profile lists that only source packages have.
func parseClauses(text string) ([]clause, error) {
	var all []clause
	var current clause
	for {
		var r relation
		var err error
		if r, text, err = parseRelation(text); err != nil {
			return nil, err
		}
		if r.name == "" {
			if text == "" && len(current) == 0 {
				return all, nil
			}
			return nil, fmt.Errorf("a package is missing before %q", excerpt(text))
		}
		current = append(current, r)
		if text == "" || text[0] == ',' {
			all, current = append(all, current[:len(current):len(current)]), nil
		}
		if text == "" {
			return all, nil
		}
		text = text[1:]
	}
}

// parseRelation reads one relation and returns what follows it: nothing, or
// text that begins with "," or "|". The relation is empty when there is none.
func parseRelation(text string) (r relation, rest string, err error) {
	text = trimSpace(text)
	end := strings.IndexAny(text, " \t\r\n,|(:")
	if end < 0 {
		end = len(text)
	}
	r.name, rest = text[:end], text[end:]
	if r.name == "" && (rest == "" || rest[0] == ',' || rest[0] == '|') {
		return r, rest, nil
	}
	if !validPackageName(r.name) {
		return r, "", fmt.Errorf("invalid package name in %q", excerpt(text))
	}
	if rest != "" && rest[0] == ':' {
		end := 1
		for end < len(rest) && (isAlphanumeric(rest[end]) || rest[end] == '-') {
			end++
		}
		if end == 1 {
			return r, "", fmt.Errorf("an architecture is missing in %q", excerpt(text))
		}
		r.qualifier, rest = rest[1:end], rest[end:]
	}
	if rest = trimSpace(rest); rest != "" && rest[0] == '(' {
		inner, after, found := strings.Cut(rest[1:], ")")
		if !found {
			return r, "", fmt.Errorf("%q has no closing parenthesis", excerpt(text))
		}
		if len(trimSpace(rest[1:])) < 4 { // apt looks that far ahead
			return r, "", fmt.Errorf("apt cannot read %q at the end of the field: write it like \"(= 1)\"", excerpt(rest))
		}
		if r.op, r.version, err = parseConstraint(orExactly(inner)); err != nil {
			return r, "", fmt.Errorf("%s: %w", r.name, err)
		}
		rest = trimSpace(after)
	}
	if rest != "" && rest[0] != ',' && rest[0] != '|' {
		return r, "", fmt.Errorf("unexpected %q after %s", excerpt(rest), r)
	}
	return r, rest, nil
}

// orExactly adds the "=" that apt and dpkg assume if a relation has only a version.
func orExactly(constraint string) string {
	if constraint = trimSpace(constraint); constraint != "" && isAlphanumeric(constraint[0]) {
		return "= " + constraint
	}
	return constraint
}

// parseConstraint reads what stands between the parentheses: ">= 1.0". The old
// "<" and ">" mean "<=" and ">=": Policy 7.1.
func parseConstraint(s string) (operator, string, error) {
	s = trimSpace(s)
	end := 0
	for end < len(s) && (s[end] == '<' || s[end] == '=' || s[end] == '>') {
		end++
	}
	op := anyVersion
	switch s[:end] {
	case "<<":
		op = earlier
	case "<=", "<":
		op = atMost
	case "=":
		op = exactly
	case ">=", ">":
		op = atLeast
	case ">>":
		op = later
	}
	version := trimSpace(s[end:])
	if op == anyVersion || !validVersion(version) {
		return 0, "", fmt.Errorf("invalid version restriction (%s)", excerpt(s))
	}
	return op, version, nil
}

// trimSpace is strings.TrimSpace for the white space that control files know.
func trimSpace(s string) string { return strings.Trim(s, " \t\r\n") }

// excerpt shortens text for an error.
func excerpt(text string) string {
	if len(text) > 60 {
		return text[:60] + "…"
	}
	return text
}
