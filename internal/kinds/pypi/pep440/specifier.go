package pep440

import (
	"fmt"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A Specifier is one condition on versions: an operator and a version. The zero value is not a specifier; ParseSpecifier makes them.
type Specifier struct {
	// Operator is one of == != ~= < <= > >= ===.
	Operator string
	// Text is the version as it was written, with ".*" at its end if it is a prefix. After === it may be any text.
	Text    string
	version Version // zero where === has a text that is not a version
	prefix  bool
}

// operators are all operators, those before which they begin with.
var operators = []string{"===", "==", "~=", "!=", "<=", ">=", "<", ">"}

const specifierHint = `write ">=1.4", "==2.*", "!=1.5", "~=1.4.2", "<2" or several of them with commas between them (PEP 440)`

// ParseSpecifier reads one specifier, such as ">=1.4" or "==2.*". An error has a hint.
func ParseSpecifier(s string) (Specifier, error) {
	var spec Specifier
	text := strings.TrimFunc(s, isSpace)
	for _, op := range operators {
		if rest, found := strings.CutPrefix(text, op); found {
			spec.Operator, spec.Text = op, strings.TrimLeftFunc(rest, isSpace)
			break
		}
	}
	if err := spec.parse(); err != nil {
		return Specifier{}, artifact.Hint(fmt.Errorf("%s is not a valid version specifier: %w", abridged(s), err), specifierHint)
	}
	return spec, nil
}

// parse checks and reads the text.
func (s *Specifier) parse() error {
	switch {
	case s.Operator == "":
		return fmt.Errorf("it begins with none of the operators %s", strings.Join(operators, " "))
	case s.Text == "":
		return fmt.Errorf("there is no version after %s", s.Operator)
	case s.Operator == "===":
		if len(s.Text) > maxLength || strings.ContainsFunc(s.Text, func(r rune) bool { return isSpace(r) || r == ';' || r == ')' || r == ',' }) {
			return fmt.Errorf("the text after === is too long, or has a space, a comma, a semicolon or a parenthesis")
		}
		s.version, _ = parse(s.Text)
		return nil
	}
	text, prefix := strings.CutSuffix(s.Text, ".*")
	v, ok := parse(text)
	switch {
	case !ok:
		return fmt.Errorf("%s is not a version", abridged(text))
	case prefix && s.Operator != "==" && s.Operator != "!=":
		return fmt.Errorf(`".*" can only follow == and !=`)
	case prefix && (v.IsPrerelease() || v.IsPostrelease() || len(v.local) > 0):
		return fmt.Errorf(`".*" can only follow numbers`)
	case len(v.local) > 0 && s.Operator != "==" && s.Operator != "!=":
		return fmt.Errorf(`a local version, after "+", can only follow == and !=`)
	case s.Operator == "~=" && len(v.release) < 2:
		return fmt.Errorf("~= needs two numbers or more, as ~=%s.0", text)
	}
	s.version, s.prefix = v, prefix
	return nil
}

// String returns the specifier as it was written, without white space.
func (s Specifier) String() string { return s.Operator + s.Text }

// Version returns the version, without ".*". It is zero where === has a text that is not a version.
func (s Specifier) Version() Version { return s.version }

// IsPrefix reports whether the specifier ends in ".*".
func (s Specifier) IsPrefix() bool { return s.prefix }

// IsPin reports whether the specifier allows one public version only: === , or == without ".*".
func (s Specifier) IsPin() bool { return s.Operator == "===" || s.Operator == "==" && !s.prefix }

// NamesPrerelease reports whether the specifier names a pre-release, and so asks for pre-releases to be considered.
// "!=2.0rc1" does not.
func (s Specifier) NamesPrerelease() bool {
	return s.Operator != "!=" && s.version.IsPrerelease()
}

// Match reports whether the specifier allows the version. It does not consider whether the version is a pre-release: see
// Specifiers.Filter.
func (s Specifier) Match(v Version) bool {
	switch s.Operator {
	case "===":
		return strings.EqualFold(v.String(), s.Text)
	case "==":
		return s.equal(v)
	case "!=":
		return !s.equal(v)
	case "~=":
		return v.Public().Compare(s.version) >= 0 && s.hasPrefix(v, len(s.version.release)-1)
	case "<=":
		return v.Public().Compare(s.version) <= 0
	case ">=":
		return v.Public().Compare(s.version) >= 0
	case "<":
		return s.less(v)
	case ">":
		return s.greater(v)
	}
	return false
}

func (s Specifier) equal(v Version) bool {
	switch {
	case s.prefix:
		return s.hasPrefix(v, len(s.version.release))
	case len(s.version.local) == 0:
		v = v.Public()
	}
	return v.Equal(s.version)
}

// hasPrefix reports whether v has the epoch and the first n numbers of the specifier's version.
func (s Specifier) hasPrefix(v Version, n int) bool {
	if v.epoch != s.version.epoch {
		return false
	}
	for i, want := range s.version.release[:n] {
		if v.Release(i) != string(want) {
			return false
		}
	}
	return true
}

// less: "<V" allows no pre-release of V, unless V is one.
func (s Specifier) less(v Version) bool {
	if v.Compare(s.version) >= 0 {
		return false
	}
	if s.version.IsPrerelease() || !v.IsPrerelease() {
		return true
	}
	first := s.version
	first.dev = "0"
	return v.Compare(first) < 0
}

// greater: ">V" allows no post-release of V, unless V is one, and no local version of V.
func (s Specifier) greater(v Version) bool {
	if v.Compare(s.version) <= 0 || len(v.local) > 0 && v.Public().Equal(s.version) {
		return false
	}
	if s.version.IsPostrelease() || !v.IsPostrelease() {
		return true
	}
	of := v
	of.post, of.dev, of.local = "", "", nil
	return !of.Equal(s.version)
}

// Specifiers are conditions of which all must hold. None allow every version.
type Specifiers []Specifier

// ParseSpecifiers reads specifiers with commas between them. White space, and commas too many, have no meaning. An error has a hint.
func ParseSpecifiers(s string) (Specifiers, error) {
	var all Specifiers
	for part := range strings.SplitSeq(s, ",") {
		if strings.TrimFunc(part, isSpace) == "" {
			continue
		}
		spec, err := ParseSpecifier(part)
		if err != nil {
			return nil, err
		}
		all = append(all, spec)
	}
	return all, nil
}

// String returns the specifiers sorted, each once, with commas between them.
func (s Specifiers) String() string {
	texts := make([]string, len(s))
	for i, spec := range s {
		texts[i] = spec.String()
	}
	slices.Sort(texts)
	return strings.Join(slices.Compact(texts), ",")
}

// Match reports whether all specifiers allow the version, be it a pre-release or not.
func (s Specifiers) Match(v Version) bool {
	for _, spec := range s {
		if !spec.Match(v) {
			return false
		}
	}
	return true
}

// NamesPrerelease reports whether one of the specifiers names a pre-release.
func (s Specifiers) NamesPrerelease() bool {
	return slices.ContainsFunc(s, Specifier.NamesPrerelease)
}

// IsPinned reports whether one of the specifiers allows one public version only.
func (s Specifiers) IsPinned() bool { return slices.ContainsFunc(s, Specifier.IsPin) }

// Filter returns those versions that match, in their order. Pre-releases are among them if pre is set, if a specifier names one, or if
// nothing else matches ("Handling of pre-releases" in PEP 440).
func (s Specifiers) Filter(versions []Version, pre bool) []Version {
	var all, final []Version
	for _, v := range versions {
		if s.Match(v) {
			all = append(all, v)
			if !v.IsPrerelease() {
				final = append(final, v)
			}
		}
	}
	if pre || s.NamesPrerelease() || len(final) == 0 {
		return all
	}
	return final
}
