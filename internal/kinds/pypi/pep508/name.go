// Package pep508 has the requirements of Python packages on others, as PEP 508 and its successor, the specification "Dependency
// specifiers" of packaging.python.org, define them: names, extras, version specifiers, addresses, and markers, which are evaluated for a
// given environment and never for this machine.
package pep508

import "strings"

// NormalizeName returns the form of a project's name by which indexes know it: lower case, with one "-" for each run of "-", "_" and "."
// (PEP 503). The names of extras have the same form (PEP 685).
func NormalizeName(name string) string {
	var b strings.Builder
	b.Grow(len(name))
	separated := false
	for i := range len(name) {
		switch c := name[i]; {
		case c == '-' || c == '_' || c == '.':
			if !separated {
				b.WriteByte('-')
			}
			separated = true
			continue
		case 'A' <= c && c <= 'Z':
			b.WriteByte(c + 'a' - 'A')
		default:
			b.WriteByte(c)
		}
		separated = false
	}
	return b.String()
}

// ValidName reports whether a project can have the name: ASCII letters and digits, with "-", "_" and "." between them.
func ValidName(name string) bool {
	if name == "" || !isAlphanumeric(name[0]) || !isAlphanumeric(name[len(name)-1]) {
		return false
	}
	for i := range len(name) {
		if !isNameByte(name[i]) {
			return false
		}
	}
	return true
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

func isNameByte(c byte) bool { return isAlphanumeric(c) || c == '-' || c == '_' || c == '.' }
