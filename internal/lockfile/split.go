package lockfile

import (
	"maps"
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Architectures are the architectures, in Go's words, of the machines for which the lock has items that are not for all machines; sorted.
func (l *Lock) Architectures(kinds []artifact.Kind) []string {
	by, seen := splitters(kinds), make(map[string]bool)
	for i := range l.Items {
		if name := by.of(&l.Items[i]); name != "" {
			seen[name] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// ForArchitecture is the part of the lock that machines of an architecture, in Go's words, may need: the items for it and for all machines,
// its sets with all of their items, and the sources without what only other machines need. The order stays.
func (l *Lock) ForArchitecture(kinds []artifact.Kind, architecture string) *Lock {
	by := splitters(kinds)
	part := *l
	part.Sources, part.Sets, part.Items = []artifact.Source{}, []artifact.Set{}, []artifact.Item{}
	inSets := make(map[string]bool)
	var sets []artifact.Set
	for _, s := range l.Sets {
		name := by.ofSet(&s)
		if name != "" && name != architecture {
			continue
		}
		sets = append(sets, s)
		for _, id := range s.Items {
			if name != "" {
				inSets[id] = true
			}
		}
	}
	sources, others := make([]artifact.Source, len(l.Sources)), make(map[string]bool)
	for i, s := range l.Sources {
		sources[i] = s
		if splitter := by[s.Kind]; splitter != nil {
			part, ok := splitter.SplitSource(s, architecture)
			sources[i], others[s.Name] = part, !ok
		}
	}
	has, used := make(map[string]bool), make(map[string]bool)
	for i := range l.Items {
		item := &l.Items[i]
		name := by.of(item)
		if id := item.ID(); inSets[id] && by.foreign(item) || name == architecture || name == "" && !others[item.Source] {
			part.Items = append(part.Items, *item)
			has[id], used[item.Source] = true, true
		}
	}
	for _, s := range sources {
		if !others[s.Name] || used[s.Name] {
			part.Sources = append(part.Sources, s)
		}
	}
	lacks := func(id string) bool { return !has[id] }
	for _, s := range sets {
		s.Items = slices.DeleteFunc(slices.Clone(s.Items), lacks)
		s.Requested = slices.DeleteFunc(slices.Clone(s.Requested), lacks)
		if len(s.Items) > 0 {
			part.Sets = append(part.Sets, s)
		}
	}
	return &part
}

// bySplitter are the kinds that know for which machines their items are, by name.
type bySplitter map[string]artifact.Splitter

func splitters(kinds []artifact.Kind) bySplitter {
	by := make(bySplitter)
	for _, kind := range kinds {
		if splitter, able := artifact.Able[artifact.Splitter](kind); able {
			by[kind.Name()] = splitter
		}
	}
	return by
}

// of is the architecture of the machines that an item is for; empty: all.
func (by bySplitter) of(item *artifact.Item) string {
	if splitter := by[item.Kind]; splitter != nil {
		return splitter.GoArchitecture(item.Architecture())
	}
	return ""
}

// foreign reports whether machines of another architecture than the item's may install it.
func (by bySplitter) foreign(item *artifact.Item) bool {
	splitter := by[item.Kind]
	return splitter == nil || splitter.InstallsForeign()
}

// ofSet is the architecture of the nodes that a set is for; empty: all. Kinds that share a set call its architecture the same.
func (by bySplitter) ofSet(s *artifact.Set) string {
	if s.Architecture == artifact.AnyArchitecture {
		return ""
	}
	for _, kind := range slices.Sorted(maps.Keys(by)) {
		if name := by[kind].GoArchitecture(s.Architecture); name != "" {
			return name
		}
	}
	return ""
}
