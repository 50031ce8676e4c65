package pep508

import (
	"fmt"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/kinds/pypi/pep440"
)

// An Environment is what markers are evaluated for: the variables of PEP 508 with the values that they have on the machine where packages
// will be installed. What is unknown may be empty.
type Environment struct {
	ImplementationName           string // "cpython"
	ImplementationVersion        string // "3.11.2"
	OSName                       string // "posix"
	PlatformMachine              string // "x86_64"
	PlatformPythonImplementation string // "CPython"
	PlatformRelease              string // "6.1.0-18-amd64"
	PlatformSystem               string // "Linux"
	PlatformVersion              string // "#1 SMP …"
	PythonFullVersion            string // "3.11.2"
	PythonVersion                string // "3.11"
	SysPlatform                  string // "linux"

	// Extra is the extra for which a requirement of a package is considered; empty for those without extra.
	Extra string
	// Extras and DependencyGroups are what is installed of a lock file (PEP 751).
	Extras, DependencyGroups []string
}

// value returns the value of a variable that is not a set.
func (e *Environment) value(variable string) string {
	switch variable {
	case "implementation_name":
		return e.ImplementationName
	case "implementation_version":
		return e.ImplementationVersion
	case "os_name":
		return e.OSName
	case "platform_machine":
		return e.PlatformMachine
	case "platform_python_implementation":
		return e.PlatformPythonImplementation
	case "platform_release":
		return e.PlatformRelease
	case "platform_system":
		return e.PlatformSystem
	case "platform_version":
		return e.PlatformVersion
	case "python_full_version":
		return e.PythonFullVersion
	case "python_version":
		return e.PythonVersion
	case "sys_platform":
		return e.SysPlatform
	}
	return e.Extra
}

// Evaluate reports whether the marker holds in the environment. The error is about a comparison that has no meaning, such as
// `sys_platform ~= "linux"`, wherever in the marker it is.
func (m Marker) Evaluate(e Environment) (bool, error) {
	if m.root == nil {
		return true, nil
	}
	return m.root.evaluate(&e)
}

// EvaluateExtras reports whether a requirement of a package applies when the package is wanted with these extras: with one of them, or,
// if there are none, without.
func (m Marker) EvaluateExtras(e Environment, extras []string) (bool, error) {
	if len(extras) == 0 || !m.Uses("extra") {
		extras = []string{""}
	}
	for _, extra := range extras {
		e.Extra = extra
		if holds, err := m.Evaluate(e); holds || err != nil {
			return holds, err
		}
	}
	return false, nil
}

func (n *node) evaluate(e *Environment) (bool, error) {
	if n.comparison != nil {
		return n.comparison.evaluate(e)
	}
	result := !n.any
	for _, inner := range n.nodes {
		holds, err := inner.evaluate(e)
		if err != nil {
			return false, err
		}
		if holds == n.any {
			result = n.any
		}
	}
	return result, nil
}

func (c *comparison) evaluate(e *Environment) (bool, error) {
	key := c.key()
	left, right := c.left.value(e, key), c.right.value(e, key)
	switch set := variables[key]; {
	case set.isSet:
		values := e.Extras
		if key == "dependency_groups" {
			values = e.DependencyGroups
		}
		left = NormalizeName(left)
		in := slices.ContainsFunc(values, func(v string) bool { return NormalizeName(v) == left })
		return in == (c.op == "in"), nil
	case set.isVersion && c.op != "in" && c.op != "not in":
		if spec, err := pep440.ParseSpecifier(c.op + right); err == nil {
			if c.op == "===" {
				return strings.EqualFold(left, spec.Text), nil
			}
			v, err := pep440.Parse(left)
			return err == nil && spec.Match(v), nil
		}
	}
	switch c.op {
	case "in":
		return strings.Contains(right, left), nil
	case "not in":
		return !strings.Contains(right, left), nil
	case "==", "<=", ">=":
		return left == right, nil
	case "!=":
		return left != right, nil
	case "<", ">":
		return false, nil
	}
	return false, fmt.Errorf("marker %s %s %s: %s cannot compare %q and %q, which are not versions", c.left, c.op, c.right, c.op, left, right)
}

// value is what the operand is in a comparison for the variable key.
func (o operand) value(e *Environment, key string) string {
	text := o.text
	if o.variable != "" && !variables[o.variable].isSet {
		text = e.value(o.variable)
	}
	if key == "extra" {
		text = NormalizeName(text)
	}
	return text
}
