package resolver

import (
	"strings"

	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// explainBroken finds an ask for which some package is missing, and returns the
// shortest chain to it.
func (n *Node) explainBroken(u *Unit) string {
	broken := n.broken(u)
	for _, a := range u.Asks {
		id, ok := n.soonest(broken, a.Options)
		if !ok {
			continue
		}
		chain := n.Label(id) + " (requested)"
		for {
			options, c, err := n.brokenClause(broken, id)
			if err != nil {
				return chain + ": " + err.Error()
			}
			if len(options) == 0 {
				return chain + " → needs " + c.String() + "; " + n.whatExists(c)
			}
			id, _ = n.soonest(broken, options)
			chain += " → " + n.Label(id)
		}
	}
	return ""
}

// broken finds the entries below a unit that can never be installed because a
// package is missing, with the length of the chain to it.
func (n *Node) broken(u *Unit) map[EntryID]int {
	var all []EntryID
	seen := make(map[EntryID]bool)
	add := func(options []EntryID) {
		for _, id := range options {
			if !seen[id] {
				seen[id] = true
				all = append(all, id)
			}
		}
	}
	for _, a := range u.Asks {
		add(a.Options)
	}
	for i := 0; i < len(all); i++ {
		for _, options := range n.Link(all[i]).Depends {
			add(options)
		}
	}
	broken := make(map[EntryID]int)
	for round, found := 1, true; found; round++ {
		found = false
		var now []EntryID
		for _, id := range all {
			if _, done := broken[id]; done {
				continue
			}
			if options, _, err := n.brokenClause(broken, id); err != nil || options != nil {
				now = append(now, id)
			}
		}
		for _, id := range now {
			broken[id], found = round, true
		}
	}
	return broken
}

// brokenClause returns the clause of an entry that the broken ones leave without
// a solution: empty options are those of a package that does not exist, nil ones
// mean that there is no such clause.
func (n *Node) brokenClause(broken map[EntryID]int, id EntryID) ([]EntryID, deb822.Clause, error) {
	l := n.Link(id)
	if l.err != nil {
		return nil, nil, l.err
	}
	var worst []EntryID
	var which deb822.Clause
	soonest := 0
	for i, options := range l.Depends {
		c := n.U.Control(id).Depends[i]
		if len(options) == 0 {
			return []EntryID{}, c, nil
		}
		first, ok := n.soonest(broken, options)
		if ok && (worst == nil || broken[first] < soonest) {
			worst, which, soonest = options, c, broken[first]
		}
	}
	return worst, which, nil
}

// soonest returns the option with the shortest chain if all are broken.
func (n *Node) soonest(broken map[EntryID]int, options []EntryID) (first EntryID, all bool) {
	for i, id := range options {
		length, ok := broken[id]
		if !ok {
			return 0, false
		}
		if i == 0 || length < broken[first] {
			first = id
		}
	}
	return first, len(options) > 0
}

// whatExists says for each alternative of a clause what there is of its name.
func (n *Node) whatExists(c deb822.Clause) string {
	var texts []string
	for _, r := range c {
		name, known := n.U.nameIDs[r.Name]
		switch {
		case !known:
			texts = append(append(texts, r.Name+" does not exist"), leftOutTexts(n.U.leftOutOf(r.Name))...)
		case len(n.U.ByName.Of(name)) > 0 || len(n.U.providers.Of(name)) == 0:
			texts = append(texts, n.U.exists(name))
		default:
			var offers []string
			for _, p := range n.U.providers.Of(name) {
				offer := n.U.Names[n.U.Entries[p.by].Name]
				if p.version != "" {
					offer += " as " + p.version
				} else {
					offer += " without a version"
				}
				offers = append(offers, offer)
			}
			texts = append(texts, r.Name+" is only provided by "+Enumerate(offers, "and"))
		}
	}
	return strings.Join(texts, "; ")
}
