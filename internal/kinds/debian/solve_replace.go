package debian

import "slices"

// replacers are the entries that may replace a package of the base, as in apt: those that declare Replaces and also Breaks or
// Conflicts with it (Policy 7.6). If possible, the package is upgraded instead. An essential, protected or held package is
// never replaced.
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

// mustStay says why an installed package must not be replaced; empty: it may be.
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

// replaces reports whether an entry declares that it replaces another.
func (n *node) replaces(by, id entryID) bool {
	return slices.ContainsFunc(n.u.control(by).replaces, func(r relation) bool { return n.concerns(r, id) })
}

// concerns reports whether a Conflicts, Breaks or Replaces matches an entry, by its own name or one that it provides.
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

// A removal is a package of the node that its replacement removes.
type removal struct{ old, by entryID }

// removals are the packages of the base that are neither kept nor upgraded.
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
// if the two name each other; for virtual packages it refuses.
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

// excludes reports whether a Conflicts forbids unpacking two packages together; Breaks would allow it.
func (n *node) excludes(a, b entryID) bool {
	return slices.ContainsFunc(n.u.control(a).conflicts, func(r relation) bool { return n.concerns(r, b) }) ||
		slices.ContainsFunc(n.u.control(b).conflicts, func(r relation) bool { return n.concerns(r, a) })
}
