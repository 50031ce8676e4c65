package broken

import (
	"flag"
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
	"github.com/minimirror/minimirror/internal/kinds/debian/resolver"
)

var (
	differentialRequests = flag.Int("requests", 300, "how many random requests to compare with apt")
	differentialSeed     = flag.Uint64("seed", 1, "of the random requests")
)

// universeOfHost holds what the package lists of this machine offer.
func universeOfHost(indexes []debiantest.HostIndex) *resolver.Universe {
	u := resolver.NewUniverse()
	for _, x := range indexes {
		u.Add(deb822.Origin{Source: x.Source, Suite: x.Suite, Component: x.Component, Architecture: x.Architecture, Priority: x.Priority}, x.Text)
	}
	return u
}

// mustRequests parses requests between semicolons.
func mustRequests(t testing.TB, list string) (requests []resolver.Request) {
	t.Helper()
	for text := range strings.SplitSeq(list, ";") {
		r, err := resolver.ParseRequest(text)
		if err != nil {
			t.Fatal(err)
		}
		requests = append(requests, r)
	}
	return requests
}

// offer makes repositories of packages in a root of apt.
func offer(r *debiantest.AptRoot, packages []*resolver.Package) {
	r.AddStanzas(len(packages), func(i int) ([]byte, int) {
		return []byte(packages[i].Stanza(0)), slices.MaxFunc(packages[i].Origins, func(a, b deb822.Origin) int { return (a.Priority+500)%501 - (b.Priority+500)%501 }).Priority
	})
}
