package copyright

import (
	"regexp"
	"slices"
	"strings"
)

// An operator joins short names in a synopsis. A comma before "and" or "or" makes it bind less than those without: copyright-format 1.0,
// "License specification".
var operators = []struct {
	pattern *regexp.Regexp
	join    func([]string) string
}{
	{regexp.MustCompile(`(?i)\s*,\s*and\s+`), and},
	{regexp.MustCompile(`(?i)\s*,\s*or\s+`), or},
	{regexp.MustCompile(`(?i)\s+or\s+`), or},
	{regexp.MustCompile(`(?i)\s+and\s+|\s*,\s*`), and},
}

// expression is the SPDX expression of a synopsis such as "GPL-2+ or Artistic, and Expat".
func (n *names) expression(synopsis string) string { return n.parse(synopsis, 0) }

func (n *names) parse(text string, level int) string {
	if text = strings.Trim(text, " ,"); text == "" {
		return ""
	}
	if level == len(operators) {
		return n.name(text)
	}
	var terms []string
	for _, part := range operators[level].pattern.Split(text, -1) {
		if e := n.parse(part, level+1); e != "" && !slices.Contains(terms, e) {
			terms = append(terms, e)
		}
	}
	return operators[level].join(terms)
}

// and joins expressions: AND binds more than OR (SPDX 2.3, annex D.4). Terms of expressions that are joined by AND themselves count each once.
func and(terms []string) string {
	if len(terms) == 1 {
		return terms[0]
	}
	var all []string
	for _, t := range terms {
		parts := split(t, " AND ")
		if len(split(t, " OR ")) > 1 {
			parts = []string{"(" + t + ")"}
		}
		for _, part := range parts {
			if !slices.Contains(all, part) {
				all = append(all, part)
			}
		}
	}
	return strings.Join(all, " AND ")
}

func or(terms []string) string { return strings.Join(terms, " OR ") }

// split cuts an expression at an operator that is not in parentheses.
func split(expression, operator string) (parts []string) {
	depth, begin := 0, 0
	for i := range len(expression) {
		switch {
		case expression[i] == '(':
			depth++
		case expression[i] == ')':
			depth--
		case depth == 0 && strings.HasPrefix(expression[i:], operator):
			parts = append(parts, expression[begin:i])
			begin = i + len(operator)
		}
	}
	return append(parts, expression[begin:])
}
