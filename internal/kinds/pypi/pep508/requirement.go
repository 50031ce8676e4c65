package pep508

import (
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/kinds/pypi/pep440"
)

// A Requirement asks for a project, such as `requests[socks]>=2.8,<3; python_version < "3.13"`.
type Requirement struct {
	// Name is the name as it was written; Project returns what indexes know.
	Name string
	// Extras are the normalised names of the extras, sorted, each once.
	Extras []string
	// Specifiers are the conditions on the version; none allow any.
	Specifiers pep440.Specifiers
	// URL is where the requirement says that the package is, "name @ URL"; it is not checked. Then there are no specifiers.
	URL string
	// Marker is where the requirement applies; the zero value is everywhere.
	Marker Marker
}

const requirementHint = `write "name", "name>=1.4,<2", "name[extra1,extra2]==2.*" or "name; python_version < '3.13'" (PEP 508)`

// ParseRequirement reads a requirement, on one line, as packages declare them. An error names the column and has a hint.
func ParseRequirement(text string) (Requirement, error) {
	var r Requirement
	s := &scanner{text: text}
	s.spaces()
	var err error
	if r.Name, err = s.name(); err != nil {
		return r, err
	} else if r.Name == "" {
		return r, s.errorf(requirementHint, "expected the name of a project, not %s", s.next())
	}
	s.spaces()
	if err := r.parseExtras(s); err != nil {
		return Requirement{}, err
	}
	s.spaces()
	after := "a version"
	if s.skip("@") {
		after = "the URL and a space"
		s.spaces()
		if r.URL = s.run(func(c byte) bool { return c != ' ' && c != '\t' }); r.URL == "" {
			return Requirement{}, s.errorf(`write "name @ https://…"`, "expected a URL after @")
		}
		if !s.spaces() && !s.atEnd() {
			panic("a URL ends with a space")
		}
	} else if err := r.parseSpecifiers(s); err != nil {
		return Requirement{}, err
	} else if len(r.Specifiers) == 0 {
		after = "the name"
	}
	s.spaces()
	if s.atEnd() {
		return r, nil
	}
	if !s.skip(";") {
		return Requirement{}, s.errorf(requirementHint, "expected the end or \";\" after %s, not %s", after, s.next())
	}
	if r.Marker, err = parseMarker(s, false); err != nil {
		return Requirement{}, err
	}
	return r, nil
}

// parseExtras reads the names in brackets.
func (r *Requirement) parseExtras(s *scanner) error {
	const hint = `write extras as "name[extra1,extra2]"`
	if !s.skip("[") {
		return nil
	}
	s.spaces()
	for s.peek() != ']' {
		extra, err := s.name()
		switch {
		case err != nil:
			return err
		case extra == "":
			return s.errorf(hint, "expected the name of an extra, not %s", s.next())
		}
		r.Extras = append(r.Extras, NormalizeName(extra))
		s.spaces()
		if s.peek() == ']' {
			break
		}
		if !s.skip(",") {
			return s.errorf(hint, "expected \",\" or \"]\" after an extra, not %s", s.next())
		}
		if s.spaces(); s.peek() == ']' {
			return s.errorf(hint, "expected the name of an extra after \",\"")
		}
	}
	s.skip("]")
	slices.Sort(r.Extras)
	r.Extras = slices.Compact(r.Extras)
	return nil
}

// parseSpecifiers reads the conditions on the version, which may be in parentheses.
func (r *Requirement) parseSpecifiers(s *scanner) error {
	open := s.at
	parenthesis := s.skip("(")
	s.spaces()
	for strings.IndexByte("=!~<>", s.peek()) >= 0 && !s.atEnd() {
		spec, err := parseSpecifier(s)
		if err != nil {
			return err
		}
		r.Specifiers = append(r.Specifiers, spec)
		s.spaces()
		if !s.skip(",") {
			break
		}
		s.spaces()
	}
	if parenthesis && !s.skip(")") {
		s.at = open
		return s.errorf(requirementHint, "the parenthesis is not closed, or there are not only version specifiers in it")
	}
	return nil
}

// parseSpecifier reads one condition.
func parseSpecifier(s *scanner) (pep440.Specifier, error) {
	begin := s.at
	op := s.run(func(c byte) bool { return strings.IndexByte("=!~<>", c) >= 0 })
	s.spaces()
	if op == "===" {
		s.run(func(c byte) bool { return strings.IndexByte(" \t;,)", c) < 0 })
	} else {
		s.run(func(c byte) bool { return isNameByte(c) || c == '!' || c == '+' || c == '*' })
	}
	text := s.text[begin:s.at]
	spec, err := pep440.ParseSpecifier(text)
	if err != nil {
		s.at = begin
		return spec, s.errorf(requirementHint, "%s", plain(err))
	}
	return spec, nil
}

// plain is the text of an error without its hint.
func plain(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\n")
	return text
}

// Project returns the normalised name of the project.
func (r Requirement) Project() string { return NormalizeName(r.Name) }

// String returns the requirement in its usual form: with the name as it was written, extras and specifiers sorted.
func (r Requirement) String() string {
	var b strings.Builder
	b.WriteString(r.Name)
	if len(r.Extras) > 0 {
		b.WriteString("[" + strings.Join(r.Extras, ",") + "]")
	}
	marker := "; "
	if r.URL != "" {
		b.WriteString(" @ " + r.URL)
		marker = " ; "
	} else {
		b.WriteString(r.Specifiers.String())
	}
	if !r.Marker.IsZero() {
		b.WriteString(marker + r.Marker.String())
	}
	return b.String()
}
