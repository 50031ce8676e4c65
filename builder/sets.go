package builder

import (
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
)

// installable refuses a set's part of a kind whose items no node can install.
func installable(kinds []artifact.Kind, name string) error {
	for _, kind := range kinds {
		if kind.Name() == name {
			_, err := artifact.Need[artifact.Installer](kind, "be installed on nodes, so sets do not have them")
			return err
		}
	}
	return nil
}

// addSet joins what two kinds have for one set.
func addSet(sets []artifact.Set, add artifact.Set) []artifact.Set {
	if i := slices.IndexFunc(sets, func(s artifact.Set) bool { return artifact.CompareSets(s, add) == 0 }); i >= 0 {
		sets[i] = joinSets(sets[i], add)
		return sets
	}
	return append(sets, add)
}

// joinSets is a set with the items of another behind its own.
func joinSets(set, add artifact.Set) artifact.Set {
	set.Requested = slices.Concat(set.Requested, add.Requested)
	slices.Sort(set.Requested)
	set.Items = slices.Concat(set.Items, add.Items)
	return set
}

// distributeAny adds what a set has for every node to the sets of the same name that are for one architecture. Where there
// are any, a node takes one of these; otherwise the set stays as it is.
func distributeAny(sets []artifact.Set) []artifact.Set {
	all := make([]artifact.Set, 0, len(sets))
	for _, set := range sets {
		if set.Architecture != artifact.AnyArchitecture {
			all = append(all, set)
		}
	}
	particular := len(all)
	for _, set := range sets {
		if set.Architecture != artifact.AnyArchitecture {
			continue
		}
		found := false
		for i := range all[:particular] {
			if all[i].Name == set.Name {
				all[i], found = joinSets(all[i], set), true
			}
		}
		if !found {
			all = append(all, set)
		}
	}
	return all
}
