package debian

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Broken implements artifact.Ruler: for every set, and for every package that was requested by itself, it asks the
// resolver whether a bare node can have it from the whole image, and from what is left.
//
// A package may give way to a higher version of itself, and what it needs to any alternative: that is no
// breakage. What the image does not carry in any version that would do, the nodes are taken to have, or to get from
// elsewhere. What breaks in a set is not told again by itself. Where no artifact is Requested, as in images of older
// programs, all are that are in no set and that nothing else depends on.
func (Kind) Broken(ctx context.Context, pins artifact.Pins, sets []artifact.Set, absent func(id string) bool) ([]artifact.Breakage, error) {
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
		broken, err := newPartition(c, index).broken(ctx, pins, sets)
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

// broken tells what breaks on the node.
func (p *partition) broken(ctx context.Context, pins artifact.Pins, sets []artifact.Set) (all []artifact.Breakage, err error) {
	told := make(map[string]bool)
	for _, set := range sets {
		if set.Architecture != p.architectures[p.whole.native] {
			continue
		}
		broken, err := p.brokenSet(ctx, set)
		if err != nil {
			return nil, err
		}
		for _, b := range broken {
			told[b.Artifact] = true
		}
		all = append(all, broken...)
	}
	for _, a := range p.requested(pins, sets) {
		if told[a.ID()] {
			continue
		}
		reason, err := p.brokenArtifact(ctx, a)
		if err != nil {
			return nil, err
		}
		if reason != "" {
			all = append(all, artifact.Breakage{Artifact: a.ID(), Architecture: p.architectures[p.whole.native], Reason: reason})
		}
	}
	return all, nil
}

// A carriage is what an image carries, and what of it is absent.
type carriage struct {
	*Universe
	entryOf map[string]entryID // by the artifact's ID
	absent  []bool             // by entry: all its artifacts are
}

func newCarriage(u *Universe, pins artifact.Pins, absent func(id string) bool) (*carriage, error) {
	c := &carriage{u, make(map[string]entryID, len(pins.Artifacts)), make([]bool, len(u.entries))}
	type file struct{ name, version, architecture, sha256 string }
	entries := make(map[file]entryID, len(pins.Artifacts))
	for _, id := range u.byName.values {
		e := &u.entries[id]
		entries[file{u.texts[e.name], e.version, u.architectures[e.arch], e.sha256}] = id
		c.absent[id] = true
	}
	for i := range pins.Artifacts {
		a := &pins.Artifacts[i]
		id, found := entries[file{a.Name, a.Version, a.Architecture, a.SHA256}]
		if !found {
			return nil, artifact.Verifyf("debian: %s: its metadata are those of another package", a.ID())
		}
		c.entryOf[a.ID()] = id
		c.absent[id] = c.absent[id] && absent(a.ID())
	}
	return c, nil
}

// requested are the artifacts that are there for their own sake on a node.
func (p *partition) requested(pins artifact.Pins, sets []artifact.Set) (all []*artifact.Artifact) {
	marked := slices.ContainsFunc(pins.Artifacts, func(a artifact.Artifact) bool { return a.Requested })
	inSets := make(map[string]bool)
	for _, set := range sets {
		for _, id := range set.Artifacts {
			inSets[id] = true
		}
	}
	for i := range pins.Artifacts {
		a := &pins.Artifacts[i]
		id := p.entryOf[a.ID()]
		if p.visible(id, p.whole.index) && (a.Requested || !marked && !inSets[a.ID()] && !p.needed(id)) {
			all = append(all, a)
		}
	}
	return all
}

// needed reports whether another entry may need it.
func (p *partition) needed(id entryID) bool {
	return slices.ContainsFunc(p.users[id], func(u use) bool { return u.owner != id })
}

// brokenArtifact asks for one artifact by itself. It returns why that cannot be had any more; empty: it can, or could not
// be had before.
func (p *partition) brokenArtifact(ctx context.Context, a *artifact.Artifact) (reason string, err error) {
	id := p.entryOf[a.ID()]
	if !p.affected[id] {
		return "", nil
	}
	request := [][]entryID{p.versions(id)}
	if slices.ContainsFunc(request[0], func(o entryID) bool { return p.good[o] }) {
		return "", nil
	}
	if reason, err = p.whyNot(ctx, request); err != nil || reason == "" {
		return "", err
	}
	if could, err := p.installable(ctx, p.whole, request); err != nil || !could {
		return "", err
	}
	return reason, nil
}

// brokenSet asks for what a set was made for, as PlanInstall does. A breakage names what cannot be had, or else the
// first that cannot be had beside those before it.
func (p *partition) brokenSet(ctx context.Context, set artifact.Set) ([]artifact.Breakage, error) {
	requested := set.Requested
	if len(requested) == 0 {
		requested = set.Artifacts
	}
	var wanted []string // IDs
	var options [][]entryID
	affected := false
	for _, name := range requested {
		id, known := p.entryOf[name]
		if !known {
			return nil, artifact.Verifyf("the set %s names %s, which is not there", set.Name, name)
		}
		if p.visible(id, p.whole.index) { // what is foreign comes with what needs it
			wanted, options = append(wanted, name), append(options, p.versions(id))
			affected = affected || p.affected[id]
		}
	}
	if !affected {
		return nil, nil
	}
	if could, err := p.installable(ctx, p.whole, options); err != nil || !could {
		return nil, err
	}
	var all []artifact.Breakage
	add := func(i int, reason string) {
		all = append(all, artifact.Breakage{Set: set.Name, Artifact: wanted[i], Architecture: set.Architecture, Reason: reason})
	}
	for i := range wanted {
		if reason := p.whyLost(options[i]); reason != "" {
			add(i, reason)
		}
	}
	if len(all) > 0 {
		return all, nil
	}
	could, err := p.installable(ctx, p.left, options)
	for i := 0; err == nil && !could && i < len(wanted); i++ {
		var reason string
		if reason, err = p.whyNot(ctx, options[:i+1]); reason != "" {
			add(i, reason)
			break
		}
	}
	return all, err
}
