package debian

import "slices"

// effective returns the architecture that an entry has on the node: packages
// for all count as native (Policy 8.1 and dpkg).
func (n *node) effective(id entryID) archID {
	if a := n.u.entries[id].arch; a != archAll {
		return a
	}
	return n.native
}

// inPlay reports whether an entry may be installed on the node, if only as a
// package of a foreign architecture.
func (n *node) inPlay(id entryID) bool {
	e := &n.u.entries[id]
	if e.installed {
		return n.base[id]
	}
	return n.u.visible(id, n.index) || n.u.permitted(id) && slices.Contains(n.u.nodes, e.arch)
}

// reaches reports whether a relation of owner with this qualifier may be
// satisfied by id, as far as architectures go: Policy 7 and the table of dpkg.
func (n *node) reaches(owner entryID, qualifier string, id entryID) bool {
	if !n.inPlay(id) {
		return false
	}
	have, own := n.effective(id), n.effective(owner)
	switch qualifier {
	case "":
		return have == own || have == n.native && n.u.entries[id].multiArch == multiArchForeign
	case "any":
		return (have == own || have == n.native) && n.u.entries[id].multiArch == multiArchAllowed
	case "native":
		return have == n.native
	}
	return n.u.architectures[have] == qualifier
}

// reachesVirtual is reaches for a name that p.by provides.
func (n *node) reachesVirtual(owner entryID, qualifier string, p provided) bool {
	if p.qualifier == "" {
		return n.reaches(owner, qualifier, p.by)
	}
	switch qualifier {
	case "":
		qualifier = n.u.architectures[n.effective(owner)]
	case "native":
		qualifier = n.u.architectures[n.native]
	}
	return p.qualifier == qualifier && n.inPlay(p.by)
}

// hits reports whether a negative relation with this qualifier concerns an
// architecture.
func (n *node) hits(qualifier string, id entryID) bool {
	switch qualifier {
	case "", "any":
		return true
	case "native":
		return n.effective(id) == n.native
	}
	return n.u.architectures[n.effective(id)] == qualifier
}
