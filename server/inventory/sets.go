package inventory

import (
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A SetName identifies a set.
type SetName struct {
	Name  string
	Nodes string // as artifact.Set.Nodes has them
}

// A SetContents is what a set holds.
type SetContents struct {
	SetName
	Requested []*artifact.Item
	Items     []*artifact.Item // in an order in which they can be installed
	Size      int64            // of their files, each once
}

// Sets are the catalog's, without lists that are null.
func (v *Inventory) Sets() []artifact.Set {
	sets := orNone(slices.Clone(v.Image.Catalog.Sets))
	for i := range sets {
		sets[i].Requested, sets[i].Items = orNone(sets[i].Requested), orNone(sets[i].Items)
	}
	return sets
}

// Set finds what a set holds; nil: there is no such set. The items are without URLs and Metadata.
func (v *Inventory) Set(name SetName) *SetContents {
	c := v.Image.Catalog
	at := slices.IndexFunc(c.Sets, func(s artifact.Set) bool { return SetName{s.Name, s.Nodes()} == name })
	if at < 0 {
		return nil
	}
	set := &c.Sets[at]
	places := make(map[string]*artifact.Item, len(set.Items))
	for _, id := range set.Items {
		places[id] = nil
	}
	for i := range c.Items {
		id := c.Items[i].ID()
		if _, is := places[id]; is {
			places[id] = &c.Items[i]
		}
	}
	contents, counted := &SetContents{SetName: name}, map[string]bool{}
	for _, id := range set.Items {
		item := places[id]
		contents.Items = append(contents.Items, item)
		for f := range item.Files {
			if file := item.FileID(&item.Files[f]); !counted[file] {
				counted[file] = true
				contents.Size += item.Files[f].Size
			}
		}
	}
	for _, id := range set.Requested {
		contents.Requested = append(contents.Requested, places[id])
	}
	return contents
}
