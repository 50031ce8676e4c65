package resolver

import (
	"slices"
	"sync"

	"github.com/crillab/gophersat/solver"
)

// A step is a decision of a path that leads to a dead end.
type step struct {
	level
	dead []EntryID // what was ruled out after it
}

// jump finds the decision that makes all that follow vain, the first after which
// no solution is left, and goes back to before it. The search stands at a dead
// end.
//
// The solver is asked whether there is a solution, not for one: of its answers
// only yes and no are used, which are the same whatever way it goes.
func (s *Search) jump() {
	path := make([]step, len(s.levels))
	for i, l := range s.levels {
		end := len(s.gone)
		if i+1 < len(s.levels) {
			end = s.levels[i+1].gone
		}
		path[i] = step{l, slices.Clone(s.gone[l.gone:end])}
	}
	possible, impossible := 0, len(path) // after so many decisions
	var asking *Unit
	if s.turn < len(s.asks) { // units before this one stand
		asking = path[len(path)-1].unit
		possible = slices.IndexFunc(path, func(p step) bool { return p.unit == asking })
	}
	for possible+1 < impossible {
		middle := (possible + impossible) / 2
		if s.walk(path[:middle]) && s.feasible(asking) {
			possible = middle
		} else {
			impossible = middle
		}
	}
	s.walk(path[:possible])
	wrong := &path[possible]
	s.turn, s.marked, s.mark = wrong.turn, wrong.marked, wrong.mark
	s.kill(wrong.choice)
}

// walk takes the decisions of path again, and reports whether that is no dead end.
func (s *Search) walk(path []step) bool {
	if len(path) < len(s.levels) {
		s.undo(len(path))
	}
	alive := true
	for alive && len(s.levels) < len(path) {
		next := &path[len(s.levels)]
		s.turn, s.marked, s.mark = next.turn, next.marked, next.mark
		s.versions.head, s.choices.head = next.versions.head, next.choices.head
		s.push(next.choice, next.need, next.unit)
		alive = s.propagate() < 0
		for _, id := range next.dead {
			s.kill(id)
			alive = alive && s.propagate() < 0
		}
	}
	return alive
}

// feasible reports whether what is still needed can be had beside what is
// chosen, and what asking, if any, has still to ask. It looks at no asks of others.
func (s *Search) feasible(asking *Unit) bool {
	f := formula{Search: s, variables: make(map[EntryID]int)}
	for _, a := range s.asks[s.turn:] {
		if a.Unit == asking && !s.satisfied(a.Options) && !f.add(0, a.Options) {
			return false
		}
	}
	for i := range s.needs {
		if d := &s.needs[i]; !s.satisfied(d.options) && !s.satisfied(d.instead) && !f.add(0, slices.Concat(d.options, d.instead)) {
			return false
		}
	}
	for i := 0; i < len(f.entries); i++ {
		for _, options := range s.Link(f.entries[i]).Depends {
			if !s.satisfied(options) {
				f.add(-(i + 1), options)
			}
		}
	}
	for i, id := range f.entries {
		for _, other := range s.Link(id).conflicts {
			if v := f.variables[other]; v != 0 {
				f.clauses = append(f.clauses, []int{-(i + 1), -v})
			}
		}
	}
	if len(f.clauses) == 0 {
		return true
	}
	// The solver has a buffer that all its instances share.
	solving.Lock()
	defer solving.Unlock()
	problem := solver.ParseSliceNb(f.clauses, len(f.entries))
	return problem.Status != solver.Unsat && solver.New(problem).Solve() == solver.Sat
}

var solving sync.Mutex

// A formula says what is left to satisfy: variable i+1 stands for "entries[i] is
// installed".
type formula struct {
	*Search
	entries   []EntryID
	variables map[EntryID]int
	clauses   [][]int
}

// add demands one of the live options, if the literal first does not hold. It
// reports whether anything is left in the clause.
func (f *formula) add(first int, options []EntryID) bool {
	var c []int
	if first != 0 {
		c = append(c, first)
	}
	for _, id := range options {
		if !f.live(id) {
			continue
		}
		v := f.variables[id]
		if v == 0 {
			f.entries = append(f.entries, id)
			v = len(f.entries)
			f.variables[id] = v
		}
		c = append(c, v)
	}
	f.clauses = append(f.clauses, c)
	return len(c) > 0
}
