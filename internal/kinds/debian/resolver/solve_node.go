package resolver

import (
	"cmp"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// A Node is a bare machine of one architecture: what a relation means there. It
// has no foreign architecture by itself; a package of another one comes in only
// where a relation names that architecture ("libc6:i386").
type Node struct {
	U      *Universe
	Index  int // in U.Nodes
	Native ArchID
	opt    *Options
	// base is what the node has already.
	base map[EntryID]bool
	// carried are the entries that the closure has anyway.
	carried map[EntryID]bool
	Links   []*Links // by entry
	weights map[EntryID]int64
}

// Links are an entry's relations, as entries of this node.
type Links struct {
	Depends   [][]EntryID // for each clause of Control.Depends what satisfies it, the preferred first
	pre       int         // how many of Depends are Pre-Depends
	welcome   [][]EntryID // what it recommends and suggests, as far as the options take that
	conflicts []EntryID   // what it cannot stand beside; not always mutual
	err       error       // its relations make no sense, so it can't be installed
}

// NewNode makes a node of the architecture u.Nodes[index]. Call BuildIndex first.
func (u *Universe) NewNode(index int, opt *Options) *Node {
	return &Node{U: u, Index: index, Native: u.Nodes[index], opt: opt, Links: make([]*Links, len(u.Entries)), weights: make(map[EntryID]int64)}
}

// Link finds what an entry's relations mean, once.
func (n *Node) Link(id EntryID) *Links {
	if l := n.Links[id]; l != nil {
		return l
	}
	c := n.U.Control(id)
	l := &Links{err: c.err, pre: c.pre, conflicts: n.conflicts(id, c)}
	for _, clause := range c.Depends {
		l.Depends = append(l.Depends, n.Alternatives(id, clause))
	}
	if n.base[id] {
		n.dropUnmet(id, l)
	}
	var welcome []deb822.Clause
	if n.opt.Recommends {
		welcome = append(welcome, c.recommends...)
	}
	if n.opt.Suggests {
		welcome = append(welcome, c.suggests...)
	}
	for _, clause := range welcome {
		l.welcome = append(l.welcome, n.Alternatives(id, clause))
	}
	n.Links[id] = l
	return l
}

// Alternatives returns every entry that satisfies a clause of owner, in apt's
// order of preference: the alternatives as written, the named package before
// what provides it, and candidates before other versions. What is carried
// anyway or was locked before goes first.
func (n *Node) Alternatives(owner EntryID, c deb822.Clause) []EntryID {
	var all []EntryID
	for _, r := range c {
		name, known := n.U.nameIDs[r.Name]
		if !known {
			continue
		}
		for _, id := range n.U.ByName.Of(name) {
			if n.reaches(owner, r.Qualifier, id) && r.Op.Holds(n.U.Entries[id].Version, r.Version) {
				all = append(all, id)
			}
		}
		virtual := len(all)
		for _, p := range n.U.providers.Of(name) {
			if n.reachesVirtual(owner, r.Qualifier, p) && r.Admits(p.version) && !slices.Contains(all, p.by) {
				all = append(all, p.by)
			}
		}
		slices.SortFunc(all[virtual:], n.compareProviders)
	}
	if len(all) > 1 {
		n.arrange(all)
	}
	return all
}

// arrange moves forward what the node would rather have, and keeps the order
// otherwise: what it has already, what the closure has anyway, what was locked before, the highest
// version of each package, the rest.
func (n *Node) arrange(all []EntryID) {
	rank := make(map[EntryID]int, len(all))
	for _, id := range all {
		switch {
		case n.base[id]:
			rank[id] = -1
			continue
		case n.carried[id]:
			continue
		case !n.preferred(id):
			rank[id] = 2
		}
		rank[id] += 2 - boolToInt(n.highest(id))
	}
	slices.SortStableFunc(all, func(a, b EntryID) int { return rank[a] - rank[b] })
}

// preferred reports whether an entry was locked before.
func (n *Node) preferred(id EntryID) bool { return n.opt.Prefer != nil && n.opt.Prefer(n.U.pkg(id)) }

// highest reports whether an entry is the version that apt would install if it
// had all of them.
func (n *Node) highest(id EntryID) bool {
	return n.firstVersion(id, func(other EntryID) bool { return n.U.Control(other).err == nil }) == id
}

// candidate reports whether an entry is the version that apt will install: of
// what the closure has anyway, of what was locked, or of all.
func (n *Node) candidate(id EntryID) bool {
	for _, among := range []func(EntryID) bool{func(id EntryID) bool { return n.carried[id] }, n.preferred} {
		if first := n.firstVersion(id, among); first >= 0 {
			return first == id
		}
	}
	return n.highest(id)
}

// firstVersion returns the first of the versions of a package that are among
// some, or -1.
func (n *Node) firstVersion(id EntryID, among func(EntryID) bool) EntryID {
	for _, other := range n.U.ByName.Of(n.U.Entries[id].Name) {
		if n.Installable(other) && n.Effective(other) == n.Effective(id) && among(other) {
			return other
		}
	}
	return -1
}

// compareProviders orders what provides one name as apt does (CompareProviders in
// apt-pkg/depcache.cc): essential packages first, then by priority. Where apt
// takes the one that its cache numbered last, take what brings least along.
func (n *Node) compareProviders(a, b EntryID) int {
	x, y := &n.U.Entries[a], &n.U.Entries[b]
	native := func(e *Entry) int { return boolToInt(e.Arch != ArchAll && e.Arch != n.Native) }
	if c := cmp.Or(boolToInt(y.essential)-boolToInt(x.essential), native(x)-native(y), cmp.Compare(x.priority, y.priority)); c != 0 {
		return c
	}
	if c := cmp.Compare(n.weight(a), n.weight(b)); c != 0 {
		return c
	}
	return cmp.Or(strings.Compare(n.U.Names[x.Name], n.U.Names[y.Name]), n.U.compareChoices(a, b))
}

func boolToInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// size returns the bytes of an entry's file.
func (u *Universe) size(id EntryID) int64 {
	size, _ := deb822.ParseSize(deb822.StanzaField(u.text(id), "Size")) // checked by readControl
	return size
}

// conflicts returns what an entry cannot be installed with by its own word: other
// versions of itself, and what its Conflicts and Breaks name. A relation does not
// hit its own package under another name (Policy 7.6.2), and without a
// qualifier it holds for every architecture.
func (n *Node) conflicts(id EntryID, c *Control) (all []EntryID) {
	e := &n.U.Entries[id]
	for _, other := range n.U.ByName.Of(e.Name) {
		o := &n.U.Entries[other]
		together := n.Effective(id) != n.Effective(other) &&
			e.multiArch == multiArchSame && o.multiArch == multiArchSame && e.Version == o.Version
		if other != id && n.Installable(other) && !together {
			all = append(all, other)
		}
	}
	for _, r := range c.negative {
		name, known := n.U.nameIDs[r.Name]
		if !known || name == e.Name {
			continue
		}
		for _, other := range n.U.ByName.Of(name) {
			if n.Installable(other) && n.hits(r.Qualifier, other) && r.Op.Holds(n.U.Entries[other].Version, r.Version) {
				all = append(all, other)
			}
		}
		for _, p := range n.U.providers.Of(name) {
			if n.U.Entries[p.by].Name != e.Name && n.Installable(p.by) && n.hits(r.Qualifier, p.by) && r.Admits(p.version) {
				all = append(all, p.by)
			}
		}
	}
	return all
}
