package broken

import (
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
	"github.com/minimirror/minimirror/internal/kinds/debian/resolver"
)

// A partition is a node and what an image has for it: the whole, and remainders of it.
type partition struct {
	*contents
	whole *resolver.Node
	users [][]use // by entry: whose clauses it is an option of
}

// A use is a clause of an entry.
type use struct {
	owner  resolver.EntryID
	clause int
}

func (c *contents) newPartition(index int) *partition {
	p := &partition{contents: c, whole: c.NewNode(index, &resolver.Options{}), users: make([][]use, len(c.Entries))}
	for _, id := range p.ByName.Values {
		l := p.whole.Link(id)
		for i, options := range l.Depends {
			if len(options) == 0 {
				l.Depends[i] = []resolver.EntryID{id} // the nodes have it, or get it elsewhere
				continue
			}
			for _, o := range options {
				p.users[o] = append(p.users[o], use{id, i})
			}
		}
	}
	return p
}

// affected are the entries that may need one of those that differ.
func (p *partition) affected(differ func(id resolver.EntryID) bool) []bool {
	affected := make([]bool, len(p.Entries))
	var queue []resolver.EntryID
	reach := func(id resolver.EntryID) {
		if !affected[id] {
			affected[id] = true
			queue = append(queue, id)
		}
	}
	for _, id := range p.ByName.Values {
		if differ(id) {
			reach(id)
		}
	}
	for i := 0; i < len(queue); i++ {
		for _, u := range p.users[queue[i]] {
			reach(u.owner)
		}
	}
	return affected
}

// versions are what may answer a request for an entry: itself, and higher versions.
func (p *partition) versions(id resolver.EntryID) []resolver.EntryID {
	options := []resolver.EntryID{id}
	for _, other := range p.VersionsOn(p.whole.Index, p.Entries[id].Name) {
		if other != id && deb822.CompareVersions(p.Entries[other].Version, p.Entries[id].Version) >= 0 {
			options = append(options, other)
		}
	}
	return options
}

// requested are the items that a node has for their own sake.
func (p *partition) requested(pins artifact.Pins, sets []artifact.Set) (all []*artifact.Item) {
	marked := slices.ContainsFunc(pins.Items, func(a artifact.Item) bool { return a.Requested })
	inSets := make(map[string]bool)
	for _, set := range sets {
		for _, id := range set.Items {
			inSets[id] = true
		}
	}
	for i := range pins.Items {
		a := &pins.Items[i]
		id := p.entryOf[a.ID()]
		if p.Visible(id, p.whole.Index) && (a.Requested || !marked && !inSets[a.ID()] && !p.needed(id)) {
			all = append(all, a)
		}
	}
	return all
}

// needed reports whether another entry may need it.
func (p *partition) needed(id resolver.EntryID) bool {
	return slices.ContainsFunc(p.users[id], func(u use) bool { return u.owner != id })
}
