package deb822

import (
	"fmt"
	"strings"
	"testing"
)

func TestParseClauses(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "[]"},
		{"a", "[a]"},
		{"a, b", "[a b]"},
		{"a|b (>= 1) , c", "[a | b (>= 1) c]"},
		{"a(=1:2.0~rc1-1+b1)", "[a (= 1:2.0~rc1-1+b1)]"},
		{"a (<< 1), b (<= 1), c (= 1), d (>= 1), e (>> 1)", "[a (<< 1) b (<= 1) c (= 1) d (>= 1) e (>> 1)]"},
		{"a (< 1), b (> 1)", "[a (<= 1) b (>= 1)]"}, // as dpkg reads the old operators
		{"python3:any (>= 3.5~), gcc:native, libc6:i386", "[python3:any (>= 3.5~) gcc:native libc6:i386]"},
		{"g++-12, lib+x.y", "[g++-12 lib+x.y]"},
		{"a,\n b,\r\n\tc", "[a b c]"},
		{" a , b , ", "[a b]"},                                       // apt overlooks an empty entry at the end
		{"a (1.0), b(1)|c ( 2~ )", "[a (= 1.0) b (= 1) | c (= 2~)]"}, // as dpkg and apt read it
		{"a (=1), b", "[a (= 1) b]"},
	} {
		got, err := ParseClauses(c.text)
		if err != nil || fmt.Sprint(got) != c.want {
			t.Errorf("%q: %v, %v; want %s", c.text, got, err, c.want)
		}
	}
	for text, want := range map[string]string{
		"a |":             "a package is missing", // apt 2.6 crashes
		"| a":             "a package is missing",
		"a | , b":         "a package is missing",
		", a":             "a package is missing",
		"a,, b":           "a package is missing",
		"a, b,,":          "a package is missing",
		",":               "a package is missing",
		"a (=1)":          "apt cannot read",
		"a ()":            "apt cannot read",
		"a (), b":         "invalid version restriction",
		"a (<> 1.0)":      "invalid version restriction",
		"a (== 1.0)":      "invalid version restriction",
		"a (>= 1":         "no closing parenthesis",
		"a (1)":           "apt cannot read",
		"a (>= )":         "invalid version restriction",
		"a (=> 1)":        "invalid version restriction",
		"a (>= 1 2)":      "invalid version restriction",
		"a b":             "unexpected",
		"a: (>= 1)":       "an architecture is missing",
		"a [amd64]":       "unexpected",
		"a (= ${version}": "no closing parenthesis",
		"${shlibs}":       "invalid package name",
		"(>= 1)":          "invalid package name",
		"ä":               "invalid package name",
	} {
		if got, err := ParseClauses(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v; want an error with %q", text, got, err, want)
		}
	}
}

func FuzzParseClauses(f *testing.F) {
	for _, s := range []string{"a | b (>= 1), c:any (<< 2~)", "a,\n b", "a (<1)", "|", "a:(", "a ("} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		clauses, err := ParseClauses(text)
		if err != nil {
			return
		}
		texts := make([]string, len(clauses))
		for i, c := range clauses {
			texts[i] = c.String()
		}
		again, err := ParseClauses(strings.Join(texts, ", "))
		if err != nil || fmt.Sprint(again) != fmt.Sprint(clauses) {
			t.Errorf("%q: %v becomes %v, %v", text, clauses, again, err)
		}
	})
}
