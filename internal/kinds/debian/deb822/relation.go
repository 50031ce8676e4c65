package deb822

import (
	"fmt"
	"strings"
)

// An Operator of a versioned relation: Policy 7.1.
type Operator uint8

// The operators; AnyVersion stands for a relation without a version.
const (
	AnyVersion Operator = iota
	Earlier             // <<
	AtMost              // <=
	Exactly             // =
	AtLeast             // >=
	Later               // >>
)

// Operators are the relation operators as control files write them: Policy 7.1.
var Operators = [...]string{AnyVersion: "", Earlier: "<<", AtMost: "<=", Exactly: "=", AtLeast: ">=", Later: ">>"}

// Holds reports whether version stands in this relation to want.
func (op Operator) Holds(version, want string) bool {
	if op == AnyVersion {
		return true
	}
	c := CompareVersions(version, want)
	switch op {
	case Earlier:
		return c < 0
	case AtMost:
		return c <= 0
	case Exactly:
		return c == 0
	case AtLeast:
		return c >= 0
	default:
		return c > 0
	}
}

// A Relation names packages: "libc6 (>= 2.36)", "python3:any", "foo".
type Relation struct {
	Name      string
	Qualifier string // "", "any", "native" or an architecture
	Op        Operator
	Version   string
}

func (r Relation) String() string {
	s := r.Name
	if r.Qualifier != "" {
		s += ":" + r.Qualifier
	}
	if r.Op != AnyVersion {
		s += " (" + Operators[r.Op] + " " + r.Version + ")"
	}
	return s
}

// Admits reports whether a package of this version, or a virtual package that is
// provided in it, will do. An unversioned Provides (provided is empty)
// satisfies no versioned relation: Policy 7.5.
func (r Relation) Admits(provided string) bool {
	return r.Op == AnyVersion || provided != "" && r.Op.Holds(provided, r.Version)
}

// A Clause is satisfied by any of its alternatives: "a | b (>= 2)".
type Clause []Relation

func (c Clause) String() string {
	texts := make([]string, len(c))
	for i, r := range c {
		texts[i] = r.String()
	}
	return strings.Join(texts, " | ")
}

// ParseClauses reads the value of a relation field of a binary package: Policy
// 7.1. Names and versions are parts of text, not copies. It accepts what both apt and dpkg
// can read: apt ignores an empty entry only at the end.
//
// pault.ag/go/debian/dependency is not used: it allocates 26 times per field,
// and takes the architecture and profile lists that only source packages have.
func ParseClauses(text string) ([]Clause, error) {
	var all []Clause
	var current Clause
	err := eachRelation(text, func(r Relation, last bool) {
		current = append(current, r)
		if last {
			all, current = append(all, current[:len(current):len(current)]), nil
		}
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// CheckClauses returns the error of ParseClauses, and no clauses.
func CheckClauses(text string) ([]Clause, error) {
	return nil, eachRelation(text, func(Relation, bool) {})
}

// eachRelation calls found for each relation of a field; last is set for the last one of its clause.
func eachRelation(text string, found func(r Relation, last bool)) error {
	first := true // of a clause
	for {
		r, rest, err := parseRelation(text)
		switch {
		case err != nil:
			return err
		case r.Name == "" && rest == "" && first:
			return nil
		case r.Name == "":
			return fmt.Errorf("a package is missing before %q", Excerpt(rest))
		}
		first = rest == "" || rest[0] == ','
		found(r, first)
		if rest == "" {
			return nil
		}
		text = rest[1:]
	}
}

// parseRelation reads one relation and returns what follows it: nothing, or
// text that begins with "," or "|". The relation is empty when there is none.
func parseRelation(text string) (r Relation, rest string, err error) {
	text = TrimSpace(text)
	end := strings.IndexAny(text, " \t\r\n,|(:")
	if end < 0 {
		end = len(text)
	}
	r.Name, rest = text[:end], text[end:]
	if r.Name == "" && (rest == "" || rest[0] == ',' || rest[0] == '|') {
		return r, rest, nil
	}
	if !ValidPackageName(r.Name) {
		return r, "", fmt.Errorf("invalid package name in %q", Excerpt(text))
	}
	if rest != "" && rest[0] == ':' {
		end := 1
		for end < len(rest) && (IsAlphanumeric(rest[end]) || rest[end] == '-') {
			end++
		}
		if end == 1 {
			return r, "", fmt.Errorf("an architecture is missing in %q", Excerpt(text))
		}
		r.Qualifier, rest = rest[1:end], rest[end:]
	}
	if rest = TrimSpace(rest); rest != "" && rest[0] == '(' {
		inner, after, found := strings.Cut(rest[1:], ")")
		if !found {
			return r, "", fmt.Errorf("%q has no closing parenthesis", Excerpt(text))
		}
		if len(TrimSpace(rest[1:])) < 4 { // apt looks that far ahead
			return r, "", fmt.Errorf("apt cannot read %q at the end of the field: write it like \"(= 1)\"", Excerpt(rest))
		}
		if r.Op, r.Version, err = ParseConstraint(orExactly(inner)); err != nil {
			return r, "", fmt.Errorf("%s: %w", r.Name, err)
		}
		rest = TrimSpace(after)
	}
	if rest != "" && rest[0] != ',' && rest[0] != '|' {
		return r, "", fmt.Errorf("unexpected %q after %s", Excerpt(rest), r)
	}
	return r, rest, nil
}

// orExactly adds the "=" that apt and dpkg assume if a relation has only a version.
func orExactly(constraint string) string {
	if constraint = TrimSpace(constraint); constraint != "" && IsAlphanumeric(constraint[0]) {
		return "= " + constraint
	}
	return constraint
}

// ParseConstraint reads what stands between the parentheses: ">= 1.0". The old
// "<" and ">" mean "<=" and ">=": Policy 7.1.
func ParseConstraint(s string) (Operator, string, error) {
	s = TrimSpace(s)
	end := 0
	for end < len(s) && (s[end] == '<' || s[end] == '=' || s[end] == '>') {
		end++
	}
	op := AnyVersion
	switch s[:end] {
	case "<<":
		op = Earlier
	case "<=", "<":
		op = AtMost
	case "=":
		op = Exactly
	case ">=", ">":
		op = AtLeast
	case ">>":
		op = Later
	}
	version := TrimSpace(s[end:])
	if op == AnyVersion || !ValidVersion(version) {
		return 0, "", fmt.Errorf("invalid version restriction (%s)", Excerpt(s))
	}
	return op, version, nil
}

// TrimSpace is strings.TrimSpace for the white space that control files know.
func TrimSpace(s string) string { return strings.Trim(s, " \t\r\n") }

// Excerpt shortens text for an error.
func Excerpt(text string) string {
	if len(text) > 60 {
		return text[:60] + "…"
	}
	return text
}
