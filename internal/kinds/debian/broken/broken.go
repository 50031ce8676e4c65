// Package broken finds what no longer installs while rules deny packages of an image: it asks the resolver what a bare node can have
// of the whole image, and what of the rest. It also warns at lock of what apt would not install by itself.
package broken

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/resolver"
)

// Find finds what breaks while some pins are absent; absent gets the ID of an item. For every set, and for every package that was
// requested by itself, it asks the resolver whether a bare node can have it from the whole image, and from what is left: first of
// any versions, as bootstrap and clients that name versions take them, then of those that apt takes by itself (see offers).
//
// A package may give way to a higher version of itself, and what it needs to any alternative: that is not a
// breakage. If the image carries no version that would do, Find assumes that nodes have the package, or get it from
// elsewhere. What breaks in a set is not reported again by itself. If no item is Requested, as in images of older
// programs, Find takes those that are in no set and that nothing else depends on.
//
// The result is sorted: sets first, by name, then packages.
func Find(ctx context.Context, pins artifact.Pins, sets []artifact.Set, absent func(id string) bool) ([]artifact.Breakage, error) {
	u, err := resolver.UniverseOf(pins)
	if err != nil {
		return nil, err
	}
	c, err := newContents(u, pins, absent)
	if err != nil {
		return nil, err
	}
	var all []artifact.Breakage
	for index := range u.Nodes {
		broken, err := c.broken(ctx, index, pins, sets)
		if err != nil {
			return nil, err
		}
		all = append(all, broken...)
	}
	slices.SortStableFunc(all, compareBreakages)
	return all, nil
}

// compareBreakages puts sets before single packages.
func compareBreakages(a, b artifact.Breakage) int {
	switch {
	case a.Set == "" && b.Set != "":
		return 1
	case a.Set != "" && b.Set == "":
		return -1
	}
	return cmp.Or(strings.Compare(a.Set, b.Set), strings.Compare(a.Artifact, b.Artifact))
}

// broken tells what breaks on the node. What breaks for more than one reason is told with the first.
func (c *contents) broken(ctx context.Context, index int, pins artifact.Pins, sets []artifact.Set) (all []artifact.Breakage, err error) {
	p := c.newPartition(index)
	told := make(map[[2]string]bool) // a set, or none, and an ID
	for _, compare := range p.comparisons() {
		broken, err := compare.broken(ctx, pins, sets, told)
		if err != nil {
			return nil, err
		}
		all = append(all, broken...)
	}
	return all, nil
}

// contents are what an image carries, and what of it is absent.
type contents struct {
	*resolver.Universe
	entryOf       map[string]resolver.EntryID // by the item's ID
	absent        []bool                      // by entry: all its items are
	before, after *offers                     // to clients
}

func newContents(u *resolver.Universe, pins artifact.Pins, absent func(id string) bool) (*contents, error) {
	c := &contents{Universe: u, entryOf: make(map[string]resolver.EntryID, len(pins.Items)), absent: make([]bool, len(u.Entries))}
	type file struct{ name, version, architecture, sha256 string }
	entries := make(map[file]resolver.EntryID, len(pins.Items))
	for _, id := range u.ByName.Values {
		e := &u.Entries[id]
		entries[file{u.Names[e.Name], e.Version, u.Architectures[e.Arch], e.Digest}] = id
		c.absent[id] = true
	}
	for i := range pins.Items {
		a := &pins.Items[i]
		id, found := entries[file{a.Name, a.Version, a.Architecture(), a.Files[0].SHA256}]
		if !found {
			return nil, artifact.Verifyf("debian: %s: its metadata are those of another package", a.ID())
		}
		c.entryOf[a.ID()] = id
		c.absent[id] = c.absent[id] && absent(a.ID())
	}
	var err error
	if c.before, err = c.newOffers(pins, func(string) bool { return false }); err != nil {
		return nil, err
	}
	c.after, err = c.newOffers(pins, absent)
	return c, err
}
