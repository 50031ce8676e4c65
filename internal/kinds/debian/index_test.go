package debian

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

const goodStanza = "Package: a\nVersion: 1\nArchitecture: all\n"

func TestScan(t *testing.T) {
	text := strings.ReplaceAll(`
Package: a
Version: 1:1.0-1
Architecture: amd64
Provides: x,
 y (= 2),
	z
Description: a: long
 Package: not a field
 .
 end
MULTI-ARCH: same
Essential: yes
Priority: required
Size: 12

Package: nothing-is-carried

package: a
description-md5: x


package:b
version:2
architecture:all
Provides:
 w
Tag: x`, "\n", "\r\n")
	var got []stanza
	x := newPackagesIndex(Origin{}, []byte(text))
	if err := x.scan(func(s *stanza) error { got = append(got, *s); return nil }); err != nil {
		t.Fatal(err)
	}
	for i := range got {
		text := x.text[got[i].start:got[i].end]
		if first, last := strings.ToLower(text[:8]), text[len(text)-1]; first != "package:" || last == '\n' || last == '\r' {
			t.Errorf("stanza %d is %q", i, text)
		}
		got[i].start, got[i].end = 0, 0
	}
	want := []stanza{
		{name: "a", version: "1:1.0-1", architecture: "amd64", provides: "x,\r\n y (= 2),\r\n\tz", multiArch: "same", essential: "yes", priority: "required", size: "12"},
		{name: "b", version: "2", architecture: "all", provides: "w"},
	}
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if v := stanzaField(x.text[2:], "provides"); v != want[0].provides {
		t.Errorf("Provides is %q", v)
	}
	if v := stanzaField(x.text[2:], "Description"); !strings.HasSuffix(v, " end") {
		t.Errorf("Description is %q", v)
	}
}

func TestAddErrors(t *testing.T) {
	for text, want := range map[string]string{
		goodStanza + "\nVersion: 1\nArchitecture: all\n":    "line 5: a stanza without a Package field",
		"Package: a\nArchitecture: all\n":                   "line 1: package a has no Version",
		"Package: a\nVersion: 1\n":                          "line 1: package a 1 has no Architecture",
		"Package: a b\nVersion: 1\nArchitecture: all\n":     `line 1: invalid Package "a b"`,
		"Package: ../a\nVersion: 1\nArchitecture: all\n":    `line 1: invalid Package "../a"`,
		"Package: a\nVersion: 1 2\nArchitecture: all\n":     `line 1: package a: invalid Version "1 2"`,
		"Package: a\nVersion: 1\nArchitecture: ../all\n":    `line 1: package a 1: invalid Architecture "../all"`,
		"Package: a\nVersion: 1\n 2\nArchitecture: all\n":   "line 1: package a: invalid Version",
		goodStanza + "Package: b\n":                         "line 4: the field Package is there twice",
		goodStanza + "Size: -1\n":                           `line 1: package a 1: invalid Size "-1"`,
		goodStanza + "Size: 99999999999999999999\n":         "line 1: package a 1: invalid Size",
		goodStanza + "Provides: b (>= \n":                   "line 1: package a 1: Provides: \"b (>=\" has no closing parenthesis",
		goodStanza + "no field\n":                           `line 4: "no field" is not a field`,
		goodStanza + "# comment: x\n":                       "line 4: \"# comment: x\" is not a field",
		"<html>\n<title>sign in: hotel</title>\n":           `line 1: "<html>" is not a field`,
		goodStanza + "\n" + strings.Repeat("x", 100) + "\n": "line 5: \"" + strings.Repeat("x", 60) + "…\" is not a field",
		" x\n":                         `line 1: " x" is not a field`,
		goodStanza + "\x00: x\n\x00\n": "line 5: \"\\x00\" is not a field",
		"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n" + goodStanza: "line 1: \"-----BEGIN PGP SIGNED MESSAGE-----\" is not a field",
	} {
		err := NewUniverse("amd64").Add(Origin{}, []byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want %s", text, err, want)
		}
	}
	var many strings.Builder
	for i := range 100 {
		fmt.Fprintf(&many, "Package: a\nVersion: 1\nArchitecture: arch%d\n\n", i)
	}
	if err := NewUniverse("amd64").Add(Origin{}, []byte(many.String())); err == nil || !strings.Contains(err.Error(), "one architecture too many") {
		t.Errorf("100 architectures: %v", err)
	}
}

// FuzzAdd gives an index from outside to all that reads it.
func FuzzAdd(f *testing.F) {
	f.Add([]byte(goodStanza + "Depends: b | c (>= 2)\nProvides: x (= 1)\n\nPackage: b\nVersion: 2\nArchitecture: amd64\nConflicts: x\nMulti-Arch: same\n"))
	f.Add([]byte("Package: a\r\nVersion: 1\r\nArchitecture: all\r\nRecommends: a,\r\n b:any\r\n"))
	f.Add([]byte(" x\n\nPackage:\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		u := NewUniverse("amd64", "arm64")
		if u.Add(Origin{Source: "s", Suite: "one", Architecture: "amd64"}, text) != nil {
			return
		}
		if err := u.Add(Origin{Source: "s", Suite: "two"}, text); err != nil {
			t.Fatal(err)
		}
		var requests []Request
		for _, p := range u.All() {
			if len(p.Origins) != 2 || !strings.Contains(string(text), string(p.Stanza(1))) {
				t.Errorf("%v: %v", p, p.Origins)
			}
			r, err := ParseRequest(p.Name + "=" + p.Version)
			if err != nil {
				t.Errorf("%v: %v", p, err)
			}
			requests = append(requests, r)
		}
		for _, r := range requests {
			closure, err := u.Resolve(context.Background(), []Request{r}, nil, Options{Recommends: true})
			if err == nil && len(closure.Packages) == 0 {
				t.Errorf("%v: an empty closure", r)
			}
		}
		_, _ = u.Resolve(context.Background(), requests, map[string][]Request{"all": requests}, Options{})
	})
}
