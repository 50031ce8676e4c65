package resolver

import (
	"fmt"
	"maps"
	"slices"
)

// warnSet tells of packages of a set that gave way to others of it.
func (r *resolution) warnSet(s *Search, u *Unit) {
	for _, a := range u.Asks {
		best := a.Options[0]
		for _, id := range a.Options {
			if s.chosen[id] && id != best {
				r.warnings = append(r.warnings, fmt.Sprintf("set %s has %s: %s cannot be installed with the rest of it", u.Set, r.pkg(id), r.pkg(best)))
			}
		}
	}
}

// warnRemovals warns about packages of the base that are removed for their replacements.
func (r *resolution) warnRemovals(s *Search) {
	for _, gone := range s.removals() {
		warning := fmt.Sprintf("%s will be removed from the nodes: %s replaces it", r.pkg(gone.old), r.pkg(gone.by))
		if !slices.Contains(r.warnings, warning) {
			r.warnings = append(r.warnings, warning)
		}
	}
}

// warnVersions tells of packages that groups need in different versions: apt
// considers only one by itself, of the highest priority and then the highest version.
func (r *resolution) warnVersions(n *Node) {
	versions := make(map[NameID][]string)
	var names []NameID
	for _, p := range r.sorted(slices.Collect(maps.Keys(n.carried))) {
		name := r.nameIDs[p.Name]
		if p.Architecture != "all" && p.Architecture != r.Architectures[n.Native] || slices.Contains(versions[name], p.Version) {
			continue
		}
		if versions[name] = append(versions[name], p.Version); len(versions[name]) == 2 {
			names = append(names, name)
		}
	}
	for _, name := range names {
		var taken string
		for _, id := range r.ByName.Of(name) { // apt's choice first
			if n.carried[id] {
				taken = r.Entries[id].Version
				break
			}
		}
		r.warnings = append(r.warnings, fmt.Sprintf("%s is carried as %s, for requests that conflict; apt takes %s unless a version is requested",
			r.Names[name], Enumerate(versions[name], "and"), taken))
	}
}
