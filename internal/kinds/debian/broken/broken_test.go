package broken

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
)

// deniedNames makes absent of "name" and "name=version".
func deniedNames(pins artifact.Pins, names string) func(string) bool {
	absent := make(map[string]bool)
	for _, a := range pins.Items {
		for _, name := range strings.Fields(names) {
			absent[a.ID()] = absent[a.ID()] || name == a.Name || name == a.Name+"="+a.Version
		}
	}
	return func(id string) bool { return absent[id] }
}

func TestBroken(t *testing.T) {
	const archive = "app 2\n Depends: lib (>= 2), tool\nlib 2\n Depends: ssl (>= 3.0.0)\nssl 3.1\ntool 1\nother 1\n Depends: tool | extra\nextra 1"
	const choice = "php 1\n Depends: modphp | fpm\nmodphp 1\n Depends: apache\nfpm 1\napache 1"
	for _, c := range []struct {
		name, archive, denied string
		requested             string // packages
		set                   string // packages
		want                  string // "set: " or "", name, ": ", reason; joined by "\n"
	}{
		{"nothing is denied", archive, "", "app other", "", ""},
		{"what nothing needs", archive, "extra", "app other", "", ""},
		{"itself", archive, "app", "app other", "app", "set: app: it is denied itself"},
		{"what it needs", archive, "lib", "app other", "", "app: needs lib (>= 2), denied"},
		{"what that needs", archive, "ssl", "app other", "", "app: needs lib (>= 2), which needs ssl (>= 3.0.0), denied"},
		{"an alternative is left", archive, "tool", "other", "", ""},
		{"no alternative is left", archive, "tool extra", "other", "", "other: needs tool | extra, denied"},
		{"the shortest of several chains", archive, "ssl tool", "app", "", "app: needs tool, denied"},
		{"an alternative that is lost", choice, "apache fpm", "php", "", "php: needs modphp | fpm; fpm 1 is denied, and modphp 1 needs apache, denied"},
		{"not what a set was made for", choice, "modphp", "", "php", ""},
		{"a set", choice, "modphp fpm", "", "php", "set: php: needs modphp | fpm, denied"},
		{"a virtual package, provided by another", "app 1\n Depends: mta\nexim 1\n Provides: mta\npostfix 1\n Provides: mta", "exim", "app", "", ""},
		{"a virtual package", "app 1\n Depends: mta\nexim 1\n Provides: mta", "exim", "app", "", "app: needs mta, denied"},
		{"a version", "app 1\n Depends: lib (<< 2)\nlib 1\nlib 2", "lib=1", "app", "", "app: needs lib (<< 2), denied"},
		{"an old version, beside a higher one", "lib 1\nlib 2", "lib=1", "lib", "lib=1", ""},
		{"a new version, beside a lower one", "lib 1\nlib 2", "lib=2", "lib", "lib=2", "set: lib: it is denied itself"},
		{"what the nodes have", "app 1\n Depends: libc6, lib\nlib 1\n Depends: libc6 (>= 2)", "", "app", "app", ""},
		{"beside what the nodes have", "app 1\n Depends: libc6, lib\nlib 1", "lib", "app", "app", "set: app: needs lib, denied"},
		{"what could not be installed before", "app 1\n Depends: a, b\na 1\n Conflicts: b\nb 1\n Depends: c\nc 1", "c", "app", "app", ""},
		{"a conflict", "app 1\n Depends: a, m | n\na 1\n Conflicts: n\nm 1\nn 1", "m", "app", "", "app: app 1 (requested) → needs m | n, but a 1 conflicts with n 1, which comes from app 1 (requested) → a 1; denied: m 1"},
		{"a set that is in conflict with itself", "a 1\n Depends: m | n\nb 1\n Conflicts: n\nm 1\nn 1", "m", "", "a b", "set: b: b 1 conflicts with n 1, which comes from a 1 (requested) → n 1; denied: m 1"},
		{"a cycle", "a 1\n Depends: b\nb 1\n Depends: a, c\nc 1", "c", "a b", "", "a: needs b, which needs c, denied\nb: needs c, denied"},
		{"nothing is requested: what nothing needs", archive, "tool extra ssl", "", "", "app: needs tool, denied\nother: needs tool | extra, denied"},
		{"nothing is requested: not what is in a set", "a 1\n Depends: b\nb 1\nc 1\n Depends: b", "b", "", "a", "set: a: needs b, denied\nc: needs b, denied"},
		{"all", archive, "app lib ssl tool other extra", "app", "", "app: it is denied itself"},
	} {
		t.Run(c.name, func(t *testing.T) {
			pins, _ := debiantest.PinsOfText(t, c.archive)
			in := func(a *artifact.Item, list string) bool {
				return slices.Contains(strings.Fields(list), a.Name) || slices.Contains(strings.Fields(list), a.Name+"="+a.Version)
			}
			set := artifact.Set{Name: "set", Architecture: "amd64"}
			for i := range pins.Items {
				a := &pins.Items[i]
				a.Requested = in(a, c.requested)
				if in(a, c.set) {
					set.Requested, set.Items = append(set.Requested, a.ID()), append(set.Items, a.ID())
				}
			}
			var sets []artifact.Set
			if c.set != "" {
				sets = append(sets, set)
			}
			broken, err := Find(context.Background(), pins, sets, deniedNames(pins, c.denied))
			if err != nil {
				t.Fatal(err)
			}
			var lines []string
			for _, b := range broken {
				name, _, _ := strings.Cut(strings.TrimPrefix(b.Artifact, "d/pool/"), "_")
				if b.Set != "" {
					name = b.Set + ": " + name
				}
				lines = append(lines, name+": "+b.Reason)
				if b.Architecture != "amd64" {
					t.Errorf("%+v", b)
				}
			}
			if got := strings.Join(lines, "\n"); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

// Packages for all architectures, and nodes of two.
func TestBrokenByArchitecture(t *testing.T) {
	var pins artifact.Pins
	for _, name := range []string{"app_1_all", "lib_1_amd64", "lib_1_arm64", "tool_1_arm64"} {
		words := strings.Split(name, "_")
		a := artifact.Item{Kind: "debian", Source: "d", Name: words[0], Version: words[1], Attributes: artifact.Attributes{{Name: "architecture", Values: words[2:]}}}
		if a.Files = []artifact.File{{Path: "pool/" + name + ".deb", SHA256: deb822.SHA256([]byte(name))}}; a.Name != "lib" {
			a.Requested, a.Metadata = true, []string{"Depends: lib"}
		}
		pins.Items = append(pins.Items, a)
	}
	only := func(architecture string) func(string) bool {
		return func(id string) bool { return strings.HasSuffix(id, "lib_1_"+architecture+".deb") }
	}
	for architecture, want := range map[string]string{"amd64": "app amd64", "arm64": "app arm64, tool arm64"} {
		broken, err := Find(context.Background(), pins, nil, only(architecture))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, b := range broken {
			name, _, _ := strings.Cut(strings.TrimPrefix(b.Artifact, "d/pool/"), "_")
			got = append(got, name+" "+b.Architecture)
		}
		if text := strings.Join(got, ", "); text != want {
			t.Errorf("without lib for %s: %s, want %s", architecture, text, want)
		}
	}
}

// One file that two sources carry is there until both are absent.
func TestBrokenOfTwoSources(t *testing.T) {
	pins, _ := debiantest.PinsOfText(t, "app 1\n Depends: lib\nlib 1")
	second := pins.Items[1]
	second.Source = "e"
	pins.Items = append(pins.Items, second)
	pins.Items[0].Requested = true
	for gone, want := range map[string]int{"d/": 0, "e/": 0, "": 1} {
		broken, err := Find(context.Background(), pins, nil, func(id string) bool { return strings.HasPrefix(id, gone) && strings.Contains(id, "lib_") })
		if err != nil || len(broken) != want {
			t.Errorf("without %q: %v, %v", gone, broken, err)
		}
	}
}

func TestBrokenErrors(t *testing.T) {
	pins, _ := debiantest.PinsOfText(t, "app 1")
	none := func(string) bool { return false }
	if _, err := Find(context.Background(), pins, []artifact.Set{{Name: "s", Architecture: "amd64", Requested: []string{"d/none"}}}, none); !errors.Is(err, artifact.ErrVerify) {
		t.Errorf("a set of what is not there: %v", err)
	}
	pins, _ = debiantest.PinsOfText(t, "app 1\n Depends: lib | other\nlib 1\nother 1")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Find(ctx, pins, nil, deniedNames(pins, "lib")); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
	if broken, err := Find(context.Background(), artifact.Pins{}, nil, none); err != nil || broken != nil {
		t.Errorf("an empty image: %v, %v", broken, err)
	}
}

// FuzzBroken asks about packages with any metadata, two of them versions of one, and a suite that says anything of itself: it has a
// reason for what it says, or refuses them.
func FuzzBroken(f *testing.F) {
	f.Add("Depends: b | c, v", "Provides: v, a\nConflicts: v", "Pre-Depends: a", "NotAutomatic: yes", uint8(2))
	f.Add("Depends: a", "\n\nPackage: x\nVersion: 1\nArchitecture: all", "", "Suite: s\n\nSuite: t", uint8(7))
	f.Add("Depends: b (>= 2)", "", "Depends: a", "NotAutomatic: yes\nButAutomaticUpgrades: yes", uint8(4))
	f.Fuzz(func(t *testing.T, a, b, c, release string, denied uint8) {
		pins := artifact.Pins{Sources: []artifact.Source{{Kind: "debian", Name: "d", Releases: []artifact.Release{
			{Name: "main"}, {Name: "other", Metadata: strings.Split(release, "\n")}}}}}
		absent := make(map[string]bool)
		set := artifact.Set{Name: "s", Architecture: "amd64"}
		names, versions, suites := []string{"a", "b", "c", "b"}, []string{"1", "1", "1", "2"}, []string{"main", "main", "other", "other"}
		for i, metadata := range []string{a, b, c, c} {
			p := artifact.Item{Kind: "debian", Source: "d", Name: names[i], Version: versions[i], Metadata: strings.Split(metadata, "\n"), Requested: true, Attributes: artifact.Attributes{{Name: "architecture", Values: []string{"amd64"}}, {Name: "channel", Values: []string{suites[i] + "/main"}}}, Files: []artifact.File{{SHA256: deb822.SHA256([]byte{byte(i)}), Path: fmt.Sprint(i)}}}
			pins.Items = append(pins.Items, p)
			absent[p.ID()] = denied>>i&1 == 1
			set.Requested = append(set.Requested, p.ID())
		}
		broken, err := Find(context.Background(), pins, []artifact.Set{set}, func(id string) bool { return absent[id] })
		for _, b := range broken {
			if b.Reason == "" || err != nil {
				t.Fatalf("%+v, %v", b, err)
			}
		}
	})
}
