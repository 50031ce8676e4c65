package resolver

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
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
	var got []deb822.Stanza
	x := deb822.NewPackagesIndex(deb822.Origin{}, []byte(text))
	x.Scan(func(s *deb822.Stanza, err error) {
		if err != nil {
			t.Error(err)
		}
		got = append(got, *s)
	})
	for i := range got {
		text := x.Text[got[i].Start:got[i].End]
		if first, last := strings.ToLower(text[:8]), text[len(text)-1]; first != "package:" || last == '\n' || last == '\r' {
			t.Errorf("stanza %d is %q", i, text)
		}
		got[i].Start, got[i].End = 0, 0
	}
	want := []deb822.Stanza{
		{Name: "a", Version: "1:1.0-1", Architecture: "amd64", Provides: "x,\r\n y (= 2),\r\n\tz", MultiArch: "same", Essential: "yes", Priority: "required", Size: "12"},
		{Name: "b", Version: "2", Architecture: "all", Provides: "w"},
	}
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if v := deb822.StanzaField(x.Text[2:strings.Index(x.Text, "package:b")], "provides"); v != want[0].Provides {
		t.Errorf("Provides is %q", v)
	}
	if v := deb822.StanzaField(x.Text[2:], "Description"); !strings.HasSuffix(v, " end") {
		t.Errorf("Description is %q", v)
	}
}

// TestLeftOut: a stanza that cannot be used is left out, with its place; others are taken.
func TestLeftOut(t *testing.T) {
	other := "\nPackage: other\nVersion: 1\nArchitecture: all\n"
	for text, want := range map[string]string{
		"Version: 1\nArchitecture: all\n":                  "1: a stanza without a Package field",
		"Package: a\nArchitecture: all\n":                  "1: package a: it has no Version",
		"Package: a\nVersion: 1\n":                         "1: package a 1: it has no Architecture",
		"Package: a b\nVersion: 1\nArchitecture: all\n":    `1: invalid Package "a b"`,
		"Package: ../a\nVersion: 1\nArchitecture: all\n":   `1: invalid Package "../a"`,
		"Package: a\nVersion: 1 2\nArchitecture: all\n":    `1: package a: invalid Version "1 2"`,
		"Package: a\nVersion: 1/2\nArchitecture: all\n":    `1: package a: invalid Version "1/2"`,
		"Package: a\nVersion: 1\nArchitecture: ../all\n":   `1: package a 1: invalid Architecture "../all"`,
		"Package: a\nVersion: 1\nArchitecture: x86_64\n":   `1: package a 1: invalid Architecture "x86_64"`,
		"Package: a\nVersion: 1\nArchitecture: i386 all\n": `1: package a 1: invalid Architecture "i386 all"`,
		"Package: a\nVersion: 1\n 2\nArchitecture: all\n":  "1: package a: invalid Version",
		goodStanza + "Provides: b (>= \n":                  "1: package a 1: its field Provides is damaged: \"b (>=\" has no closing parenthesis",
		goodStanza + "Provides: b (= 1 beta)\n":            "1: package a 1: its field Provides is damaged: b: invalid version restriction",
		goodStanza + "no field\n":                          `4: package a 1: "no field" is not a field`,
		"<html>\n<title>sign in: hotel</title>\n":          `1: "<html>" is not a field`,
		goodStanza + strings.Repeat("x", 100) + "\n":       "4: package a 1: \"" + strings.Repeat("x", 60) + "…\" is not a field",
		" x\n":                         "1: a stanza without a Package field",
		goodStanza + "\x00: x\n\x00\n": "4: package a 1: \"\\x00: x\" is not a field",
		"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n": "1: \"-----BEGIN PGP SIGNED MESSAGE-----\" is not a field",
		"\ufeff" + goodStanza:                                "1: a stanza without a Package field",
	} {
		u := NewUniverse("amd64")
		u.Add(deb822.Origin{Source: "s", Suite: "f/"}, []byte(text+other))
		if out := u.LeftOut(nil); len(out) != 1 || !strings.HasPrefix(out[0], "left out: source s: f/Packages:"+want) {
			t.Errorf("%q: %q; want %s", text, out, want)
		}
		if len(u.Entries) != 1 || u.Names[u.Entries[0].Name] != "other" {
			t.Errorf("%q: there are %d entries", text, len(u.Entries))
		}
		if err := NewUniverse("amd64").addOwn(deb822.Origin{}, []byte(text+other)); err == nil || !strings.HasPrefix(err.Error(), "line "+want) {
			t.Errorf("%q: %v; want line %s", text, err, want)
		}
	}
}

