package copyright

import (
	"strings"
	"testing"

	"github.com/github/go-spdx/v2/spdxexp"
	"github.com/github/go-spdx/v2/spdxexp/spdxlicenses"
)

const header = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n"

func files(licences ...string) string {
	text := header
	for _, l := range licences {
		text += "Files: *\nCopyright: somebody\nLicense: " + l + "\n\n"
	}
	return text
}

func TestExpressions(t *testing.T) {
	for licence, want := range map[string]string{
		"GPL-2+":                          "GPL-2.0-or-later",
		"GPL-2":                           "GPL-2.0-only",
		"GPL-2.0+":                        "GPL-2.0-or-later",
		"GPLv3":                           "GPL-3.0-only",
		"GPL-3.0-or-later":                "GPL-3.0-or-later",
		"GPL":                             "GPL-1.0-only",
		"LGPL":                            "LGPL-2.0-only",
		"LGPL-2.1+":                       "LGPL-2.1-or-later",
		"AGPL-3":                          "AGPL-3.0-only",
		"GFDL-1.3+":                       "GFDL-1.3-or-later",
		"GFDL-NIV-1.2+":                   "GFDL-1.2-no-invariants-or-later",
		"Expat":                           "MIT",
		"BSD-3-clause":                    "BSD-3-Clause",
		"apache-2.0":                      "Apache-2.0",
		"Apache-2":                        "Apache-2.0",
		"MPL-1.1":                         "MPL-1.1",
		"CC0":                             "CC0-1.0",
		"Artistic or GPL-1+":              "Artistic-1.0 OR GPL-1.0-or-later",
		"Perl and Expat":                  "(Artistic-1.0-Perl OR GPL-1.0-or-later) AND MIT",
		"GPL-2+ or Artistic and Expat":    "GPL-2.0-or-later OR Artistic-1.0 AND MIT",
		"GPL-2+ or Artistic, and Expat":   "(GPL-2.0-or-later OR Artistic-1.0) AND MIT",
		"Expat, ISC and Zlib":             "MIT AND ISC AND Zlib",
		"GPL-3+ with Bison exception":     "GPL-3.0-or-later WITH Bison-exception-2.2",
		"GPL-2 WITH Linux-syscall-note":   "GPL-2.0-only WITH Linux-syscall-note",
		"Expat and Expat":                 "MIT",
		"GPL-9":                           "LicenseRef-GPL-9-98aebb1f",
		"GPL-2+ with OpenSSL exception":   "LicenseRef-GPL-2-with-OpenSSL-exception-2c80c0e1",
		"public-domain":                   "LicenseRef-public-domain-8bf1d5a5",
		"Größe/2":                         "LicenseRef-Gr-e-2-0",
		"and":                             "LicenseRef-and-0",
		strings.Repeat("x", 200):          "LicenseRef-" + strings.Repeat("x", 60) + "-0",
		"BSD-3-clause\n Some\n .\n  text": "BSD-3-Clause",
	} {
		got := Parse([]byte(files(licence)))
		if prefix, isRef := strings.CutPrefix(want, "LicenseRef-"); isRef {
			if len(got.Refs) != 1 || got.Expression != got.Refs[0].ID || !strings.HasPrefix(got.Expression, "LicenseRef-"+prefix[:strings.LastIndex(prefix, "-")+1]) {
				t.Errorf("%q: %+v, want like %s", licence, got, want)
			}
		} else if got.Expression != want || len(got.Refs) > 0 {
			t.Errorf("%q: %+v, want %s", licence, got, want)
		}
		if _, invalid := spdxexp.ValidateLicenses([]string{got.Expression}); len(invalid) > 0 {
			t.Errorf("%q: not an SPDX expression: %q", licence, invalid)
		}
	}
}

// TestTables: what the tables lead to is on SPDX's lists.
func TestTables(t *testing.T) {
	for name, expression := range known {
		if _, invalid := spdxexp.ValidateLicenses([]string{expression}); len(invalid) > 0 || name != strings.ToLower(name) {
			t.Errorf("%s: %s", name, expression)
		}
		if listed(name) != "" {
			t.Errorf("%s is an identifier of SPDX itself", name)
		}
	}
	for name, id := range exceptions {
		if is, _ := spdxlicenses.IsException(id); !is || name != strings.ToLower(name) {
			t.Errorf("%s: %s is not an exception of SPDX", name, id)
		}
	}
}

func TestParse(t *testing.T) {
	texts := files("GPL-2+\n This is free", "public-domain", "GPL-2+ or mine") +
		"License: public-domain\n Nobody owns\n it.\n .\n  Really.\n\nLicense: mine\n All of it\n"
	got := Parse([]byte(texts))
	if len(got.Refs) != 2 || got.Refs[0].Name != "mine" || got.Refs[1].Text != "Nobody owns\nit.\n\n Really." ||
		got.Expression != "GPL-2.0-or-later AND "+got.Refs[1].ID+" AND (GPL-2.0-or-later OR "+got.Refs[0].ID+")" {
		t.Errorf("%+v", got)
	}
	// The same name with another text is another licence.
	if other := Parse([]byte(strings.Replace(texts, "All of it", "None of it", 1))); other.Refs[0].ID == got.Refs[0].ID {
		t.Errorf("%+v", other)
	}
	for name, text := range map[string]string{
		"free text":     "This package was debianized by Somebody\n\nLicense: GPL\n",
		"nothing":       "",
		"no format":     "Upstream-Name: x\n\nFiles: *\nLicense: GPL-2\n",
		"another":       "Format: something else\nFiles: *\nLicense: GPL-2\n",
		"damaged":       header + "Files: *\nLicense: GPL-2\nnot a field\n",
		"no files":      header + "License: GPL-2\n text\n",
		"empty licence": files("", "\n only text"),
	} {
		if got := Parse([]byte(text)); got.Expression != "" || got.Refs != nil || got.SameAs != "" {
			t.Errorf("%s: %+v", name, got)
		}
	}
	for _, format := range []string{"http://dep.debian.net/deps/dep5/", "http://www.debian.org/doc/packaging-manuals/copyright-format/1.0"} {
		if got := Parse([]byte("Format-Specification: " + format + "\nLicense: ISC\n")); got.Expression != "ISC" {
			t.Errorf("%s: %+v", format, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(files("GPL-2+ or Artistic, and Expat with x exception\n text"))
	f.Add(files("a, , or b and", "(x) OR y"))
	f.Fuzz(func(t *testing.T, text string) {
		got := Parse([]byte(text))
		if got.Expression == "" {
			return
		}
		if _, invalid := spdxexp.ValidateLicenses([]string{got.Expression}); len(invalid) > 0 {
			t.Errorf("%q is not an SPDX expression", got.Expression)
		}
	})
}
