package pep508

import (
	"slices"
	"strings"
)

// A Marker says where a requirement applies, such as `python_version < "3.13" and extra == "socks"`. The zero value is everywhere.
type Marker struct{ root *node }

// A node is a comparison, or several nodes of which one must hold (any) or all must.
type node struct {
	comparison *comparison
	any        bool
	nodes      []*node
}

// A comparison is LEFT OP RIGHT, of which one is a variable at least.
type comparison struct {
	left, right operand
	op          string // an operator of PEP 440, "in" or "not in"
}

// An operand is a variable or a text.
type operand struct {
	variable string // by its usual name; empty: a text
	text     string
}

// key is the name of the variable that decides how the sides are compared.
func (c *comparison) key() string {
	if c.left.variable != "" {
		return c.left.variable
	}
	return c.right.variable
}

// aliases are old spellings of variables.
var aliases = map[string]string{
	"os.name": "os_name", "sys.platform": "sys_platform", "platform.version": "platform_version", "platform.machine": "platform_machine",
	"platform.python_implementation": "platform_python_implementation", "python_implementation": "platform_python_implementation",
}

// Variables of markers. Those that are versions are compared as versions, all others as texts.
var variables = map[string]struct{ isVersion, isSet bool }{
	"implementation_name": {}, "implementation_version": {isVersion: true}, "os_name": {}, "platform_machine": {},
	"platform_python_implementation": {}, "platform_release": {isVersion: true}, "platform_system": {}, "platform_version": {},
	"python_full_version": {isVersion: true}, "python_version": {isVersion: true}, "sys_platform": {}, "extra": {},
	"extras": {isSet: true}, "dependency_groups": {isSet: true},
}

// IsZero reports whether the marker holds everywhere because there is none.
func (m Marker) IsZero() bool { return m.root == nil }

// String returns the marker in its usual form.
func (m Marker) String() string {
	if m.root == nil {
		return ""
	}
	return m.root.String()
}

func (n *node) String() string {
	if c := n.comparison; c != nil {
		return c.left.String() + " " + c.op + " " + c.right.String()
	}
	texts := make([]string, len(n.nodes))
	for i, inner := range n.nodes {
		texts[i] = inner.String()
		if inner.comparison == nil && inner.any && !n.any {
			texts[i] = "(" + texts[i] + ")"
		}
	}
	if n.any {
		return strings.Join(texts, " or ")
	}
	return strings.Join(texts, " and ")
}

func (o operand) String() string {
	switch {
	case o.variable != "":
		return o.variable
	case strings.Contains(o.text, `"`):
		return "'" + o.text + "'"
	}
	return `"` + o.text + `"`
}

// Uses reports whether the marker has the variable, such as "extra".
func (m Marker) Uses(variable string) bool { return m.root != nil && m.root.uses(variable) }

func (n *node) uses(variable string) bool {
	if c := n.comparison; c != nil {
		return c.left.variable == variable || c.right.variable == variable
	}
	return slices.ContainsFunc(n.nodes, func(inner *node) bool { return inner.uses(variable) })
}
