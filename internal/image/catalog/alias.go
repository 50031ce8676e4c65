package catalog

import (
	"cmp"
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Aliases are the other names of all items, as their kinds give them.
func Aliases(kinds []artifact.Kind, items []artifact.Item) (all []Alias) {
	aliasers := map[string]artifact.Aliaser{}
	for _, kind := range kinds {
		if a, able := artifact.Able[artifact.Aliaser](kind); able {
			aliasers[kind.Name()] = a
		}
	}
	type name struct{ kind, name string }
	of := map[name][]string{}
	for i := range items {
		item := &items[i]
		if kind := aliasers[item.Kind]; kind != nil {
			for _, alias := range kind.Aliases(item) {
				of[name{item.Kind, alias}] = append(of[name{item.Kind, alias}], item.Name)
			}
		}
	}
	for alias, names := range of {
		slices.Sort(names)
		all = append(all, Alias{Kind: alias.kind, Name: alias.name, Of: slices.Compact(names)})
	}
	slices.SortFunc(all, func(a, b Alias) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	return all
}
