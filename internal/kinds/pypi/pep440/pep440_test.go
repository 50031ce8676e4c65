package pep440_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/kinds/pypi/pep440"
)

// TestOrder has the order that PEP 440 gives as its example, and neighbours.
func TestOrder(t *testing.T) {
	ordered := strings.Fields("1.dev0 1.0.dev456 1.0a1 1.0a2.dev456 1.0a12.dev456 1.0a12 1.0b1.dev456 1.0b2 1.0b2.post345.dev456 1.0b2.post345 " +
		"1.0rc1.dev456 1.0rc1 1.0 1.0+abc.5 1.0+abc.7 1.0+5 1.0.post456.dev34 1.0.post456 1.0.15 1.1.dev1 1!0.1")
	for i, older := range ordered {
		for j, newer := range ordered {
			a, b := parse(t, older), parse(t, newer)
			if got := a.Compare(b); (got < 0) != (i < j) || (got == 0) != (i == j) {
				t.Errorf("%s and %s: %d", older, newer, got)
			}
		}
	}
}

func TestErrors(t *testing.T) {
	for text, want := range map[string]string{
		">=":         "there is no version after >=",
		"1.0":        "it begins with none of the operators",
		"=1.0":       "it begins with none of the operators",
		">=1.*":      `".*" can only follow == and !=`,
		"==1.0rc1.*": `".*" can only follow numbers`,
		">=1.0+x":    `a local version, after "+", can only follow == and !=`,
		"~=1":        "~= needs two numbers or more, as ~=1.0",
		">=1.x":      `"1.x" is not a version`,
		">=1;":       `"1;" is not a version`,
	} {
		_, err := pep440.ParseSpecifiers(text)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "\nhint: write ") {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := pep440.Parse(strings.Repeat("1.", 400) + "0"); err == nil || len(err.Error()) > 300 {
		t.Errorf("a version of 801 characters: %v", err)
	}
}

func TestFilter(t *testing.T) {
	all := []pep440.Version{parse(t, "2.0rc1"), parse(t, "1.0"), parse(t, "1.1.dev1"), parse(t, "0.9")}
	for _, test := range []struct {
		set, want string
		pre       bool
	}{
		{"", "1.0 0.9", false},
		{"", "2.0rc1 1.0 1.1.dev1 0.9", true},
		{">=1.0", "1.0", false},
		{">1.0", "2.0rc1 1.1.dev1", false},
		{">=1.1.dev0", "2.0rc1 1.1.dev1", false},
		{"!=2.0rc1", "1.0 0.9", false},
		{"<2.0rc1", "1.0 1.1.dev1 0.9", false},
		{"<2.0", "1.0 0.9", false},
		{"<2.0", "1.0 1.1.dev1 0.9", true},
	} {
		set, err := pep440.ParseSpecifiers(test.set)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, v := range set.Filter(all, test.pre) {
			got = append(got, v.String())
		}
		if !slices.Equal(got, strings.Fields(test.want)) {
			t.Errorf("%q, %t: %v, want %s", test.set, test.pre, got, test.want)
		}
	}
}

func parse(t *testing.T, s string) pep440.Version {
	t.Helper()
	v, err := pep440.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"1.0", "v1!2.0-alpha_1.post3.dev4+a-b_1", "1.0-1", " 1.0c ", "1.0+", "1..0", "00!00a00"} {
		f.Add(s, "1.0.post1")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		v, err := pep440.Parse(a)
		if err != nil {
			return
		}
		again, err := pep440.Parse(v.String())
		if err != nil || again.String() != v.String() || !again.Equal(v) {
			t.Fatalf("%q: %q: %v", a, v, err)
		}
		if other, err := pep440.Parse(b); err == nil && (v.Compare(other) != -other.Compare(v) || v.Equal(other) != (v.Key() == other.Key())) {
			t.Fatalf("%q and %q: %d, %d", a, b, v.Compare(other), other.Compare(v))
		}
	})
}

func FuzzParseSpecifiers(f *testing.F) {
	for _, s := range []string{">=1.0,<2", "==1.*,!=1.3.*", "~=1.0.post1", "=== any-thing", ">=1.0,,", "==1!1.0+x"} {
		f.Add(s, "1.0.post1")
	}
	f.Fuzz(func(t *testing.T, text, version string) {
		set, err := pep440.ParseSpecifiers(text)
		if err != nil {
			return
		}
		again, err := pep440.ParseSpecifiers(set.String())
		if err != nil || again.String() != set.String() {
			t.Fatalf("%q: %q: %v", text, set, err)
		}
		if v, err := pep440.Parse(version); err == nil && set.Match(v) != again.Match(v) {
			t.Fatalf("%q and %q: %q", text, set, v)
		}
	})
}
