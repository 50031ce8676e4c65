package resolver

import "slices"

// Effective returns the architecture that an entry has on the node: packages
// for all count as native (Policy 8.1 and dpkg).
func (n *Node) Effective(id EntryID) ArchID {
	if a := n.U.Entries[id].Arch; a != ArchAll {
		return a
	}
	return n.Native
}

// Installable reports whether an entry may be installed on the node, if only as a
// package of a foreign architecture.
func (n *Node) Installable(id EntryID) bool {
	e := &n.U.Entries[id]
	if e.installed {
		return n.base[id]
	}
	return n.U.Visible(id, n.Index) || n.U.permitted(id) && slices.Contains(n.U.Nodes, e.Arch)
}

// reaches reports whether a relation of owner with this qualifier may be
// satisfied by id, as far as architectures go: Policy 7 and the table of dpkg.
func (n *Node) reaches(owner EntryID, qualifier string, id EntryID) bool {
	if !n.Installable(id) {
		return false
	}
	have, own := n.Effective(id), n.Effective(owner)
	switch qualifier {
	case "":
		return have == own || have == n.Native && n.U.Entries[id].multiArch == multiArchForeign
	case "any":
		return (have == own || have == n.Native) && n.U.Entries[id].multiArch == multiArchAllowed
	case "native":
		return have == n.Native
	}
	return n.U.Architectures[have] == qualifier
}

// reachesVirtual is reaches for a name that p.by provides.
func (n *Node) reachesVirtual(owner EntryID, qualifier string, p provided) bool {
	if p.qualifier == "" {
		return n.reaches(owner, qualifier, p.by)
	}
	switch qualifier {
	case "":
		qualifier = n.U.Architectures[n.Effective(owner)]
	case "native":
		qualifier = n.U.Architectures[n.Native]
	}
	return p.qualifier == qualifier && n.Installable(p.by)
}

// hits reports whether a negative relation with this qualifier concerns an
// architecture.
func (n *Node) hits(qualifier string, id EntryID) bool {
	switch qualifier {
	case "", "any":
		return true
	case "native":
		return n.Effective(id) == n.Native
	}
	return n.U.Architectures[n.Effective(id)] == qualifier
}
