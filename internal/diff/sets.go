package diff

import (
	"cmp"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A Set is one that is different: other items belong to it, or one of its items is different.
type Set struct {
	Name         string   `json:"name"`
	System       string   `json:"system,omitempty"`
	Architecture string   `json:"architecture"`
	What         string   `json:"what"`    // Added, Removed or Changed
	Added        []string `json:"added"`   // for people: items that were not in the set
	Removed      []string `json:"removed"` // items that are no longer in the set
	Updated      []string `json:"updated"` // items that are another version, or have other content
	Size         int64    `json:"size"`    // of the files of Added and Updated, each once, bytes
}

func (s *Set) nodes() string {
	return (&artifact.Set{System: s.System, Architecture: s.Architecture}).Nodes()
}

func compareSets(a, b *Side, changes []Change) []Set {
	became, was := make(map[string][]*Change), make(map[string][]*Change) // changes by ID of the item in A, and in B
	for i := range changes {
		c := &changes[i]
		if c.Old != nil {
			became[c.Old.ID] = append(became[c.Old.ID], c)
		}
		if c.New != nil {
			was[c.New.ID] = append(was[c.New.ID], c)
		}
	}
	items := make(map[string]*artifact.Item, len(b.Catalog.Items))
	for i := range b.Catalog.Items {
		items[b.Catalog.Items[i].ID()] = &b.Catalog.Items[i]
	}
	olds := make(map[string]*artifact.Item, len(a.Catalog.Items))
	for i := range a.Catalog.Items {
		olds[a.Catalog.Items[i].ID()] = &a.Catalog.Items[i]
	}
	all := []Set{}
	key := func(s *artifact.Set) string { return s.Name + "/" + s.Nodes() }
	eachPair(a.Catalog.Sets, b.Catalog.Sets, key, func(a, b *artifact.Set) {
		one := cmp.Or(b, a)
		s := Set{Name: one.Name, System: one.System, Architecture: one.Architecture, What: whatOf(a, b), Added: []string{}, Removed: []string{}, Updated: []string{}}
		before, after := members(a), members(b)
		counted := make(map[string]bool)
		if b != nil {
			for _, id := range b.Items {
				item, change := items[id], firstIn(was[id], before)
				switch {
				case item == nil:
					continue
				case change == nil && !before[id]:
					s.Added = append(s.Added, item.String())
				case change == nil || !change.isContent():
					continue
				default:
					s.Updated = append(s.Updated, item.String())
				}
				for f := range item.Files {
					if id := item.FileID(&item.Files[f]); !counted[id] {
						counted[id] = true
						s.Size += item.Files[f].Size
					}
				}
			}
		}
		if a != nil {
			for _, id := range a.Items {
				stays := after[id] && len(became[id]) == 0
				for _, c := range became[id] {
					stays = stays || c.New != nil && after[c.New.ID]
				}
				if item := olds[id]; item != nil && !stays {
					s.Removed = append(s.Removed, item.String())
				}
			}
		}
		if s.What != Changed || len(s.Added)+len(s.Removed)+len(s.Updated) > 0 {
			all = append(all, s)
		}
	})
	return all
}

func members(s *artifact.Set) map[string]bool {
	if s == nil {
		return nil
	}
	all := make(map[string]bool, len(s.Items))
	for _, id := range s.Items {
		all[id] = true
	}
	return all
}

// firstIn is the first change of an item that was among the IDs before.
func firstIn(changes []*Change, before map[string]bool) *Change {
	for _, c := range changes {
		if c.Old != nil && before[c.Old.ID] {
			return c
		}
	}
	return nil
}
