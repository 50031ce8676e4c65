package pep508_test

import (
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/kinds/pypi/pep508"
)

func TestErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                                `column 1: expected the name of a project, not the end`,
		"-x":                              `column 1: expected the name of a project, not "-x"`,
		"acme-":                           `column 5: "acme-" ends with '-'`,
		"acmé":                            `column 4: the name "acm" goes on with 'é'`,
		"acme 1.0":                        `column 6: expected the end or ";" after the name, not "1.0"`,
		"acme>=1.0 extra":                 `column 11: expected the end or ";" after a version, not "extra"`,
		"acme[a":                          `column 7: expected "," or "]" after an extra, not the end`,
		"acme[a,]":                        `column 8: expected the name of an extra after ","`,
		"acme>=":                          `column 5: ">=" is not a valid version specifier: there is no version after >=`,
		"acme (>=1.0":                     `column 6: the parenthesis is not closed`,
		"acme @ ":                         `column 8: expected a URL after @`,
		"acme; python_version":            `column 21: expected an operator, one of`,
		"acme; python_version<3":          `column 22: expected a variable or a quoted text, not "3"`,
		"acme; pythonversion<'3'":         `column 7: unknown variable pythonversion`,
		"acme; python_version<'3":         `column 22: the quotes are not closed`,
		"acme; '3'=='3'":                  `column 7: two texts are compared`,
		"acme; (os_name=='nt'":            `column 7: this parenthesis is not closed before the end`,
		"acme; os_name=='nt' xor":         `column 21: expected "and", "or" or the end, not "xor"`,
		`acme; os_name=='n\t'`:            `column 16: the text has a backslash`,
		"acme; 'a' in extras":             `column 14: the variable extras is only known in lock files`,
		"a;" + strings.Repeat("(", 51):    "parentheses are nested more than 50 deep",
		"acme; os_name not  on 'nt'":      `column 15: expected an operator`,
		"acme; os_name == 'a' and":        `column 25: expected a variable or a quoted text, not the end`,
		strings.Repeat("ä", 1000):         `column 1: `,
		"acme == 1.0; python_version=3.1": `expected an operator`,
	} {
		_, err := pep508.ParseRequirement(text)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "\nhint: ") {
			t.Errorf("%q: %v", text, err)
		}
	}
	for text, want := range map[string]string{
		"extras == 'a'":  "a text can only be in extras, or not in it",
		"'a' < extras":   "a text can only be in extras, or not in it",
		"extra in 'a' ;": `column 14: expected "and", "or" or the end, not ';'`,
	} {
		if _, err := pep508.ParseMarker(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestRequirement(t *testing.T) {
	for text, want := range map[string]string{
		` Requests [Socks_Proxy, security,security] (>=2.8, <3) ; python_version<"3.13" and (os.name=='nt' or extra=="x")`: `Requests[security,socks-proxy]<3,>=2.8; python_version < "3.13" and (os_name == "nt" or extra == "x")`,
		"a@ https://example.org/a.zip ;'\"' in platform_version":                                                           `a @ https://example.org/a.zip ; '"' in platform_version`,
		"a;os_name=='a' or os_name=='b' and os_name=='c'":                                                                  `a; os_name == "a" or os_name == "b" and os_name == "c"`,
	} {
		r, err := pep508.ParseRequirement(text)
		if err != nil || r.String() != want {
			t.Errorf("%q: %s, %v", text, r, err)
		}
	}
}

func TestExtras(t *testing.T) {
	m, err := pep508.ParseMarker(`os_name == "posix" and extra == "Socks_Proxy"`)
	if err != nil {
		t.Fatal(err)
	}
	for extras, want := range map[string]bool{"": false, "socks.proxy": true, "a socks-proxy": true, "a": false} {
		if got, err := m.EvaluateExtras(pep508.Environment{OSName: "posix"}, strings.Fields(extras)); got != want || err != nil {
			t.Errorf("%q: %t, %v", extras, got, err)
		}
	}
	set, err := pep508.ParseMarker(`"CLI" in extras and "dev" not in dependency_groups`)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []pep508.Environment{{Extras: []string{"cli"}}, {Extras: []string{"cli"}, DependencyGroups: []string{"Dev"}}, {}} {
		if got, err := set.Evaluate(e); got != (len(e.Extras) > 0 && len(e.DependencyGroups) == 0) || err != nil {
			t.Errorf("%v: %t, %v", e, got, err)
		}
	}
}

func TestNames(t *testing.T) {
	for name, want := range map[string]string{"Zope.Interface": "zope-interface", "a__-.B": "a-b", "3to2": "3to2"} {
		if got := pep508.NormalizeName(name); got != want || !pep508.ValidName(name) || !pep508.ValidName(got) {
			t.Errorf("%s: %s", name, got)
		}
	}
	for _, name := range []string{"", "-a", "a-", "a b", "é", "..", "a/b"} {
		if pep508.ValidName(name) {
			t.Errorf("%q is a name", name)
		}
	}
}

func FuzzParseRequirement(f *testing.F) {
	for _, s := range []string{"a[b,c]>=1,<2; python_version<'3' and (os_name=='x' or extra in 'a b')", "a @ https://h/x ; '1' in extra", "A.b(==1.*)", "a===x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := pep508.ParseRequirement(text)
		if err != nil {
			return
		}
		again, err := pep508.ParseRequirement(r.String())
		if err != nil || again.String() != r.String() {
			t.Fatalf("%q: %q: %v", text, r, err)
		}
		for _, e := range environments {
			a, err1 := r.Marker.Evaluate(e)
			b, err2 := again.Marker.Evaluate(e)
			if a != b || (err1 == nil) != (err2 == nil) {
				t.Fatalf("%q: %q means something else", text, again)
			}
		}
	})
}

func FuzzParseMarker(f *testing.F) {
	for _, s := range []string{`"a" in extras`, `python_full_version~="3.1" and "x"<=platform_release`, `(((os_name>='1')))`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := pep508.ParseMarker(text)
		if err != nil {
			return
		}
		if again, err := pep508.ParseMarker(m.String()); err != nil || again.String() != m.String() {
			t.Fatalf("%q: %q: %v", text, m, err)
		}
	})
}
