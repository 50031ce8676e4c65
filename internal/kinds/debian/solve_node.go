package debian

import (
	"cmp"
	"slices"
	"strings"
)

// A node is a bare machine of one architecture: what a relation means there. It
// has no foreign architecture by itself; a package of another one comes in only
// where a relation names that architecture ("libc6:i386").
type node struct {
	u      *Universe
	index  int // in u.nodes
	native archID
	opt    *Options
	// base is what the node has already.
	base map[entryID]bool
	// carried are the entries that the closure has anyway.
	carried map[entryID]bool
	links   []*links // by entry
	weights map[entryID]int64
}

// links are an entry's relations, as entries of this node.
type links struct {
	depends   [][]entryID // for each clause of control.depends what satisfies it, the preferred first
	pre       int         // how many of depends are Pre-Depends
	welcome   [][]entryID // what it recommends and suggests, as far as the options take that
	conflicts []entryID   // what it cannot stand beside; not always mutual
	err       error       // its relations make no sense, so it can't be installed
}

func (u *Universe) newNode(index int, opt *Options) *node {
	return &node{u: u, index: index, native: u.nodes[index], opt: opt, links: make([]*links, len(u.entries)), weights: make(map[entryID]int64)}
}

// link finds what an entry's relations mean, once.
func (n *node) link(id entryID) *links {
	if l := n.links[id]; l != nil {
		return l
	}
	c := n.u.control(id)
	l := &links{err: c.err, pre: c.pre, conflicts: n.conflicts(id, c)}
	for _, clause := range c.depends {
		l.depends = append(l.depends, n.alternatives(id, clause))
	}
	if n.base[id] {
		n.forgive(id, l)
	}
	var welcome []clause
	if n.opt.Recommends {
		welcome = append(welcome, c.recommends...)
	}
	if n.opt.Suggests {
		welcome = append(welcome, c.suggests...)
	}
	for _, clause := range welcome {
		l.welcome = append(l.welcome, n.alternatives(id, clause))
	}
	n.links[id] = l
	return l
}

// alternatives returns every entry that satisfies a clause of owner, in apt's
// order of preference: the alternatives as written, the named package before
// what provides it, and candidates before other versions. What is carried
// anyway or was locked before goes first.
func (n *node) alternatives(owner entryID, c clause) []entryID {
	var all []entryID
	for _, r := range c {
		name, known := n.u.names[r.name]
		if !known {
			continue
		}
		for _, id := range n.u.byName.of(name) {
			if n.reaches(owner, r.qualifier, id) && r.op.holds(n.u.entries[id].version, r.version) {
				all = append(all, id)
			}
		}
		virtual := len(all)
		for _, p := range n.u.providers.of(name) {
			if n.reachesVirtual(owner, r.qualifier, p) && r.admits(p.version) && !slices.Contains(all, p.by) {
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
func (n *node) arrange(all []entryID) {
	rank := make(map[entryID]int, len(all))
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
	slices.SortStableFunc(all, func(a, b entryID) int { return rank[a] - rank[b] })
}

// preferred reports whether an entry was locked before.
func (n *node) preferred(id entryID) bool { return n.opt.Prefer != nil && n.opt.Prefer(n.u.pkg(id)) }

// highest reports whether an entry is the version that apt would install if it
// had all of them.
func (n *node) highest(id entryID) bool {
	return n.firstVersion(id, func(other entryID) bool { return n.u.control(other).err == nil }) == id
}

// candidate reports whether an entry is the version that apt will install: of
// what the closure has anyway, of what was locked, or of all.
func (n *node) candidate(id entryID) bool {
	for _, among := range []func(entryID) bool{func(id entryID) bool { return n.carried[id] }, n.preferred} {
		if first := n.firstVersion(id, among); first >= 0 {
			return first == id
		}
	}
	return n.highest(id)
}

// firstVersion returns the first of the versions of a package that are among
// some, or -1.
func (n *node) firstVersion(id entryID, among func(entryID) bool) entryID {
	for _, other := range n.u.byName.of(n.u.entries[id].name) {
		if n.inPlay(other) && n.effective(other) == n.effective(id) && among(other) {
			return other
		}
	}
	return -1
}

// compareProviders orders what provides one name as apt does (CompareProviders in
// apt-pkg/depcache.cc): essential packages first, then by priority. Where apt
// takes the one that its cache numbered last, take what brings least along.
func (n *node) compareProviders(a, b entryID) int {
	x, y := &n.u.entries[a], &n.u.entries[b]
	native := func(e *entry) int { return boolToInt(e.arch != archAll && e.arch != n.native) }
	if c := cmp.Or(boolToInt(y.essential)-boolToInt(x.essential), native(x)-native(y), cmp.Compare(x.priority, y.priority)); c != 0 {
		return c
	}
	if c := cmp.Compare(n.weight(a), n.weight(b)); c != 0 {
		return c
	}
	return cmp.Or(strings.Compare(n.u.texts[x.name], n.u.texts[y.name]), n.u.compareChoices(a, b))
}

func boolToInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// size returns the bytes of an entry's file.
func (u *Universe) size(id entryID) int64 {
	size, _ := parseSize(stanzaField(u.text(id), "Size")) // checked by readControl
	return size
}

// conflicts returns what an entry cannot be installed with by its own word: other
// versions of itself, and what its Conflicts and Breaks name. A relation does not
// hit its own package under another name (Policy 7.6.2), and without a
// qualifier it holds for every architecture.
func (n *node) conflicts(id entryID, c *control) (all []entryID) {
	e := &n.u.entries[id]
	for _, other := range n.u.byName.of(e.name) {
		o := &n.u.entries[other]
		together := n.effective(id) != n.effective(other) &&
			e.multiArch == multiArchSame && o.multiArch == multiArchSame && e.version == o.version
		if other != id && n.inPlay(other) && !together {
			all = append(all, other)
		}
	}
	for _, r := range c.negative {
		name, known := n.u.names[r.name]
		if !known || name == e.name {
			continue
		}
		for _, other := range n.u.byName.of(name) {
			if n.inPlay(other) && n.hits(r.qualifier, other) && r.op.holds(n.u.entries[other].version, r.version) {
				all = append(all, other)
			}
		}
		for _, p := range n.u.providers.of(name) {
			if n.u.entries[p.by].name != e.name && n.inPlay(p.by) && n.hits(r.qualifier, p.by) && r.admits(p.version) {
				all = append(all, p.by)
			}
		}
	}
	return all
}
