//go:build differential

package debian

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
)

// TestDifferentialBroken makes images of random requests to the archive that this machine uses, denies one
// package in sixty, and has the real apt install each request from what is left: it fails where Broken says so, and
// nowhere else.
func TestDifferentialBroken(t *testing.T) {
	u := newHostUniverse(t, hostIndexes(t, hostLists(t, "amd64"), "amd64"))
	all := u.All()
	src := &source{name: "host", urls: []string{"http://h"}}
	asked, failed := 0, 0
	for seed := *differentialSeed << 20; asked < 2**differentialRequests; seed++ {
		random := rand.New(rand.NewPCG(seed, 9))
		var requests []Request
		for len(requests) < 60 {
			r := parseRequestList(t, all[random.IntN(len(all))].Name)
			if c, err := u.Resolve(context.Background(), r, nil, Options{}); err == nil && len(c.Packages) < 400 {
				requests = append(requests, r...)
			}
		}
		closure, err := u.Resolve(context.Background(), requests, nil, Options{Recommends: seed%2 == 0})
		if err != nil {
			t.Fatal(err)
		}
		named := make(map[*Package]bool)
		for _, p := range closure.Requested {
			named[p] = true
		}
		var pins artifact.Pins
		var left []*Package
		gone := make(map[string]bool)
		for _, p := range closure.Packages {
			a, err := pinPackage(p, src)
			if err != nil {
				t.Fatal(err)
			}
			a.Requested = named[p]
			pins.Artifacts = append(pins.Artifacts, a)
			if gone[a.ID()] = random.IntN(60) == 0; !gone[a.ID()] {
				left = append(left, p)
			}
		}
		broken, err := Kind{}.Broken(context.Background(), pins, nil, func(id string) bool { return gone[id] })
		if err != nil {
			t.Fatal(err)
		}
		reasons := make(map[string]string)
		for _, b := range broken {
			reasons[b.Artifact] = b.Reason
		}
		root := newAptRoot(t, t.TempDir())
		root.addPackages(left)
		root.update()
		for _, a := range pins.Artifacts {
			if !a.Requested || gone[a.ID()] {
				continue
			}
			_, problem := root.install(false, a.Name)
			asked, failed = asked+1, failed+boolToInt(problem != "")
			if reason := reasons[a.ID()]; (problem == "") != (reason == "") {
				t.Errorf("%s: %q, and apt says %q", &a, reason, problem)
			}
		}
	}
	t.Logf("seed %d: apt installs %d of %d, as foreseen", *differentialSeed, asked-failed, asked)
}
