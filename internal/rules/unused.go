package rules

import (
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
)

// An Unused rule decides no artifact, for no client at any time.
type Unused struct {
	Listed
	// Matches is how many artifacts it would match, if rules before it did not decide them: none where a
	// name is written wrong. Before is the rule that decides the first of them.
	Matches int    `json:"matches"`
	Before  string `json:"before,omitempty"`
}

// Unused are the rules without effect, in the order of the file. artifacts and properties are those that
// Apply had.
func (t *Table) Unused(artifacts []artifact.Artifact, properties func(i int) [][]string) []Unused {
	var idle []rule
	var unused []Unused
	for i, n := range t.Decides()[:t.rules.Len()] {
		if n == 0 {
			idle = append(idle, t.rules.rules[i])
			unused = append(unused, Unused{Listed: t.rules.rules[i].listed()})
		}
	}
	finder := newFinder(idle, keyProperty+len(t.rules.properties))
	s := subject{rules: t.rules}
	var found []int32
	for i := range artifacts {
		s.set(&artifacts[i])
		if t.rules.used {
			s.properties = properties(i)
		}
		found = finder.find(found, &s)
		for _, at := range found {
			if !idle[at].matches(&s) {
				continue
			}
			u := &unused[at]
			if u.Matches++; u.Matches == 1 {
				decides := t.chains[t.of[i]].rules
				u.Before = t.rules.rules[decides[len(decides)-1]].verdict.Rule
			}
		}
	}
	return unused
}

// Expired are the rules whose last day is over. They change nothing any more but what Absent and Conditional
// say, which hold for any time.
func (r *Rules) Expired(now time.Time) []Listed {
	var expired []Listed
	for i := range r.rules {
		if w := r.rules[i].when; w != nil && !w.until.IsZero() && !now.Before(w.until) {
			expired = append(expired, r.rules[i].listed())
		}
	}
	return expired
}
