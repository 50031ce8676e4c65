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

// Find finds what breaks while some pins are absent: for every set, and for every package that was requested by itself, it asks the
// resolver whether a bare node can have it from the whole image, and from what is left: first of any versions, as bootstrap and
// whoever names versions take them, then of those that apt takes by itself (see offers).
//
// A package may give way to a higher version of itself, and what it needs to any alternative: that is no
// breakage. What the image does not carry in any version that would do, the nodes are taken to have, or to get from
// elsewhere. What breaks in a set is not told again by itself. Where no artifact is Requested, as in images of older
// programs, all are that are in no set and that nothing else depends on.
func Find(ctx context.Context, pins artifact.Pins, sets []artifact.Set, absent func(id string) bool) ([]artifact.Breakage, error) {
	u, err := resolver.UniverseOf(pins)
	if err != nil {
		return nil, err
	}
	c, err := newCarriage(u, pins, absent)
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
	slices.SortStableFunc(all, func(a, b artifact.Breakage) int {
		return cmp.Or(resolver.BoolToInt(a.Set == "")-resolver.BoolToInt(b.Set == ""), strings.Compare(a.Set, b.Set), strings.Compare(a.Artifact, b.Artifact))
	})
	return all, nil
}

// broken tells what breaks on the node. What breaks for more than one reason is told with the first.
func (c *carriage) broken(ctx context.Context, index int, pins artifact.Pins, sets []artifact.Set) (all []artifact.Breakage, err error) {
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

// A carriage is what an image carries, and what of it is absent.
type carriage struct {
	*resolver.Universe
	entryOf       map[string]resolver.EntryID // by the artifact's ID
	absent        []bool                      // by entry: all its artifacts are
	before, after *offers                     // to clients
}

func newCarriage(u *resolver.Universe, pins artifact.Pins, absent func(id string) bool) (*carriage, error) {
	c := &carriage{Universe: u, entryOf: make(map[string]resolver.EntryID, len(pins.Items)), absent: make([]bool, len(u.Entries))}
	type file struct{ name, version, architecture, sha256 string }
	entries := make(map[file]resolver.EntryID, len(pins.Items))
	for _, id := range u.ByName.Values {
		e := &u.Entries[id]
		entries[file{u.Texts[e.Name], e.Version, u.Architectures[e.Arch], e.Digest}] = id
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
