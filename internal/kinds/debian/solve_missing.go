package debian

import "strings"

// explainBroken finds an ask for which some package is missing, and returns the
// shortest chain to it.
func (n *node) explainBroken(u *unit) string {
	broken := n.broken(u)
	for _, a := range u.asks {
		id, ok := n.soonest(broken, a.options)
		if !ok {
			continue
		}
		chain := n.label(id) + " (requested)"
		for {
			options, c, err := n.brokenClause(broken, id)
			if err != nil {
				return chain + ": " + err.Error()
			}
			if len(options) == 0 {
				return chain + " → needs " + c.String() + "; " + n.whatExists(c)
			}
			id, _ = n.soonest(broken, options)
			chain += " → " + n.label(id)
		}
	}
	return ""
}

// broken finds the entries below a unit that can never be installed because a
// package is missing, with the length of the chain to it.
func (n *node) broken(u *unit) map[entryID]int {
	var all []entryID
	seen := make(map[entryID]bool)
	add := func(options []entryID) {
		for _, id := range options {
			if !seen[id] {
				seen[id] = true
				all = append(all, id)
			}
		}
	}
	for _, a := range u.asks {
		add(a.options)
	}
	for i := 0; i < len(all); i++ {
		for _, options := range n.link(all[i]).depends {
			add(options)
		}
	}
	broken := make(map[entryID]int)
	for round, found := 1, true; found; round++ {
		found = false
		var now []entryID
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
func (n *node) brokenClause(broken map[entryID]int, id entryID) ([]entryID, clause, error) {
	l := n.link(id)
	if l.err != nil {
		return nil, nil, l.err
	}
	var worst []entryID
	var which clause
	soonest := 0
	for i, options := range l.depends {
		c := n.u.control(id).depends[i]
		if len(options) == 0 {
			return []entryID{}, c, nil
		}
		first, ok := n.soonest(broken, options)
		if ok && (worst == nil || broken[first] < soonest) {
			worst, which, soonest = options, c, broken[first]
		}
	}
	return worst, which, nil
}

// soonest returns the option with the shortest chain if all are broken.
func (n *node) soonest(broken map[entryID]int, options []entryID) (first entryID, all bool) {
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
func (n *node) whatExists(c clause) string {
	var texts []string
	for _, r := range c {
		name, known := n.u.names[r.name]
		switch {
		case !known:
			texts = append(append(texts, r.name+" does not exist"), leftOutTexts(n.u.leftOutOf(r.name))...)
		case len(n.u.byName.of(name)) > 0 || len(n.u.providers.of(name)) == 0:
			texts = append(texts, n.u.exists(name))
		default:
			var offers []string
			for _, p := range n.u.providers.of(name) {
				offer := n.u.texts[n.u.entries[p.by].name]
				if p.version != "" {
					offer += " as " + p.version
				} else {
					offer += " without a version"
				}
				offers = append(offers, offer)
			}
			texts = append(texts, r.name+" is only provided by "+list(offers, "and"))
		}
	}
	return strings.Join(texts, "; ")
}
