package builder

import (
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
)

// installable refuses a kind in a set if no node can install its items.
func installable(kinds []artifact.Kind, name string) error {
	for _, kind := range kinds {
		if kind.Name() == name {
			_, err := artifact.Need[artifact.Installer](kind, "be installed on nodes, so sets do not have them")
			return err
		}
	}
	return nil
}

// addSet merges the items that two kinds have for one set.
func addSet(sets []artifact.Set, add artifact.Set) []artifact.Set {
	if i := slices.IndexFunc(sets, func(s artifact.Set) bool { return artifact.CompareSets(s, add) == 0 }); i >= 0 {
		sets[i] = joinSets(sets[i], add)
		return sets
	}
	return append(sets, add)
}

// joinSets appends the items of another set to those of a set.
func joinSets(set, add artifact.Set) artifact.Set {
	set.Requested = slices.Concat(set.Requested, add.Requested)
	slices.Sort(set.Requested)
	set.Items = slices.Concat(set.Items, add.Items)
	return set
}

// distribute adds the items of a set for every node, or for every system, to the sets of the same name for specific ones.
// If there are any, a node uses one of these; otherwise the set stays unchanged.
func distribute(sets []artifact.Set) (all []artifact.Set) {
	general := func(set, of *artifact.Set) bool {
		return set.Name == of.Name && set.Nodes() != of.Nodes() && (set.System == "" || set.System == of.System) &&
			(set.Architecture == artifact.AnyArchitecture || set.Architecture == of.Architecture)
	}
	for i := range sets {
		if slices.ContainsFunc(sets, func(of artifact.Set) bool { return general(&sets[i], &of) }) {
			continue // it goes into these
		}
		joined := sets[i]
		for at := range sets {
			if general(&sets[at], &sets[i]) {
				joined = joinSets(joined, sets[at])
			}
		}
		all = append(all, joined)
	}
	return all
}
