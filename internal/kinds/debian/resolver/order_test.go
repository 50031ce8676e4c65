package resolver

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
)

func TestSetOrder(t *testing.T) {
	for _, c := range []struct{ name, archive, want, base, requests string }{
		{name: "dependencies first", archive: "a 1\n Depends: b, c\nb 1\n Depends: c\nc 1", want: "c b a"},
		{name: "by name where nothing else matters", archive: "a 1\n Depends: c, b\nb 1\nc 1", want: "b c a"},
		{name: "Pre-Depends before what needs them, with their own needs", archive: "a 1\n Pre-Depends: z\nz 1\n Depends: y\ny 1", want: "y z a"},
		{name: "a cycle stays together", archive: "a 1\n Depends: b, x\nb 1\n Depends: c\nc 1\n Depends: b, d\nd 1\nx 1", want: "d b c x a"},
		{name: "Pre-Depends first within a cycle", archive: "a 1\n Pre-Depends: c\n Depends: b\nb 1\n Depends: a\nc 1\n Depends: b", want: "c a b"},
		{name: "Recommends have no part in it", archive: "a 1\n Recommends: z\nz 1", want: "a z"},
		{name: "what an old package of the node stands in the way of comes after its new one", archive: "a 1\n Breaks: b (<< 2)\n Depends: c\nb 2\nc 1\n Depends: b (>= 2)", base: "b 1", want: "b c a"},
		{name: "also where it is the old one that says so", archive: "a 1\nz 2", requests: "a; z", base: "z 1\n Conflicts: a", want: "z a"},
		{name: "not where the new one pre-depends on it", archive: "z 1\n Breaks: b (<< 2)\nb 2\n Pre-Depends: z\na 1\n Depends: b (>= 2)", base: "b 1", want: "z b a"},
		{name: "also where nothing needs the new one", archive: "a 1\n Conflicts: z (<< 2)\nz 2", base: "z 1", want: "z a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			u := newTestUniverse(t, one(c.archive)...)
			if c.base != "" {
				if _, err := u.addInstalled(debiantest.StatusOf(c.base)); err != nil {
					t.Fatal(err)
				}
			}
			closure, err := u.Resolve(context.Background(), nil, map[string][]Request{"s": parseRequestList(t, cmp.Or(c.requests, "a"))}, Options{Recommends: true})
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, p := range closure.Sets[0].Packages {
				names = append(names, p.Name)
			}
			if got := strings.Join(names, " "); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// Without cycles, each package follows all that it needs, and each step of
// dpkg has what it pre-depends on behind it.
func TestStepsOfRandomArchives(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 2))
		var b strings.Builder
		needs, pre := make(map[string][]string), make(map[string][]string)
		for i := range 30 {
			name := fmt.Sprintf("p%d", i)
			var depends, before []string
			for range random.IntN(4) {
				if i == 0 {
					break
				}
				other := fmt.Sprintf("p%d", random.IntN(i))
				if random.IntN(3) == 0 {
					before = append(before, other)
				} else {
					depends = append(depends, other)
				}
			}
			needs[name], pre[name] = append(slices.Clone(depends), before...), before
			fmt.Fprintf(&b, "%s 1\n Depends: %s\n Pre-Depends: %s\n", name, strings.Join(depends, ", "), strings.Join(before, ", "))
		}
		u := newTestUniverse(t, one(b.String())...)
		u.BuildIndex()
		u.exclude(nil)
		n := u.NewNode(0, &Options{})
		wishes := wishesOf(parseRequestList(t, "p29; p28; p27"), nil)
		matches, err := u.matchAll(wishes)
		if err != nil {
			t.Fatal(err)
		}
		units, err := n.units(wishes, matches[0])
		if err != nil {
			t.Fatal(err)
		}
		s := NewSearch(n, asksOf(units))
		if err := s.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		done := make(map[string]bool)
		for _, step := range s.steps(s.Trail) {
			for _, id := range step {
				for _, name := range pre[u.Names[u.Entries[id].Name]] {
					if !done[name] {
						t.Fatalf("seed %d: %s is unpacked before its Pre-Depends %s is configured", seed, n.Label(id), name)
					}
				}
			}
			for _, id := range step {
				done[u.Names[u.Entries[id].Name]] = true
			}
		}
		seen := make(map[string]bool)
		for _, id := range s.order(s.Trail) {
			name := u.Names[u.Entries[id].Name]
			seen[name] = true
			for _, other := range needs[name] {
				if !seen[other] {
					t.Fatalf("seed %d: %s comes before %s", seed, name, other)
				}
			}
		}
		if len(seen) != len(s.Trail) {
			t.Fatal("something is lost")
		}
	}
}
