package debian

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Broken finds what breaks while some pins are absent: for every set, and for every package that was requested by itself, it asks the
// resolver whether a bare node can have it from the whole image, and from what is left: first of any versions, as bootstrap and
// whoever names versions take them, then of those that apt takes by itself (see offers).
//
// A package may give way to a higher version of itself, and what it needs to any alternative: that is no
// breakage. What the image does not carry in any version that would do, the nodes are taken to have, or to get from
// elsewhere. What breaks in a set is not told again by itself. Where no artifact is Requested, as in images of older
// programs, all are that are in no set and that nothing else depends on.
func Broken(ctx context.Context, pins artifact.Pins, sets []artifact.Set, absent func(id string) bool) ([]artifact.Breakage, error) {
	u, err := universeOf(pins)
	if err != nil {
		return nil, err
	}
	c, err := newCarriage(u, pins, absent)
	if err != nil {
		return nil, err
	}
	var all []artifact.Breakage
	for index := range u.nodes {
		broken, err := c.broken(ctx, index, pins, sets)
		if err != nil {
			return nil, err
		}
		all = append(all, broken...)
	}
	slices.SortStableFunc(all, func(a, b artifact.Breakage) int {
		return cmp.Or(boolToInt(a.Set == "")-boolToInt(b.Set == ""), strings.Compare(a.Set, b.Set), strings.Compare(a.Artifact, b.Artifact))
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
	*Universe
	entryOf       map[string]entryID // by the artifact's ID
	absent        []bool             // by entry: all its artifacts are
	before, after *offers            // to clients
}

func newCarriage(u *Universe, pins artifact.Pins, absent func(id string) bool) (*carriage, error) {
	c := &carriage{Universe: u, entryOf: make(map[string]entryID, len(pins.Items)), absent: make([]bool, len(u.entries))}
	type file struct{ name, version, architecture, sha256 string }
	entries := make(map[file]entryID, len(pins.Items))
	for _, id := range u.byName.values {
		e := &u.entries[id]
		entries[file{u.texts[e.name], e.version, u.architectures[e.arch], e.digest}] = id
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
