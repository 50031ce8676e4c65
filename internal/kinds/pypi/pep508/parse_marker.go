package pep508

import (
	"strings"
)

// maxDepth is how deep parentheses may be nested.
const maxDepth = 50

const markerHint = `write "python_version < '3.13'", "sys_platform == 'linux' and extra == 'socks'" (PEP 508)`

// ParseMarker reads a marker as lock files have it: they also know the variables extras and dependency_groups (PEP 751). An error names the
// column and has a hint.
func ParseMarker(text string) (Marker, error) {
	return parseMarker(&scanner{text: text}, true)
}

// parseMarker reads a marker to the end of the text.
func parseMarker(s *scanner, sets bool) (Marker, error) {
	root, err := parseOr(s, sets)
	if err != nil {
		return Marker{}, err
	}
	if !s.atEnd() {
		return Marker{}, s.errorf(markerHint, "expected \"and\", \"or\" or the end, not %s", s.next())
	}
	return Marker{root}, nil
}

func parseOr(s *scanner, sets bool) (*node, error) {
	return parseJoined(s, "or", func() (*node, error) {
		return parseJoined(s, "and", func() (*node, error) { return parseAtom(s, sets) })
	})
}

// parseJoined reads one or more nodes with a word between them.
func parseJoined(s *scanner, join string, parse func() (*node, error)) (*node, error) {
	joined := &node{any: join == "or"}
	for {
		one, err := parse()
		if err != nil {
			return nil, err
		}
		joined.nodes = append(joined.nodes, one)
		before := s.at
		if s.word() != join {
			s.at = before
			break
		}
	}
	if len(joined.nodes) == 1 {
		return joined.nodes[0], nil
	}
	return joined, nil
}

// parseAtom reads a comparison or a marker in parentheses, with white space around it.
func parseAtom(s *scanner, sets bool) (*node, error) {
	s.spaces()
	open := s.at
	if !s.skip("(") {
		c, err := parseComparison(s, sets)
		if err != nil {
			return nil, err
		}
		s.spaces()
		return &node{comparison: c}, nil
	}
	if s.depth++; s.depth > maxDepth {
		return nil, s.errorf(markerHint, "parentheses are nested more than %d deep", maxDepth)
	}
	inner, err := parseOr(s, sets)
	if err != nil {
		return nil, err
	}
	if !s.skip(")") {
		next := s.next()
		s.at = open
		return nil, s.errorf(markerHint, "this parenthesis is not closed before %s", next)
	}
	s.depth--
	s.spaces()
	return inner, nil
}

func parseComparison(s *scanner, sets bool) (*comparison, error) {
	begin := s.at
	c := &comparison{}
	var err error
	if c.left, err = parseOperand(s, sets); err != nil {
		return nil, err
	}
	s.spaces()
	if c.op, err = parseOperator(s); err != nil {
		return nil, err
	}
	s.spaces()
	if c.right, err = parseOperand(s, sets); err != nil {
		return nil, err
	}
	end := s.at
	s.at = begin
	switch {
	case c.left.variable == "" && c.right.variable == "":
		return nil, s.errorf(markerHint, "two texts are compared; one side must be a variable such as python_version")
	case variables[c.left.variable].isSet, variables[c.right.variable].isSet && (c.left.variable != "" || c.op != "in" && c.op != "not in"):
		return nil, s.errorf(`write "'name' in extras"`, "a text can only be in %s, or not in it", c.key())
	}
	s.at = end
	return c, nil
}

// parseOperand reads a variable or a quoted text.
func parseOperand(s *scanner, sets bool) (operand, error) {
	begin := s.at
	quote := s.peek()
	if quote != '"' && quote != '\'' {
		name := s.run(func(c byte) bool { return isAlphanumeric(c) || c == '_' || c == '.' })
		if usual, found := aliases[name]; found {
			name = usual
		}
		v, found := variables[name]
		if found && (sets || !v.isSet) {
			return operand{variable: name}, nil
		}
		s.at = begin
		switch {
		case found:
			return operand{}, s.errorf(markerHint, "the variable %s is only known in lock files", name)
		case name == "" || isDigit(name[0]):
			return operand{}, s.errorf(markerHint, "expected a variable or a quoted text, not %s", s.next())
		}
		return operand{}, s.errorf("texts are in quotes; the variables are python_version, python_full_version, os_name, sys_platform, platform_machine, platform_system, "+
			"platform_release, platform_version, platform_python_implementation, implementation_name, implementation_version and extra", "unknown variable %s", name)
	}
	s.at++
	text := s.run(func(c byte) bool { return c != quote })
	switch {
	case !s.skip(string(quote)):
		s.at = begin
		return operand{}, s.errorf(markerHint, "the quotes are not closed")
	case strings.ContainsAny(text, "\\\n\r\x00"):
		s.at = begin
		return operand{}, s.errorf("write the text without backslashes", "the text has a backslash or the end of a line")
	}
	return operand{text: text}, nil
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func parseOperator(s *scanner) (string, error) {
	begin := s.at
	op := s.run(func(c byte) bool { return strings.IndexByte("=!~<>", c) >= 0 })
	if op == "" {
		op = s.word()
	}
	switch op {
	case "==", "===", "~=", "!=", "<=", ">=", "<", ">", "in":
		return op, nil
	case "not":
		if s.spaces() && s.word() == "in" {
			return "not in", nil
		}
	}
	s.at = begin
	return "", s.errorf(markerHint, "expected an operator, one of == != < <= > >= ~= === in and \"not in\", not %s", s.next())
}
