package resolver

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/kinds/pypi/pep440"
)

// The first search leaves the problem to the second after so many choices, or dead ends: then pip would take minutes, if not days.
const (
	maxRounds   = 20000
	maxDeadEnds = 1000
)

// A reason is a need and the node that has it; nil is the definition.
type reason struct {
	need   *need
	parent *node
}

// A criterion is what is known of one id at one time: why it is needed, and what may be chosen.
type criterion struct {
	reasons      []reason
	matches      []*node
	incompatible []*node // these led to dead ends
}

func (c *criterion) needs() []*need {
	all := make([]*need, len(c.reasons))
	for i, r := range c.reasons {
		all[i] = r.need
	}
	return all
}

// criteria are the criteria of ids, in the order in which they were first needed.
type criteria struct {
	ids []string
	of  map[string]*criterion
}

func (c *criteria) clone() *criteria { return &criteria{slices.Clone(c.ids), maps.Clone(c.of)} }

func (c *criteria) set(id string, one *criterion) {
	if c.of[id] == nil {
		c.ids = append(c.ids, id)
	}
	c.of[id] = one
}

// A state is how far the search has come.
type state struct {
	*criteria
	pins   []*node // in the order of the choices
	pinned map[string]*node
	causes []reason
}

// A found solution has the chosen nodes by their ids, and why each is needed.
type found struct {
	pins    map[string]*node
	reasons map[string][]reason
}

// likePip searches as pip 23 does: choose an id by its rank, take its newest version whose needs fit all others at this time, go
// on; where none does, go back to the choice before, and never try again what was chosen there. It returns nil if nothing is found.
func (s *search) likePip(ctx context.Context) (*found, error) {
	root := &state{criteria: &criteria{of: map[string]*criterion{}}, pinned: map[string]*node{}}
	for _, n := range s.roots {
		if conflict, err := s.add(ctx, root.criteria, n, nil); conflict != nil || err != nil {
			return nil, err
		}
	}
	ranks := s.newRanks()
	states := []*state{root, root.clone()}
	deadEnds := 0
	for range maxRounds {
		top := states[len(states)-1]
		var open []string
		for _, id := range top.ids {
			if pin := top.pinned[id]; pin == nil || slices.ContainsFunc(top.of[id].reasons, func(r reason) bool { return !r.need.allows(pin) }) {
				open = append(open, id)
			}
		}
		if len(open) == 0 {
			return top.result(), nil
		}
		next, best := "", rank{}
		for _, id := range open {
			if r := ranks.of(id, top); next == "" || r.compare(best) < 0 {
				next, best = id, r
			}
		}
		causes, err := s.choose(ctx, top, next)
		if err != nil {
			return nil, err
		}
		if causes == nil {
			states = append(states, top.clone())
			continue
		}
		if deadEnds++; deadEnds > maxDeadEnds {
			return nil, nil
		}
		if states, err = s.goBack(ctx, states); states == nil || err != nil {
			return nil, err
		}
		states[len(states)-1].causes = causes
	}
	return nil, nil
}

func (s *state) clone() *state {
	return &state{s.criteria.clone(), slices.Clone(s.pins), maps.Clone(s.pinned), s.causes}
}

// add adds a need to criteria. It returns the criterion that then has no match, if any.
func (s *search) add(ctx context.Context, c *criteria, n *need, parent *node) (conflict *criterion, err error) {
	next := &criterion{}
	if old := c.of[n.id]; old != nil {
		next.reasons, next.incompatible = slices.Clone(old.reasons), old.incompatible
	}
	next.reasons = append(next.reasons, reason{n, parent})
	if next.matches, err = s.matches(ctx, c, n.id, next); err != nil {
		return nil, err
	}
	if len(next.matches) == 0 {
		return next, nil
	}
	c.set(n.id, next)
	return nil, nil
}

// matches are the nodes that may be chosen for a criterion, in the order in which they are tried.
func (s *search) matches(ctx context.Context, all *criteria, id string, c *criterion) ([]*node, error) {
	needs := c.needs()
	if id == pythonID {
		n := s.node(id, nil, nil)
		if slices.ContainsFunc(needs, func(n *need) bool { return !n.specifiers.Match(s.python) }) || slices.Contains(c.incompatible, n) {
			return nil, nil
		}
		return []*node{n}, nil
	}
	project, extras := needs[0].project, needs[0].extras
	var exact []*Candidate
	collect := func(needs []*need) {
		for _, n := range needs {
			if n.exact != nil && !slices.Contains(exact, n.exact) {
				exact = append(exact, n.exact)
			}
		}
	}
	collect(needs)
	if base := all.of[project]; len(extras) > 0 && base != nil {
		collect(base.needs())
	}
	candidates := exact
	if len(exact) == 0 {
		var err error
		if candidates, err = s.applicable(ctx, project, needs); err != nil {
			return nil, err
		}
	}
	var nodes []*node
	for _, candidate := range candidates {
		n := s.node(id, candidate, extras)
		if slices.Contains(c.incompatible, n) {
			continue
		}
		if len(exact) > 0 && (slices.ContainsFunc(needs, func(need *need) bool { return !need.allows(n) }) ||
			slices.ContainsFunc(s.constraints[project], func(need *need) bool { return !need.allows(n) })) {
			continue
		}
		nodes = append(nodes, n)
	}
	return nodes, nil
}

