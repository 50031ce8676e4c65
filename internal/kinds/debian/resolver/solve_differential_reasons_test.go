//go:build differential

package resolver

import (
	"fmt"
	"slices"
	"strings"
)

// reasons says where our choice and apt's part: for each package that both take,
// what each takes for a clause of it.
func (d *differential) reasons(c differentialCase, taken answer, have map[*Package]bool) string {
	d.mu.Lock() // a Universe is for one goroutine
	defer d.mu.Unlock()
	if !taken.together {
		return "apt does not install all of them at once; its sum is of each by itself"
	}
	var both []*Package
	for p := range have {
		if taken.packages[p] {
			both = append(both, p)
		}
	}
	slices.SortFunc(both, func(a, b *Package) int { return strings.Compare(a.String(), b.String()) })
	only := func(options []EntryID, in, out map[*Package]bool) (names []string) {
		for _, id := range options {
			if p := d.universe.pkg(id); in[p] && !out[p] {
				names = append(names, p.Name+" "+p.Version)
			}
		}
		return names
	}
	var texts []string
	for index := range d.universe.Nodes {
		n := d.universe.NewNode(index, &Options{Recommends: c.recommends})
		for _, p := range both {
			l := n.Link(d.entries[p])
			for i, options := range slices.Concat(l.Depends, l.welcome) {
				ours, theirs := only(options, have, taken.packages), only(options, taken.packages, have)
				if len(ours)+len(theirs) == 0 {
					continue
				}
				clause := "a recommendation"
				if i < len(l.Depends) {
					clause = d.universe.Control(d.entries[p]).Depends[i].String()
				}
				texts = append(texts, fmt.Sprintf("for %s of %s we have %s, apt %s", clause, p.Name, nothing(ours), nothing(theirs)))
			}
		}
	}
	if len(texts) == 0 {
		return "the requests themselves are answered by other packages"
	}
	return strings.Join(texts[:min(4, len(texts))], "; ")
}

func nothing(names []string) string {
	if len(names) == 0 {
		return "what it has anyway"
	}
	return strings.Join(names, " and ")
}
