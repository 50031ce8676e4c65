package resolver

import (
	"errors"
	"path"
	"reflect"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

func TestParseRequest(t *testing.T) {
	for _, want := range []Request{
		{text: "docker.io", Pattern: "docker.io"},
		{text: "g++", Pattern: "g++"},
		{text: "libc6:arm64", Pattern: "libc6", architecture: "arm64"},
		{text: "containerd (>= 1.6)", Pattern: "containerd", op: deb822.AtLeast, version: "1.6"},
		{text: "containerd(<<2~)", Pattern: "containerd", op: deb822.Earlier, version: "2~"},
		{text: "foo:arm64 (= 1:2-3)", Pattern: "foo", architecture: "arm64", op: deb822.Exactly, version: "1:2-3"},
		{text: "openssh-server=1:9.2*", Pattern: "openssh-server", op: deb822.Exactly, version: "1:9.2*"},
		{text: "foo:arm64=1:2", Pattern: "foo", architecture: "arm64", op: deb822.Exactly, version: "1:2"},
		{text: "foo = 1", Pattern: "foo", op: deb822.Exactly, version: "1"},
		{text: "python3-*:amd64", Pattern: "python3-*", architecture: "amd64"},
		{text: "*", Pattern: "*"},
		{text: "?essential", selector: "essential"},
		{text: "?priority(required)", selector: "priority", argument: "required"},
		{text: "?section(non-free/*)", selector: "section", argument: "non-free/*"},
		{text: "ssh-server^", selector: "task", argument: "ssh-server"},
		{text: "?protected", selector: "protected"},
		{text: "foo/bookworm-backports", Pattern: "foo", suite: "bookworm-backports"},
		{text: "foo:arm64/stable (>= 2)", Pattern: "foo", architecture: "arm64", suite: "stable", op: deb822.AtLeast, version: "2"},
	} {
		got, err := ParseRequest(" " + want.text + " ")
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, %v", want.text, got, err)
		}
		if again, err := ParseRequest(got.String()); err != nil || !reflect.DeepEqual(again, got) {
			t.Errorf("%q: read again: %+v, %v", want.text, again, err)
		}
	}
	for text, want := range map[string]string{
		"":                  "invalid name",
		"-foo":              "invalid name",
		"foo/":              "invalid suite",
		"foo/a b":           "unexpected",
		"foo:":              "invalid architecture",
		"foo:/b":            "invalid architecture",
		"?section":          "unknown pattern",
		"?section()":        "invalid argument",
		"?section(a b)":     "invalid argument",
		"?essential(yes)":   "unknown pattern",
		"^":                 "invalid argument",
		"foo=":              "invalid version",
		"foo=1 2":           "invalid version",
		"foo >= 1":          "unexpected",
		"foo>=1":            "unexpected",
		"foo (1)":           "invalid version restriction",
		"foo (>= 1*)":       "invalid version restriction",
		"foo (> 1)":         "write >> for strictly",
		"foo (< 1)":         "write << for strictly",
		"foo (>= 1":         "unexpected",
		"?task(x":           "unknown pattern",
		"?priority(normal)": "unknown priority",
	} {
		_, err := ParseRequest(text)
		if hint := new(artifact.HintError); err == nil || !strings.Contains(err.Error(), want) || !errors.As(err, &hint) {
			t.Errorf("%q: %v; want %q", text, err, want)
		}
	}
}

func TestRequestAdmits(t *testing.T) {
	for _, c := range []struct {
		request, version string
		want             bool
	}{
		{"a", "1", true},
		{"a=1.0", "1.0", true},
		{"a=1.0", "1.00", true},   // the same version, for dpkg
		{"a=1.0", "1.0-1", false}, // the whole version
		{"a=1:9.2*", "1:9.2p1-2", true},
		{"a=9.2*", "1:9.2p1-2", false},
		{"a=*deb12u?", "1.0-1+deb12u1", true},
		{"a=*deb12u?", "1.0-1+deb12u10", false},
		{"a (>= 1.6)", "1.6~rc1", false},
		{"a (>= 1.6)", "1.10", true},
	} {
		r, err := ParseRequest(c.request)
		if err != nil || r.admits(c.version) != c.want {
			t.Errorf("%s admits %s: %v, %v", c.request, c.version, !c.want, err)
		}
	}
}

func FuzzParseRequest(f *testing.F) {
	for _, s := range []string{"a", "a:b=1*", "a (>= 1)", "?essential", "?priority(required)", "*-dev"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRequest(text)
		if err != nil {
			return
		}
		if again, err := ParseRequest(r.String()); err != nil || !reflect.DeepEqual(again, r) {
			t.Errorf("%q: %+v becomes %+v, %v", text, r, again, err)
		}
		r.admits("1.0-1")
	})
}

// FuzzWildcard holds wildcard to path.Match, which it equals where there is no "/",
// bracket or backslash.
func FuzzWildcard(f *testing.F) {
	f.Add("a*b?c", "axxbyc")
	f.Add("*a*b*", "xaxaxbx")
	f.Fuzz(func(t *testing.T, pattern, s string) {
		if strings.ContainsAny(pattern+s, "/[]\\") || strings.ContainsFunc(pattern+s, func(r rune) bool { return r >= 0x80 }) {
			return
		}
		if want, err := path.Match(pattern, s); err == nil && wildcard(pattern, s) != want {
			t.Errorf("wildcard(%q, %q) is not %v", pattern, s, want)
		}
	})
}
