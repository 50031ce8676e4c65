package debian

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
)

// warnSet tells of packages of a set that gave way to others of it.
func (r *resolution) warnSet(s *search, u *unit) {
	for _, a := range u.asks {
		best := a.options[0]
		for _, id := range a.options {
			if s.chosen[id] && id != best {
				r.warnings = append(r.warnings, fmt.Sprintf("set %s has %s: %s cannot be installed with the rest of it", u.set, r.pkg(id), r.pkg(best)))
			}
		}
	}
}

// warnRemovals warns about packages of the base that are removed for their replacements.
func (r *resolution) warnRemovals(s *search) {
	for _, gone := range s.removals() {
		warning := fmt.Sprintf("%s will be removed from the nodes: %s replaces it", r.pkg(gone.old), r.pkg(gone.by))
		if !slices.Contains(r.warnings, warning) {
			r.warnings = append(r.warnings, warning)
		}
	}
}

// warnVersions tells of packages that groups need in different versions: apt
// considers only one by itself, of the highest priority and then the highest version.
func (r *resolution) warnVersions(n *node) {
	versions := make(map[nameID][]string)
	var names []nameID
	for _, p := range r.sorted(slices.Collect(maps.Keys(n.carried))) {
		name := r.names[p.Name]
		if p.Architecture != "all" && p.Architecture != r.architectures[n.native] || slices.Contains(versions[name], p.Version) {
			continue
		}
		if versions[name] = append(versions[name], p.Version); len(versions[name]) == 2 {
			names = append(names, name)
		}
	}
	for _, name := range names {
		var taken string
		for _, id := range r.byName.of(name) { // apt's choice first
			if n.carried[id] {
				taken = r.entries[id].version
				break
			}
		}
		r.warnings = append(r.warnings, fmt.Sprintf("%s is carried as %s, for requests that exclude each other; apt takes %s unless it is told otherwise",
			r.texts[name], list(versions[name], "and"), taken))
	}
}

// candidateWarnings tells of sets and requested packages that are carried with all that they need, in versions that apt does not
// take by itself.
func candidateWarnings(ctx context.Context, pins artifact.Pins, sets []artifact.Set) (warnings []string, err error) {
	if !severalVersions(pins) {
		return nil, nil
	}
	u, err := universeOf(pins)
	if err != nil {
		return nil, err
	}
	c, err := newCarriage(u, pins, func(string) bool { return false })
	if err != nil {
		return nil, err
	}
	named := make(map[string]*artifact.Item, len(pins.Items))
	for i := range pins.Items {
		named[pins.Items[i].ID()] = &pins.Items[i]
	}
	for index := range u.nodes {
		p := c.newPartition(index)
		passed := c.after.passedOver(p.whole)
		if !slices.Contains(passed, true) {
			continue
		}
		broken, err := p.compare(make([]bool, len(passed)), passed).broken(ctx, pins, sets, make(map[[2]string]bool))
		if err != nil {
			return nil, err
		}
		for _, b := range broken {
			text := fmt.Sprintf("%s: apt does not install it by itself: %s; tell clients which versions to take (-t SUITE, or a pin)", named[b.Artifact], b.Reason)
			if b.Set != "" {
				text = "set " + b.Set + ": " + text
			}
			warnings = append(warnings, text)
		}
	}
	return warnings, nil
}

// severalVersions reports whether a package is there in more than one version.
func severalVersions(pins artifact.Pins) bool {
	versions := make(map[string]string, len(pins.Items))
	for i := range pins.Items {
		a := &pins.Items[i]
		if v, found := versions[a.Name]; found && v != a.Version {
			return true
		}
		versions[a.Name] = a.Version
	}
	return false
}
