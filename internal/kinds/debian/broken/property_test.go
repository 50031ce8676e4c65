package broken

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
	"github.com/minimirror/minimirror/internal/kinds/debian/resolver"
)

// TestBrokenIsResolve: what Broken says of random images is what the resolver says of the packages that are left, and of
// those of them that apt takes by itself.
func TestBrokenIsResolve(t *testing.T) {
	found, intact := 0, 0
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 1))
		archive := forgivenArchive(t, debiantest.RandomArchive(random, 25, 5))
		pins, _ := debiantest.PinsOfText(t, archive)
		gone := make(map[string]bool)
		for i := range pins.Items {
			a := &pins.Items[i]
			a.Requested, gone[a.ID()] = random.IntN(3) == 0, random.IntN(6) == 0
		}
		if !slices.ContainsFunc(pins.Items, func(a artifact.Item) bool { return a.Requested }) {
			continue
		}
		set := artifact.Set{Name: "s", Architecture: "amd64"}
		var requests []string
		for range 3 {
			a := &pins.Items[random.IntN(len(pins.Items))]
			set.Requested, requests = append(set.Requested, a.ID()), append(requests, a.Name+" (>= "+a.Version+")")
		}
		absent := func(id string) bool { return gone[id] }
		brokenSet, err := Find(context.Background(), pins, []artifact.Set{set}, absent)
		if err != nil {
			t.Fatal(err)
		}
		broken, err := Find(context.Background(), pins, nil, absent)
		if err != nil {
			t.Fatal(err)
		}
		resolves := func(pins artifact.Pins, requests ...string) bool {
			u, err := resolver.UniverseOf(pins)
			if err != nil {
				t.Fatal(err)
			}
			u.AddNode("amd64")
			sets := map[string][]resolver.Request{"s": mustRequests(t, strings.Join(requests, ";"))}
			_, err = u.Resolve(context.Background(), nil, sets, resolver.Options{})
			return err == nil
		}
		check := func(what string, reported bool, requests ...string) {
			t.Helper()
			if reported {
				found++
			} else {
				intact++
			}
			left := debiantest.Without(pins, absent)
			want := resolves(pins, requests...) && !resolves(left, requests...) ||
				resolves(highest(pins), requests...) && !resolves(highest(left), requests...)
			if reported != want {
				t.Errorf("seed %d: %s: reported %v, want %v\n%s\ndenied: %v", seed, what, reported, want, archive, gone)
			}
		}
		check("set", slices.ContainsFunc(brokenSet, func(b artifact.Breakage) bool { return b.Set == "s" }), requests...)
		for _, a := range pins.Items {
			if a.Requested {
				reported := slices.ContainsFunc(broken, func(b artifact.Breakage) bool { return b.Set == "" && b.Artifact == a.ID() && b.Reason != "" })
				check(a.String(), reported, a.Name+" (>= "+a.Version+")")
			}
		}
	}
	if found < 100 || intact < 100 {
		t.Errorf("%d breakages and %d intact: the test is no test", found, intact)
	}
}

// highest leaves only the highest version of each package.
func highest(pins artifact.Pins) artifact.Pins {
	best := make(map[string]string)
	for _, a := range pins.Items {
		if v, found := best[a.Name]; !found || deb822.CompareVersions(a.Version, v) > 0 {
			best[a.Name] = a.Version
		}
	}
	pins.Items = slices.DeleteFunc(slices.Clone(pins.Items), func(a artifact.Item) bool { return a.Version != best[a.Name] })
	return pins
}

// forgivenArchive leaves out of a random archive the relations that nothing in it satisfies.
func forgivenArchive(t *testing.T, archive string) string {
	u := resolver.NewUniverse("amd64")
	u.Add(deb822.Origin{Source: "debian", Suite: "bookworm", Component: "main", Architecture: "amd64"}, []byte(strings.Join(debiantest.StanzasOf(archive, "amd64"), "\n")))
	u.BuildIndex()
	n := u.NewNode(0, &resolver.Options{})
	var lines []string
	for line := range strings.Lines(archive) {
		line = strings.TrimRight(line, "\n")
		if text, found := strings.CutPrefix(line, " Depends: "); found {
			clauses, err := deb822.ParseClauses(text)
			if err != nil {
				t.Fatal(err)
			}
			var kept []string
			for _, c := range clauses {
				if len(n.Alternatives(0, c)) > 0 {
					kept = append(kept, c.String())
				}
			}
			line = " Depends: " + strings.Join(kept, ", ")
		}
		lines = append(lines, line)
	}
	return fmt.Sprintln(strings.Join(lines, "\n"))
}
