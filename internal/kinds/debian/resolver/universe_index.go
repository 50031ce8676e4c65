package resolver

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// BuildIndex groups the entries by name, joins those that are the same file, and
// finds out who can see them.
func (u *Universe) BuildIndex() {
	if u.indexed {
		return
	}
	u.indexed = true
	clear(u.packages)
	u.replacing = nil
	all := make([]EntryID, 0, len(u.Entries))
	for id := range u.Entries {
		u.Entries[id].again, u.Entries[id].others = false, nil
		all = append(all, EntryID(id))
	}
	groups := group(all, len(u.Names), func(id EntryID) NameID { return u.Entries[id].Name })
	joined := all[:0]
	for name := range u.Names {
		versions := groups.Of(NameID(name))
		slices.SortStableFunc(versions, u.compareFiles)
		for _, id := range versions {
			if n := len(joined); n > 0 && u.sameFile(joined[n-1], id) {
				first := &u.Entries[joined[n-1]]
				first.others = append(first.others, u.Entries[id].listing)
				u.Entries[id].again = true
				continue
			}
			joined = append(joined, id)
		}
	}
	joined = slices.Clone(joined)
	for _, id := range joined {
		e := &u.Entries[id]
		e.nodes, e.pin, e.waits = 0, math.MinInt32, true
		for _, l := range append([]listing{e.listing}, e.others...) {
			pin, waits := u.priority(l.index), u.waits(e, l)
			if waits {
				pin = min(pin, phasedPriority)
			}
			e.nodes |= u.nodesOf(l.index)
			e.pin = max(e.pin, pin)
			e.waits = e.waits && waits
		}
	}
	u.ByName = group(joined, len(u.Names), func(id EntryID) NameID { return u.Entries[id].Name })
	for name := range u.Names {
		slices.SortStableFunc(u.ByName.Of(NameID(name)), u.compareChoices)
	}
	offered := slices.DeleteFunc(slices.Clone(u.provides), func(p provided) bool { return u.Entries[p.by].again })
	u.providers = group(offered, len(u.Names), func(p provided) NameID { return p.name })
}

// compareFiles brings the listings of one file together, in the order of Add.
func (u *Universe) compareFiles(a, b EntryID) int {
	x, y := &u.Entries[a], &u.Entries[b]
	return cmp.Or(
		cmp.Compare(x.Name, y.Name), strings.Compare(x.Version, y.Version),
		strings.Compare(u.Architectures[x.Arch], u.Architectures[y.Arch]),
		strings.Compare(x.Digest, y.Digest), cmp.Compare(boolToInt(x.installed), boolToInt(y.installed)), cmp.Compare(x.index, y.index), cmp.Compare(x.start, y.start))
}

func (u *Universe) sameFile(a, b EntryID) bool {
	x, y := &u.Entries[a], &u.Entries[b]
	return x.Name == y.Name && x.Version == y.Version && x.Arch == y.Arch && x.Digest == y.Digest && x.installed == y.installed
}

// priority returns the pin priority of an index: apt_preferences(5).
func (u *Universe) priority(index int32) int32 {
	return int32(cmp.Or(u.indexes[index].Origin.Priority, 500))
}

// compareChoices orders the entries of one name: the highest priority first, then
// the highest version, then the index that was added first.
func (u *Universe) compareChoices(a, b EntryID) int {
	x, y := &u.Entries[a], &u.Entries[b]
	return cmp.Or(
		cmp.Compare(y.pin, x.pin), deb822.CompareVersions(y.Version, x.Version), strings.Compare(y.Version, x.Version),
		cmp.Compare(x.index, y.index), strings.Compare(u.Architectures[x.Arch], u.Architectures[y.Arch]),
		strings.Compare(x.Digest, y.Digest))
}

// nodesOf returns which nodes read an index.
func (u *Universe) nodesOf(index int32) (mask uint64) {
	for i, a := range u.Nodes {
		if want := u.indexes[index].Origin.Architecture; want == "" || want == "all" || want == u.Architectures[a] {
			mask |= 1 << i
		}
	}
	return mask
}

// spans holds values grouped by name.
type spans[T any] struct {
	Values []T
	starts []int32
}

// Of returns the values of a name.
func (s *spans[T]) Of(name NameID) []T { return s.Values[s.starts[name]:s.starts[name+1]] }

// group keeps the order of values within each name.
func group[T any](values []T, names int, name func(T) NameID) spans[T] {
	s := spans[T]{make([]T, len(values)), make([]int32, names+2)}
	for _, v := range values {
		s.starts[name(v)+2]++
	}
	for i := range names {
		s.starts[i+2] += s.starts[i+1]
	}
	for _, v := range values {
		at := &s.starts[name(v)+1]
		s.Values[*at] = v
		*at++
	}
	return s
}

// All returns every package of every index that a node can read, sorted:
// "the whole of every source". It omits unusable packages, and versions that upstream is
// still phasing in if there is another version.
func (u *Universe) All() []*Package {
	u.BuildIndex()
	var all []EntryID
	for _, id := range u.ByName.Values {
		for i := range u.Nodes {
			if u.Visible(id, i) && !u.waitsOn(i, id) && u.usable(id) {
				all = append(all, id)
				break
			}
		}
	}
	return u.sorted(all)
}

// Visible reports whether a node of architecture Nodes[node] may install an entry.
func (u *Universe) Visible(id EntryID, node int) bool {
	e := &u.Entries[id]
	return !e.installed && u.permitted(id) && (e.Arch == u.Nodes[node] || e.Arch == ArchAll && e.nodes>>node&1 == 1)
}

// permitted reports whether neither a pin nor an exclusion forbids an entry.
func (u *Universe) permitted(id EntryID) bool {
	if u.Entries[id].pin < 0 {
		return false
	}
	_, excluded := u.excluded[id]
	return !excluded
}

// sorted makes the packages of entries, in order and each once.
func (u *Universe) sorted(ids []EntryID) []*Package {
	ids = u.sortedIDs(ids)
	all := make([]*Package, len(ids))
	for i, id := range ids {
		all[i] = u.pkg(id)
	}
	return all
}

// sortedIDs sorts entries by name, version and architecture, each once.
func (u *Universe) sortedIDs(ids []EntryID) []EntryID {
	ids = slices.Clone(ids)
	slices.SortFunc(ids, func(a, b EntryID) int {
		x, y := &u.Entries[a], &u.Entries[b]
		if x.Name != y.Name {
			return strings.Compare(u.Names[x.Name], u.Names[y.Name])
		}
		return cmp.Or(
			deb822.CompareVersions(x.Version, y.Version), strings.Compare(x.Version, y.Version),
			strings.Compare(u.Architectures[x.Arch], u.Architectures[y.Arch]), strings.Compare(x.Digest, y.Digest))
	})
	return slices.Compact(ids)
}
