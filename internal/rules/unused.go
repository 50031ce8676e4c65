package rules

import "github.com/minimirror/minimirror/internal/artifact"

// An Unused rule decides no item, for no client.
type Unused struct {
	Listed
	// Matches is how many items it would match, if rules before it did not decide them: none where a
	// name is written wrong. Before is the rule that decides the first of them.
	Matches int    `json:"matches"`
	Before  string `json:"before,omitempty"`
	Idle    bool   `json:"idle,omitempty"` // it has not begun, or has ended
}

// Unused are the rules without effect, in the order of the file. items and properties are those that
// Apply had.
func (t *Table) Unused(items []artifact.Item, properties func(i int) [][]string) []Unused {
	var idle []rule
	var unused []Unused
	for i, n := range t.Decides()[:t.rules.Len()] {
		if n == 0 {
			idle = append(idle, t.rules.rules[i])
			unused = append(unused, Unused{Listed: t.rules.rules[i].listed(), Idle: t.rules.rules[i].idle})
		}
	}
	finder := newFinder(idle, keyProperty+len(t.rules.properties))
	s := subject{rules: t.rules}
	var found []int32
	for i := range items {
		s.set(&items[i])
		if t.rules.used {
			s.properties = properties(i)
		}
		found = finder.find(found, &s)
		for _, at := range found {
			if !idle[at].matches(&s) {
				continue
			}
			u := &unused[at]
			if u.Matches++; u.Matches == 1 && !u.Idle {
				decides := t.chains[t.of[i]].rules
				u.Before = t.rules.rules[decides[len(decides)-1]].verdict.Rule
			}
		}
	}
	return unused
}
