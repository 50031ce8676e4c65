//go:build differential

package resolver

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
)

// TestDifferentialBase is the same for nodes that have something: this machine's
// own packages. apt, given that status and our closure, must install what it
// installs with everything, and must not need more bytes than we carry.
func TestDifferentialBase(t *testing.T) {
	requests := *differentialRequests / 3
	status, err := os.ReadFile("/var/lib/dpkg/status")
	if err != nil {
		t.Fatal(err)
	}
	indexes := debiantest.HostIndexes(t, debiantest.HostLists(t, "amd64"), "amd64")
	u := newHostUniverse(t, indexes)
	all := u.All()
	if _, err := u.addInstalled(status); err != nil {
		t.Fatal(err)
	}
	full := debiantest.NewAptRoot(t, t.TempDir())
	for _, x := range indexes {
		full.AddRepository(x.Text)
	}
	full.Write("apt.conf", fmt.Appendf(nil, debiantest.AptConf+"APT::Get::Remove \"false\";\n", full.Dir))
	full.Write("status", status)
	full.Update()
	var ours, theirs int64
	sizes := make(map[string]int64)
	for _, p := range all {
		sizes[p.Name+" "+p.Version] = p.Size
	}
	random := rand.New(rand.NewPCG(*differentialSeed, 9))
	installed := 0
	for number := range requests {
		var names []string
		var wanted []Request
		for range 1 + random.IntN(6) {
			name := all[random.IntN(len(all))].Name
			names, wanted = append(names, name), append(wanted, parseRequestList(t, name)...)
		}
		taken, problem := full.Install(false, names...)
		closure, err := u.Resolve(context.Background(), wanted, nil, Options{})
		if problem != "" {
			continue // apt would have to remove something, or cannot have them together
		}
		if err != nil {
			t.Errorf("#%d %v: apt installs them, we: %v", number, names, err)
			continue
		}
		root := debiantest.NewAptRoot(t, t.TempDir())
		root.Write("status", status)
		addPackages(root, closure.Packages)
		root.Update()
		if _, problem := root.Install(false, names...); problem != "" {
			t.Errorf("#%d %v: apt cannot install them from our closure: %s", number, names, problem)
			continue
		}
		installed++
		for _, p := range closure.Packages {
			ours += p.Size
		}
		for _, p := range taken {
			theirs += sizes[p]
		}
	}
	t.Logf("seed %d: %d of %d requests install beside what this machine has; %d bytes, apt takes %d: ratio %.4f", *differentialSeed, installed, requests, ours, theirs, float64(ours)/float64(theirs))
	if installed < requests/2 {
		t.Errorf("only %d requests were compared", installed)
	}
}
