package resolver

import (
	"slices"
	"testing"

	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
)

// addPackages makes repositories of packages in a root of apt.
func addPackages(r *debiantest.AptRoot, packages []*Package) {
	r.AddStanzas(len(packages), func(i int) ([]byte, int) {
		return []byte(packages[i].Stanza(0)), slices.MaxFunc(packages[i].Origins, func(a, b deb822.Origin) int { return (a.Priority+500)%501 - (b.Priority+500)%501 }).Priority
	})
}

func newHostUniverse(t testing.TB, indexes []debiantest.HostIndex) *Universe {
	u := NewUniverse()
	for _, x := range indexes {
		u.Add(deb822.Origin{Source: x.Source, Suite: x.Suite, Component: x.Component, Architecture: x.Architecture, Priority: x.Priority}, x.Text)
	}
	return u
}
