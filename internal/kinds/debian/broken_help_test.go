package debian

import (
	"flag"
	"slices"
	"strings"
	"testing"
)

var (
	randomRequestsToCompare = flag.Int("random-requests", 300, "how many random requests to compare with apt")
	seedOfRequests          = flag.Uint64("random-seed", 1, "of the random requests")
)

// universeOfHost holds what the package lists of this machine offer.
func universeOfHost(indexes []hostIndex) *Universe {
	u := NewUniverse()
	for _, x := range indexes {
		u.Add(Origin{Source: x.Source, Suite: x.Suite, Component: x.Component, Architecture: x.Architecture, Priority: x.Priority}, x.text)
	}
	return u
}

// mustRequests parses requests between semicolons.
func mustRequests(t testing.TB, list string) (requests []Request) {
	t.Helper()
	for text := range strings.SplitSeq(list, ";") {
		r, err := ParseRequest(text)
		if err != nil {
			t.Fatal(err)
		}
		requests = append(requests, r)
	}
	return requests
}

// offer makes repositories of packages in a root of apt.
func offer(r *aptRoot, packages []*Package) {
	r.addStanzas(len(packages), func(i int) ([]byte, int) {
		return packages[i].Stanza(0), slices.MaxFunc(packages[i].Origins, func(a, b Origin) int { return (a.Priority+500)%501 - (b.Priority+500)%501 }).Priority
	})
}
