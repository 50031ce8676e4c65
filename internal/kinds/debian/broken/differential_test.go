//go:build differential

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

// TestDifferentialBroken makes images of random requests to the archive that this machine uses, denies one
// package in sixty, and has the real apt install each request from what is left: it fails where Broken says so, and
// nowhere else.
func TestDifferentialBroken(t *testing.T) {
	u := universeOfHost(debiantest.HostIndexes(t, debiantest.HostLists(t, "amd64"), "amd64"))
	all := u.All()
	asked, failed := 0, 0
	for seed := *differentialSeed << 20; asked < 2**differentialRequests; seed++ {
		random := rand.New(rand.NewPCG(seed, 9))
		var requests []resolver.Request
		for len(requests) < 60 {
			r := mustRequests(t, all[random.IntN(len(all))].Name)
			if c, err := u.Resolve(context.Background(), r, nil, resolver.Options{}); err == nil && len(c.Packages) < 400 {
				requests = append(requests, r...)
			}
		}
		closure, err := u.Resolve(context.Background(), requests, nil, resolver.Options{Recommends: seed%2 == 0})
		if err != nil {
			t.Fatal(err)
		}
		named := make(map[*resolver.Package]bool)
		for _, p := range closure.Requested {
			named[p] = true
		}
		var pins artifact.Pins
		var left []*resolver.Package
		gone := make(map[string]bool)
		for _, p := range closure.Packages {
			a, err := p.Item("host", func(string) []string { return nil })
			if err != nil {
				t.Fatal(err)
			}
			a.Requested = named[p]
			pins.Items = append(pins.Items, a)
			if gone[a.ID()] = random.IntN(60) == 0; !gone[a.ID()] {
				left = append(left, p)
			}
		}
		broken, err := Find(context.Background(), pins, nil, func(id string) bool { return gone[id] })
		if err != nil {
			t.Fatal(err)
		}
		reasons := make(map[string]string)
		for _, b := range broken {
			reasons[b.Artifact] = b.Reason
		}
		root := debiantest.NewAptRoot(t, t.TempDir())
		offer(root, left)
		root.Update()
		for _, a := range pins.Items {
			if !a.Requested || gone[a.ID()] {
				continue
			}
			_, problem := root.Install(false, a.Name)
			asked, failed = asked+1, failed+boolToInt(problem != "")
			if reason := reasons[a.ID()]; (problem == "") != (reason == "") {
				t.Errorf("%s: %q, and apt says %q", &a, reason, problem)
			}
		}
	}
	t.Logf("seed %d: apt installs %d of %d, as foreseen", *differentialSeed, asked-failed, asked)
}

// TestDifferentialBrokenSuites does the same where some packages are in backports, too, of which some need others of
// backports: apt must go where Broken says, with the versions that it takes by itself.
func TestDifferentialBrokenSuites(t *testing.T) {
	u := universeOfHost(debiantest.HostIndexes(t, debiantest.HostLists(t, "amd64"), "amd64"))
	all := u.All()
	asked, failed, lost := 0, 0, 0
	for seed := *differentialSeed << 20; asked < 2**differentialRequests; seed++ {
		random := rand.New(rand.NewPCG(seed, 10))
		var requests []resolver.Request
		for len(requests) < 40 {
			r := mustRequests(t, all[random.IntN(len(all))].Name)
			if c, err := u.Resolve(context.Background(), r, nil, resolver.Options{}); err == nil && len(c.Packages) < 200 {
				requests = append(requests, r...)
			}
		}
		closure, err := u.Resolve(context.Background(), requests, nil, resolver.Options{})
		if err != nil {
			t.Fatal(err)
		}
		pins := artifact.Pins{Sources: []artifact.Source{{Kind: "debian", Name: "host", Releases: []artifact.Release{
			{Name: "automatic", Metadata: []string{"NotAutomatic: yes", "ButAutomaticUpgrades: yes"}}, {Name: "main"}, {Name: "manual", Metadata: []string{"NotAutomatic: yes"}}}}}}
		named := make(map[string]bool)
		for _, p := range closure.Requested {
			named[p.Name] = true
		}
		gone := make(map[string]bool)
		for _, p := range closure.Packages {
			a, err := p.Item("host", func(string) []string { return nil })
			if err != nil {
				t.Fatal(err)
			}
			a.Requested = named[p.Name]
			debiantest.InChannels(&a, "main/main")
			pins.Items = append(pins.Items, a)
			gone[a.ID()] = random.IntN(20) == 0
			if random.IntN(4) != 0 {
				continue
			}
			for range 1 + random.IntN(2) {
				b := a
				b.Files = slices.Clone(a.Files)
				suffix := []string{"~0", "+1"}[random.IntN(2)]
				b.Version, b.Requested = a.Version+suffix, false
				debiantest.InChannels(&b, []string{"automatic", "manual", "main"}[random.IntN(3)]+"/main")
				b.Files[0].Path, b.Files[0].SHA256 = b.Files[0].Path+suffix, deb822.SHA256([]byte(b.String()+b.Attributes.Values("channel")[0]))
				if slices.ContainsFunc(pins.Items, func(o artifact.Item) bool { return o.ID() == b.ID() }) {
					continue
				}
				pins.Items = append(pins.Items, b)
				gone[b.ID()] = random.IntN(5) == 0
			}
		}
		bind(pins.Items, random)
		broken, err := Find(context.Background(), pins, nil, func(id string) bool { return gone[id] })
		if err != nil {
			t.Fatal(err)
		}
		reasons := make(map[string]string)
		for _, b := range broken {
			reasons[b.Artifact] = b.Reason
		}
		before, after := debiantest.NewAptRoot(t, t.TempDir()), debiantest.NewAptRoot(t, t.TempDir())
		addPins(before, pins)
		before.Update()
		addPins(after, debiantest.Without(pins, func(id string) bool { return gone[id] }))
		after.Update()
		for _, a := range pins.Items {
			if !a.Requested || gone[a.ID()] {
				continue // what apt takes in its place may be older
			}
			_, could := before.Install(false, a.Name)
			_, problem := after.Install(false, a.Name)
			asked, failed, lost = asked+1, failed+boolToInt(could != ""), lost+boolToInt(could == "" && problem != "")
			if reason := reasons[a.ID()]; could == "" && (problem == "") != (reason == "") {
				t.Errorf("seed %d: %s: %q, and apt says %q", seed, &a, reason, problem)
			}
		}
	}
	t.Logf("seed %d: of %d apt could not install %d before, and %d after", *differentialSeed, asked, failed, lost)
}

// bind makes a few relations want a certain version of what there are several of.
func bind(artifacts []artifact.Item, random *rand.Rand) {
	versions := make(map[string][]string)
	for _, a := range artifacts {
		versions[a.Name] = append(versions[a.Name], a.Version)
	}
	for i := range artifacts {
		metadata := slices.Clone(artifacts[i].Metadata)
		for j, line := range metadata {
			text, found := strings.CutPrefix(line, "Depends: ")
			if !found {
				continue
			}
			clauses := strings.Split(text, ", ")
			for k, clause := range clauses {
				name, _, _ := strings.Cut(clause, " ")
				if v := versions[name]; len(v) > 1 && random.IntN(3) == 0 && !strings.Contains(clause, "|") {
					clauses[k] = fmt.Sprintf("%s (%s %s)", name, []string{">=", "="}[random.IntN(2)], v[random.IntN(len(v))])
				}
			}
			metadata[j] = "Depends: " + strings.Join(clauses, ", ")
		}
		artifacts[i].Metadata = metadata
	}
}

func boolToInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
