package strictyaml

import (
	"strings"
	"testing"
)

// Every mistake of YAML's grammar has a line.
func TestSyntaxErrors(t *testing.T) {
	for in, want := range map[string]string{
		"\tname: x\n":                        "f:1: found character that cannot start any token: indent with spaces",
		"name: x\n\tcount: 3\n":              "f:2: found a tab",
		"name: x\nlist:\n\t- a\n":            "f:3: found character that cannot start any token: indent with spaces",
		"@x: 1\n":                            "f:1: found character that cannot start any token",
		"name: x\ncount: @x\n":               "f:2: found character that cannot start any token",
		"name: x\n list: 3\n":                "f:2: mapping values are not allowed",
		"name: x: y\n":                       "f:1: mapping values are not allowed",
		"name: x\nlist:\n  - a\n bad: b\n":   "f:4: did not find expected key",
		"name: x\nlist: [a]]\n":              "f:2: did not find expected key",
		"name: {a: b\n":                      "f:2: did not find expected",
		"- a\nb: c\n":                        "f:2: did not find expected '-'",
		"name: x\nlist: [a, b\ncount: 3\n":   "f:2: did not find expected ','",
		"name: x\nlist: \xff\n":              "f:2: invalid leading UTF-8 octet",
		"name: x\n\ncount: \x01\n":           "f:3: control characters",
		"name: x\nlist: *a\n":                "f:2: *a without quotes\nhint: a pattern that begins with * must be in quotes: \"*a\"",
		"name: x\nlist: [b, *-doc]\n":        "f:2: *-doc without quotes\nhint: ",
		"name: x\nlist: [*, b]\n":            "f:2: did not find expected alphabetic or numeric character\nhint: a pattern that begins with *",
		"name: \"x\n":                        "f:2: found unexpected end of stream",
		"name: x\n---\n@\n":                  "f:3: found character that cannot start any token",
		"%YAML 9\n---\n":                     "f:1: did not find expected digit",
		"name: x\nlist:\n  - a\n  - {b: [\n": "f:",
	} {
		if _, err := Parse("f", []byte(in)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", in, err, want)
		}
	}
}