// choose pins the first node of an id whose needs leave no criterion without match. It returns why none does.
func (s *search) choose(ctx context.Context, top *state, id string) (causes []reason, err error) {
next:
	for _, n := range top.of[id].matches {
		if err := s.expand(ctx, n); err != nil {
			return nil, err
		}
		if n.failed != nil {
			causes = append(causes, top.of[id].reasons...)
			continue
		}
		after := top.criteria.clone()
		for _, need := range n.needs {
			conflict, err := s.add(ctx, after, need, n)
			if err != nil {
				return nil, err
			}
			if conflict != nil {
				causes = append(causes, conflict.reasons...)
				continue next
			}
		}
		top.criteria = after
		top.pins = append(slices.DeleteFunc(top.pins, func(p *node) bool { return p.id == id }), n)
		top.pinned[id] = n
		return nil, nil
	}
	return causes, nil
}

// goBack takes back the last choice, and those before it as long as that leaves a criterion without match. It returns nil where no choice is
// left.
func (s *search) goBack(ctx context.Context, states []*state) ([]*state, error) {
	for len(states) >= 3 {
		broken := states[len(states)-2]
		states = states[:len(states)-2]
		last := broken.pins[len(broken.pins)-1]
		next := states[len(states)-1].clone()
		states = append(states, next)
		fits := true
		for _, id := range broken.ids {
			incompatible := broken.of[id].incompatible
			if id == last.id {
				incompatible = append(slices.Clone(incompatible), last)
			}
			old := next.of[id]
			if len(incompatible) == 0 || old == nil {
				continue
			}
			patched := &criterion{reasons: old.reasons, incompatible: slices.Clone(incompatible)}
			for _, n := range old.incompatible {
				if !slices.Contains(patched.incompatible, n) {
					patched.incompatible = append(patched.incompatible, n)
				}
			}
			var err error
			if patched.matches, err = s.matches(ctx, next.criteria, id, patched); err != nil {
				return nil, err
			}
			if len(patched.matches) == 0 {
				fits = false
				break
			}
			next.of[id] = patched
		}
		if fits {
			return states, nil
		}
	}
	return nil, nil
}

// result keeps what the definition needs, directly or not: choices that were replaced leave others behind that nobody needs.
func (s *state) result() *found {
	f := &found{map[string]*node{}, map[string][]reason{}}
	for changed := true; changed; {
		changed = false
		for _, id := range s.ids {
			pin := s.pinned[id]
			if f.pins[id] != nil || pin == nil {
				continue
			}
			for _, r := range s.of[id].reasons {
				if r.parent == nil || f.pins[r.parent.id] == r.parent {
					f.pins[id] = pin
					changed = true
					break
				}
			}
		}
	}
	for id := range f.pins {
		for _, r := range s.of[id].reasons {
			if r.parent == nil || f.pins[r.parent.id] == r.parent {
				f.reasons[id] = append(f.reasons[id], r)
			}
		}
	}
	return f
}

// ranks decide which id is next.
type ranks struct {
	requested map[string]int
	depths    map[string]float64
}

func (s *search) newRanks() *ranks {
	r := &ranks{map[string]int{}, map[string]float64{}}
	for _, n := range s.roots {
		if _, found := r.requested[n.id]; !found {
			r.requested[n.id] = n.order
		}
	}
	return r
}

// A rank orders ids: those with the lowest come first.
type rank struct {
	flags     [4]bool // false comes first
	depth     float64
	requested float64
	free      bool
	id        string
}

func (r rank) compare(other rank) int {
	for i := range r.flags {
		if r.flags[i] != other.flags[i] {
			return boolRank(r.flags[i]) - boolRank(other.flags[i])
		}
	}
	return cmp.Or(cmp.Compare(r.depth, other.depth), cmp.Compare(r.requested, other.requested), boolRank(r.free)-boolRank(other.free), strings.Compare(r.id, other.id))
}

func boolRank(b bool) int {
	if b {
		return 1
	}
	return 0
}

// of ranks an id: Python first, setuptools last; then what is pinned, what took part in the last conflict, what is close to the definition's
// requirements, their order, and what has any condition; the rest by name.
func (r *ranks) of(id string, at *state) rank {
	pinned, conditions := false, false
	depth := math.Inf(1)
	for _, why := range at.of[id].reasons {
		if !why.need.python {
			conditions = conditions || len(why.need.specifiers) > 0
			pinned = pinned || slices.ContainsFunc(why.need.specifiers, func(s pep440.Specifier) bool { return strings.HasPrefix(s.Operator, "==") })
		}
		parent := 0.0
		if why.parent != nil {
			var known bool
			if parent, known = r.depths[why.parent.id]; !known {
				parent = math.Inf(1)
			}
		}
		depth = min(depth, parent+1)
	}
	requested := math.Inf(1)
	if order, found := r.requested[id]; found {
		requested, depth = float64(order), 1
	}
	r.depths[id] = depth
	caused := slices.ContainsFunc(at.causes, func(why reason) bool { return why.need.id == id || why.parent != nil && why.parent.id == id })
	return rank{[4]bool{id != pythonID, id == "setuptools", !pinned, !caused}, depth, requested, !conditions, id}
}
