package resolver

import (
	"context"
	"slices"
)

// maxSteps is how many versions the second search tries before it gives up.
const maxSteps = 100000

// A prover goes through all combinations that matter.
type prover struct {
	*search
	pins    map[string]*node
	reasons map[string][]reason
	ids     []string // in the order in which they were first needed
	learned map[*node][]*deadEnd
	steps   int
}

// A deadEnd says that nodes cannot be chosen together, and the facts from which that follows. Without nodes, there is no solution.
type deadEnd struct {
	nodes map[*node]bool
	facts map[fact]bool
}

func newDeadEnd() *deadEnd { return &deadEnd{map[*node]bool{}, map[fact]bool{}} }

// because adds a need as a fact, and the node that has it.
func (d *deadEnd) because(r reason) {
	d.facts[fact{need: r.need, parent: r.parent}] = true
	if r.parent != nil {
		d.nodes[r.parent] = true
	}
}

// include adds what another one follows from.
func (d *deadEnd) include(other *deadEnd) {
	for n := range other.nodes {
		d.nodes[n] = true
	}
	for f := range other.facts {
		d.facts[f] = true
	}
}

// errTooHard ends the second search.
type errTooHard struct{}

func (errTooHard) Error() string { return "too many combinations" }

// complete searches all combinations: the id with the fewest versions first, the newest version first, and from a dead end straight back to the
// last choice that took part in it. What has led to a dead end is remembered, and not tried again.
func (s *search) complete(ctx context.Context) (*found, *Conflict, error) {
	p := &prover{search: s, pins: map[string]*node{}, reasons: map[string][]reason{}, learned: map[*node][]*deadEnd{}}
	var dead *deadEnd
	for _, n := range s.roots {
		var err error
		if dead, err = p.need(ctx, n, nil); err != nil {
			return nil, nil, err
		}
		if dead != nil {
			break
		}
	}
	if dead == nil {
		var err error
		if dead, err = p.solve(ctx); err == (errTooHard{}) {
			return nil, s.tooHard(), nil
		} else if err != nil {
			return nil, nil, err
		}
	}
	if dead != nil {
		conflict, err := s.explain(ctx, dead)
		return nil, conflict, err
	}
	return &found{p.pins, p.reasons}, nil, nil
}

// need adds a need. It returns why that cannot be fulfilled beside the choices, if so; the need is there even then.
func (p *prover) need(ctx context.Context, n *need, parent *node) (*deadEnd, error) {
	if p.reasons[n.id] == nil {
		p.ids = append(p.ids, n.id)
	}
	p.reasons[n.id] = append(p.reasons[n.id], reason{n, parent})
	if pin := p.pins[n.id]; pin != nil {
		if n.allows(pin) && (!n.python || n.specifiers.Match(p.python)) {
			return nil, nil
		}
		dead := newDeadEnd()
		dead.because(reason{n, parent})
		dead.nodes[pin] = true
		return dead, nil
	}
	matches, err := p.open(ctx, n.id)
	if err != nil || len(matches) > 0 {
		return nil, err
	}
	return p.blame(n.id), nil
}

// open are the nodes that may be chosen for an id.
func (p *prover) open(ctx context.Context, id string) ([]*node, error) {
	all := &criteria{of: map[string]*criterion{}}
	return p.matches(ctx, all, id, &criterion{reasons: p.reasons[id]})
}

// blame begins a dead end with what limits the choice for an id.
func (p *prover) blame(id string) *deadEnd {
	dead := newDeadEnd()
	limited := false
	for _, r := range p.reasons[id] {
		if p.limits(r.need) {
			dead.because(r)
			limited = true
		}
	}
	if !limited {
		dead.because(p.reasons[id][0])
	}
	if project := p.reasons[id][0].need.project; project != pythonID {
		for _, n := range p.constraints[project] {
			dead.facts[fact{need: n, constraint: true}] = true
		}
		dead.facts[fact{project: project}] = true
	}
	return dead
}

// limits reports whether a need excludes a version of its project.
func (p *prover) limits(n *need) bool {
	if n.python {
		return !n.specifiers.Match(p.python)
	}
	return n.exact != nil || slices.ContainsFunc(p.projects[n.project], func(c *Candidate) bool { return c.Unusable == "" && !n.specifiers.Match(c.Version) })
}

// solve chooses a node for one id, and then for all others. It returns nil when all are chosen.
func (p *prover) solve(ctx context.Context) (*deadEnd, error) {
	id, matches := "", []*node(nil)
	for _, one := range p.ids {
		if p.pins[one] != nil || len(p.reasons[one]) == 0 {
			continue
		}
		open, err := p.open(ctx, one)
		if err != nil {
			return nil, err
		}
		if id == "" || len(open) < len(matches) {
			id, matches = one, open
		}
	}
	if id == "" {
		return nil, nil
	}
	all := p.blame(id)
	for _, n := range matches {
		if p.steps++; p.steps > maxSteps {
			return nil, errTooHard{}
		}
		dead, err := p.try(ctx, id, n)
		if dead == nil || err != nil {
			return nil, err
		}
		if !dead.nodes[n] {
			return dead, nil // whatever is chosen here
		}
		for other := range dead.nodes {
			p.learned[other] = append(p.learned[other], dead)
		}
		rest := newDeadEnd()
		rest.include(dead)
		delete(rest.nodes, n)
		all.include(rest)
	}
	return all, nil
}

// try chooses a node and solves the rest. If that fails, it takes all back and returns why.
func (p *prover) try(ctx context.Context, id string, n *node) (*deadEnd, error) {
	if err := p.expand(ctx, n); err != nil {
		return nil, err
	}
	if n.failed != nil {
		dead := newDeadEnd()
		dead.nodes[n] = true
		dead.facts[fact{parent: n, failed: true}] = true
		return dead, nil
	}
	for _, dead := range p.learned[n] {
		together := true
		for other := range dead.nodes {
			together = together && (other == n || p.pins[other.id] == other)
		}
		if together {
			return dead, nil
		}
	}
	p.pins[id] = n
	var dead *deadEnd
	added := 0
	for _, need := range n.needs {
		var err error
		dead, err = p.need(ctx, need, n)
		if added++; err != nil {
			return nil, err
		} else if dead != nil {
			break
		}
	}
	if dead == nil {
		var err error
		if dead, err = p.solve(ctx); dead == nil || err != nil {
			return nil, err
		}
	}
	for _, need := range slices.Backward(n.needs[:added]) {
		p.reasons[need.id] = p.reasons[need.id][:len(p.reasons[need.id])-1]
	}
	delete(p.pins, id)
	return dead, nil
}