// TestLeftOutMany bounds what is said, and excluding what is meant says nothing.
func TestLeftOutMany(t *testing.T) {
	var many strings.Builder
	for i := range 100 {
		fmt.Fprintf(&many, "Package: a\nVersion: 1\nArchitecture: arch%d\n\n", i)
	}
	u := NewUniverse("amd64")
	u.Add(deb822.Origin{Source: "s", Suite: "f/"}, []byte(many.String()))
	out := u.LeftOut(nil)
	if len(out) != 11 || !strings.Contains(out[0], "f/Packages:249: package a 1: too many architectures: arch62") || out[10] != "left out: 28 more stanzas that cannot be used" {
		t.Errorf("got %q", out)
	}
	for _, request := range []string{"a", "*", "a=1", "a (<< 2)"} {
		if out := u.LeftOut(parseRequestList(t, request)); len(out) != 0 {
			t.Errorf("exclude %s: %q", request, out)
		}
	}
	for _, request := range []string{"b", "a:amd64", "a=2"} {
		if out := u.LeftOut(parseRequestList(t, request)); len(out) != 11 {
			t.Errorf("exclude %s: %q", request, out)
		}
	}
}

// TestScanAsApt is about what apt overlooks.
func TestScanAsApt(t *testing.T) {
	for text, want := range map[string]string{
		goodStanza + "Version: 2\nPriority: important\npriority: required\n": "a 2 all required",
		goodStanza + "Package: b\n":                            "b 1 all ",
		goodStanza + "Maintainer : x\nPriority \t: optional\n": "a 1 all optional",
		goodStanza + "# comment: x\nno field: x\n-: x\n":       "a 1 all ",
		" lost\n" + goodStanza:                                 "a 1 all ",
		goodStanza + "Author: Jos\xe9\x01\n":                   "a 1 all ",
	} {
		deb822.NewPackagesIndex(deb822.Origin{}, []byte(text)).Scan(func(s *deb822.Stanza, err error) {
			if got := s.Name + " " + s.Version + " " + s.Architecture + " " + s.Priority; got != want || err != nil {
				t.Errorf("%q: got %q, %v; want %q", text, got, err, want)
			}
		})
	}
	for text, want := range map[string]string{
		"Depends: a\nDEPENDS : b\nDependsX: c": "b", "Depends:\n a,\n b\nX: y": "a,\n b", "XDepends: a": "", "Depends\n: a": "", "Depends \t:": "",
	} {
		if got := deb822.StanzaField(text, "Depends"); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
		last := ""
		for name, value := range deb822.FieldsOf(text) {
			if strings.EqualFold(name, "Depends") {
				last = value
			}
		}
		if last != want {
			t.Errorf("%q: fieldsOf gives %q, want %q", text, last, want)
		}
	}
}

// FuzzAdd gives an index from outside to all that reads it.
func FuzzAdd(f *testing.F) {
	f.Add([]byte(goodStanza + "Depends: b | c (>= 2)\nProvides: x (= 1)\n\nPackage: b\nVersion: 2\nArchitecture: amd64\nConflicts: x\nMulti-Arch: same\n"))
	f.Add([]byte("Package: a\r\nVersion: 1\r\nArchitecture: all\r\nRecommends: a,\r\n b:any\r\n"))
	f.Add([]byte(" x\n\nPackage:\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		u := NewUniverse("amd64", "arm64")
		u.Add(deb822.Origin{Source: "s", Suite: "one", Architecture: "amd64"}, text)
		u.Add(deb822.Origin{Source: "s", Suite: "two"}, text)
		var requests []Request
		for _, p := range u.All() {
			if len(p.Origins) != 2 || !strings.Contains(string(text), p.Stanza(1)) {
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
