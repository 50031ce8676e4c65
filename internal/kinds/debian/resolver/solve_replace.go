package resolver

import (
	"slices"

	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// replacers are the entries that may replace a package of the base, as in apt: those that declare Replaces and also Breaks or
// Conflicts with it (Policy 7.6). If possible, the package is upgraded instead. An essential, protected or held package is
// never replaced.
func (n *Node) replacers(id EntryID) (all []EntryID) {
	if n.U.mustStay(id) != "" {
		return nil
	}
	if n.U.replacing == nil {
		n.U.replacing = n.U.indexReplaces()
	}
	names := []NameID{n.U.Entries[id].Name}
	for _, p := range n.U.provides {
		if p.by == id {
			names = append(names, p.name)
		}
	}
	for _, name := range names {
		for _, by := range n.U.replacing[name] {
			if !n.U.Entries[by].installed && n.Installable(by) && n.U.Entries[by].Name != n.U.Entries[id].Name && !slices.Contains(all, by) && n.replaces(by, id) &&
				(slices.Contains(n.Link(by).conflicts, id) || slices.Contains(n.Link(id).conflicts, by)) {
				all = append(all, by)
			}
		}
	}
	slices.SortFunc(all, n.U.compareChoices)
	return all
}

// mustStay says why an installed package must not be replaced; empty: it may be.
func (u *Universe) mustStay(id EntryID) string {
	switch {
	case u.Entries[id].installed && onHold(u.text(id)):
		return "on hold"
	case u.Entries[id].essential:
		return "essential"
	case u.protected(id):
		return "protected"
	}
	return ""
}

// indexReplaces finds the entries that have a name in their Replaces.
func (u *Universe) indexReplaces() map[NameID][]EntryID {
	index := make(map[NameID][]EntryID)
	for id := range u.Entries {
		if u.Entries[id].again || deb822.StanzaField(u.text(EntryID(id)), "Replaces") == "" {
			continue
		}
		for _, r := range u.Control(EntryID(id)).replaces {
			if name, known := u.nameIDs[r.Name]; known {
				index[name] = append(index[name], EntryID(id))
			}
		}
	}
	return index
}

// replaces reports whether an entry declares that it replaces another.
func (n *Node) replaces(by, id EntryID) bool {
	return slices.ContainsFunc(n.U.Control(by).replaces, func(r deb822.Relation) bool { return n.concerns(r, id) })
}

// concerns reports whether a Conflicts, Breaks or Replaces matches an entry, by its own name or one that it provides.
func (n *Node) concerns(r deb822.Relation, id EntryID) bool {
	if !n.hits(r.Qualifier, id) {
		return false
	}
	if n.U.Names[n.U.Entries[id].Name] == r.Name {
		return r.Op.Holds(n.U.Entries[id].Version, r.Version)
	}
	name, known := n.U.nameIDs[r.Name]
	return known && slices.ContainsFunc(n.U.providers.Of(name), func(p provided) bool { return p.by == id && r.Admits(p.version) })
}

// A removal is a package of the node that its replacement removes.
type removal struct{ old, by EntryID }

// removals are the packages of the base that are neither kept nor upgraded.
func (s *Search) removals() (all []removal) {
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
func (n *Node) dpkgSwaps(id, old EntryID) bool {
	named := func(by, other EntryID) (is bool) {
		for _, r := range n.U.Control(by).conflicts {
			if n.concerns(r, other) {
				if n.U.Names[n.U.Entries[other].Name] != r.Name {
					return false
				}
			}
		}
		return true
	}
	replaces := slices.ContainsFunc(n.U.Control(id).replaces, func(r deb822.Relation) bool {
		return n.U.Names[n.U.Entries[old].Name] == r.Name && n.concerns(r, old)
	})
	return replaces && named(id, old) && named(old, id)
}

// excludes reports whether a Conflicts forbids unpacking two packages together; Breaks would allow it.
func (n *Node) excludes(a, b EntryID) bool {
	return slices.ContainsFunc(n.U.Control(a).conflicts, func(r deb822.Relation) bool { return n.concerns(r, b) }) ||
		slices.ContainsFunc(n.U.Control(b).conflicts, func(r deb822.Relation) bool { return n.concerns(r, a) })
}
