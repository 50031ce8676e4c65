package debian

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// settle groups the entries by name, joins those that are the same file, and
// finds out who can see them.
func (u *Universe) settle() {
	if u.settled {
		return
	}
	u.settled = true
	clear(u.packages)
	u.replacing = nil
	all := make([]entryID, 0, len(u.entries))
	for id := range u.entries {
		u.entries[id].again, u.entries[id].others = false, nil
		all = append(all, entryID(id))
	}
	groups := group(all, len(u.texts), func(id entryID) nameID { return u.entries[id].name })
	joined := all[:0]
	for name := range u.texts {
		versions := groups.of(nameID(name))
		slices.SortStableFunc(versions, u.compareFiles)
		for _, id := range versions {
			if n := len(joined); n > 0 && u.sameFile(joined[n-1], id) {
				first := &u.entries[joined[n-1]]
				first.others = append(first.others, u.entries[id].listing)
				u.entries[id].again = true
				continue
			}
			joined = append(joined, id)
		}
	}
	joined = slices.Clone(joined)
	for _, id := range joined {
		e := &u.entries[id]
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
	u.byName = group(joined, len(u.texts), func(id entryID) nameID { return u.entries[id].name })
	for name := range u.texts {
		slices.SortStableFunc(u.byName.of(nameID(name)), u.compareChoices)
	}
	offered := slices.DeleteFunc(slices.Clone(u.provides), func(p provided) bool { return u.entries[p.by].again })
	u.providers = group(offered, len(u.texts), func(p provided) nameID { return p.name })
}

// compareFiles brings the listings of one file together, in the order of Add.
func (u *Universe) compareFiles(a, b entryID) int {
	x, y := &u.entries[a], &u.entries[b]
	return cmp.Or(
		cmp.Compare(x.name, y.name), strings.Compare(x.version, y.version),
		strings.Compare(u.architectures[x.arch], u.architectures[y.arch]),
		strings.Compare(x.digest, y.digest), cmp.Compare(boolToInt(x.installed), boolToInt(y.installed)), cmp.Compare(x.index, y.index), cmp.Compare(x.start, y.start))
}

func (u *Universe) sameFile(a, b entryID) bool {
	x, y := &u.entries[a], &u.entries[b]
	return x.name == y.name && x.version == y.version && x.arch == y.arch && x.digest == y.digest && x.installed == y.installed
}

// priority returns the pin priority of an index: apt_preferences(5).
func (u *Universe) priority(index int32) int32 {
	return int32(cmp.Or(u.indexes[index].origin.Priority, 500))
}

// compareChoices orders the entries of one name: the highest priority first, then
// the highest version, then the index that was added first.
func (u *Universe) compareChoices(a, b entryID) int {
	x, y := &u.entries[a], &u.entries[b]
	return cmp.Or(
		cmp.Compare(y.pin, x.pin), compareVersions(y.version, x.version), strings.Compare(y.version, x.version),
		cmp.Compare(x.index, y.index), strings.Compare(u.architectures[x.arch], u.architectures[y.arch]),
		strings.Compare(x.digest, y.digest))
}

// nodesOf returns which nodes read an index.
func (u *Universe) nodesOf(index int32) (mask uint64) {
	for i, a := range u.nodes {
		if want := u.indexes[index].origin.Architecture; want == "" || want == "all" || want == u.architectures[a] {
			mask |= 1 << i
		}
	}
	return mask
}

// spans holds values grouped by name.
type spans[T any] struct {
	values []T
	starts []int32
}

// of returns the values of a name.
func (s *spans[T]) of(name nameID) []T { return s.values[s.starts[name]:s.starts[name+1]] }

// group keeps the order of values within each name.
func group[T any](values []T, names int, name func(T) nameID) spans[T] {
	s := spans[T]{make([]T, len(values)), make([]int32, names+2)}
	for _, v := range values {
		s.starts[name(v)+2]++
	}
	for i := range names {
		s.starts[i+2] += s.starts[i+1]
	}
	for _, v := range values {
		at := &s.starts[name(v)+1]
		s.values[*at] = v
		*at++
	}
	return s
}

// All returns every package of every index that a node can read, sorted:
// "the whole of every source". It omits unusable packages, and versions that upstream is
// still phasing in if there is another version.
func (u *Universe) All() []*Package {
	u.settle()
	var all []entryID
	for _, id := range u.byName.values {
		for i := range u.nodes {
			if u.visible(id, i) && !u.waitsOn(i, id) && u.usable(id) {
				all = append(all, id)
				break
			}
		}
	}
	return u.sorted(all)
}

// visible reports whether a node of architecture nodes[node] may install an entry.
func (u *Universe) visible(id entryID, node int) bool {
	e := &u.entries[id]
	return !e.installed && u.permitted(id) && (e.arch == u.nodes[node] || e.arch == archAll && e.nodes>>node&1 == 1)
}

// permitted reports whether neither a pin nor an exclusion forbids an entry.
func (u *Universe) permitted(id entryID) bool {
	if u.entries[id].pin < 0 {
		return false
	}
	_, excluded := u.excluded[id]
	return !excluded
}

// sorted makes the packages of entries, in order and each once.
func (u *Universe) sorted(ids []entryID) []*Package {
	ids = u.sortedIDs(ids)
	all := make([]*Package, len(ids))
	for i, id := range ids {
		all[i] = u.pkg(id)
	}
	return all
}

// sortedIDs sorts entries by name, version and architecture, each once.
func (u *Universe) sortedIDs(ids []entryID) []entryID {
	ids = slices.Clone(ids)
	slices.SortFunc(ids, func(a, b entryID) int {
		x, y := &u.entries[a], &u.entries[b]
		if x.name != y.name {
			return strings.Compare(u.texts[x.name], u.texts[y.name])
		}
		return cmp.Or(
			compareVersions(x.version, y.version), strings.Compare(x.version, y.version),
			strings.Compare(u.architectures[x.arch], u.architectures[y.arch]), strings.Compare(x.digest, y.digest))
	})
	return slices.Compact(ids)
}
