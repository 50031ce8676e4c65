package debian

import "slices"

// replacers are what a package of the base gives way to, as apt has it: entries that say that they replace it and that cannot stand
// beside it (Policy 7.6). Before it gives way, it is upgraded, where that works. What is essential, protected or on hold gives
// way to nothing.
func (n *node) replacers(id entryID) (all []entryID) {
	if n.u.mustStay(id) != "" {
		return nil
	}
	if n.u.replacing == nil {
		n.u.replacing = n.u.indexReplaces()
	}
	names := []nameID{n.u.entries[id].name}
	for _, p := range n.u.provides {
		if p.by == id {
			names = append(names, p.name)
		}
	}
	for _, name := range names {
		for _, by := range n.u.replacing[name] {
			if !n.u.entries[by].installed && n.inPlay(by) && n.u.entries[by].name != n.u.entries[id].name && !slices.Contains(all, by) && n.replaces(by, id) &&
				(slices.Contains(n.link(by).conflicts, id) || slices.Contains(n.link(id).conflicts, by)) {
				all = append(all, by)
			}
		}
	}
	slices.SortFunc(all, n.u.compareChoices)
	return all
}

// mustStay says why an installed package gives way to nothing; empty: it may.
func (u *Universe) mustStay(id entryID) string {
	switch {
	case u.entries[id].installed && onHold(u.text(id)):
		return "on hold"
	case u.entries[id].essential:
		return "essential"
	case u.protected(id):
		return "protected"
	}
	return ""
}

// indexReplaces finds the entries that have a name in their Replaces.
func (u *Universe) indexReplaces() map[nameID][]entryID {
	index := make(map[nameID][]entryID)
	for id := range u.entries {
		if u.entries[id].again || stanzaField(u.text(entryID(id)), "Replaces") == "" {
			continue
		}
		for _, r := range u.control(entryID(id)).replaces {
			if name, known := u.names[r.name]; known {
				index[name] = append(index[name], entryID(id))
			}
		}
	}
	return index
}

// replaces reports whether an entry says that it replaces another.
func (n *node) replaces(by, id entryID) bool {
	return slices.ContainsFunc(n.u.control(by).replaces, func(r relation) bool { return n.concerns(r, id) })
}

// concerns reports whether a Conflicts, Breaks or Replaces means an entry, by its own name or one that it provides.
func (n *node) concerns(r relation, id entryID) bool {
	if !n.hits(r.qualifier, id) {
		return false
	}
	if n.u.texts[n.u.entries[id].name] == r.name {
		return r.op.holds(n.u.entries[id].version, r.version)
	}
	name, known := n.u.names[r.name]
	return known && slices.ContainsFunc(n.u.providers.of(name), func(p provided) bool { return p.by == id && r.admits(p.version) })
}

// A removal is a package of the node that gives way to what replaces it.
type removal struct{ old, by entryID }

// removals are what of the base is neither kept nor upgraded.
func (s *search) removals() (all []removal) {
	for _, d := range s.needs {
		if d.owner != inBase || s.satisfied(d.options) {
			continue
		}
		for _, by := range d.instead {
			if s.chosen[by] {
				all = append(all, removal{d.options[0], by})
				break
			}
		}
	}
	return all
}

// dpkgSwaps reports whether dpkg itself removes old when it unpacks an entry that conflicts with it. It does
// where the two name each other; with virtual packages it refuses.
func (n *node) dpkgSwaps(id, old entryID) bool {
	named := func(by, other entryID) (is bool) {
		for _, r := range n.u.control(by).conflicts {
			if n.concerns(r, other) {
				if n.u.texts[n.u.entries[other].name] != r.name {
					return false
				}
			}
		}
		return true
	}
	replaces := slices.ContainsFunc(n.u.control(id).replaces, func(r relation) bool {
		return n.u.texts[n.u.entries[old].name] == r.name && n.concerns(r, old)
	})
	return replaces && named(id, old) && named(old, id)
}

// excludes reports whether by the Conflicts of one of them two packages must not be unpacked beside each other, as by Breaks they may.
func (n *node) excludes(a, b entryID) bool {
	return slices.ContainsFunc(n.u.control(a).conflicts, func(r relation) bool { return n.concerns(r, b) }) ||
		slices.ContainsFunc(n.u.control(b).conflicts, func(r relation) bool { return n.concerns(r, a) })
}
