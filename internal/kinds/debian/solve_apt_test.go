package debian

import (
	"slices"
	"testing"
)

// addPackages makes repositories of packages in a root of apt.
func addPackages(r *aptRoot, packages []*Package) {
	r.addStanzas(len(packages), func(i int) ([]byte, int) {
		return packages[i].Stanza(0), slices.MaxFunc(packages[i].Origins, func(a, b Origin) int { return (a.Priority+500)%501 - (b.Priority+500)%501 }).Priority
	})
}

func newHostUniverse(t testing.TB, indexes []hostIndex) *Universe {
	u := NewUniverse()
	for _, x := range indexes {
		u.Add(Origin{Source: x.Source, Suite: x.Suite, Component: x.Component, Architecture: x.Architecture, Priority: x.Priority}, x.text)
	}
	return u
}
