package debian

import (
	"cmp"
	"slices"
	"strings"
)

// order sorts chosen entries so that each can be installed after those before it:
// after its Pre-Depends, and after its Depends except within a cycle, whose
// members follow each other (Policy 7.2). Equal input gives equal order.
func (s *search) order(entries []entryID) []entryID {
	return slices.Concat(s.cycles(entries, s.prerequisites)...)
}

// cycles groups entries into strongly connected components by Tarjan's algorithm:
// each group follows those that it needs. Within a group of several, what is
// pre-depended on comes first.
func (s *search) cycles(entries []entryID, edges func(id entryID, pre bool) []entryID) [][]entryID {
	groups := s.components(entries, func(id entryID) []entryID { return append(edges(id, false), s.successors(id)...) })
	for i, group := range groups {
		if len(group) > 1 {
			groups[i] = slices.Concat(s.components(group, func(id entryID) []entryID { return edges(id, true) })...)
		}
	}
	return groups
}

func (s *search) components(entries []entryID, edges func(entryID) []entryID) (groups [][]entryID) {
	sorted := slices.Clone(entries)
	slices.SortFunc(sorted, s.compareLabels)
	member := make(map[entryID]bool, len(sorted))
	for _, id := range sorted {
		member[id] = true
	}
	number, low := make(map[entryID]int), make(map[entryID]int)
	onStack := make(map[entryID]bool)
	var stack []entryID
	var visit func(entryID)
	visit = func(id entryID) {
		number[id] = len(number) + 1
		low[id] = number[id]
		stack, onStack[id] = append(stack, id), true
		for _, next := range edges(id) {
			switch {
			case !member[next]:
			case number[next] == 0:
				visit(next)
				low[id] = min(low[id], low[next])
			case onStack[next]:
				low[id] = min(low[id], number[next])
			}
		}
		if low[id] < number[id] {
			return
		}
		var group []entryID
		for last := entryID(-1); last != id; {
			last = stack[len(stack)-1]
			stack, onStack[last] = stack[:len(stack)-1], false
			group = append(group, last)
		}
		slices.SortFunc(group, s.compareLabels)
		groups = append(groups, group)
	}
	for _, id := range sorted {
		if number[id] == 0 {
			visit(id)
		}
	}
	return groups
}

func (s *search) compareLabels(a, b entryID) int {
	x, y := &s.u.entries[a], &s.u.entries[b]
	return cmp.Or(strings.Compare(s.u.texts[x.name], s.u.texts[y.name]), strings.Compare(s.u.architectures[x.arch], s.u.architectures[y.arch]), cmp.Compare(a, b))
}

// prerequisites are the chosen entries that satisfy an entry's Pre-Depends or,
// unless pre is set, any of its dependencies.
func (s *search) prerequisites(id entryID, pre bool) (all []entryID) {
	l := s.link(id)
	for i, options := range l.depends {
		if pre && i >= l.pre {
			break
		}
		for _, o := range options {
			if s.chosen[o] {
				all = append(all, o)
				break
			}
		}
	}
	if pre {
		all = append(all, s.successors(id)...)
	}
	slices.SortFunc(all, s.compareLabels)
	return slices.Compact(all)
}

// successors are what replaces packages of the base that an entry cannot stand beside:
// dpkg must have unpacked them before it unpacks the entry, unless they pre-depend on it.
func (s *search) successors(id entryID) (all []entryID) {
	if len(s.base) == 0 {
		return nil
	}
	for _, d := range s.needs {
		if d.owner != inBase || s.chosen[d.options[0]] {
			continue
		}
		old := d.options[0]
		if s.u.entries[old].name == s.u.entries[id].name || !slices.Contains(s.link(id).conflicts, old) && !slices.Contains(s.link(old).conflicts, id) {
			continue
		}
		for _, other := range d.options[1:] {
			if s.chosen[other] && !s.preNeeds(other, id) {
				all = append(all, other)
			}
		}
	}
	return all
}

// preNeeds reports whether an entry must be configured before another may be unpacked.
func (s *search) preNeeds(owner, id entryID) bool {
	seen := make(map[entryID]bool)
	var queue []entryID
	add := func(clauses [][]entryID) {
		for _, options := range clauses {
			for _, o := range options {
				if s.chosen[o] && !seen[o] {
					seen[o] = true
					queue = append(queue, o)
				}
			}
		}
	}
	l := s.link(owner)
	add(l.depends[:l.pre])
	for len(queue) > 0 {
		next := queue[0]
		queue = queue[1:]
		add(s.link(next).depends)
	}
	return seen[id]
}

// steps divides ordered entries into runs of dpkg: what a package pre-depends on
// is configured by an earlier run.
func (s *search) steps(entries []entryID) (steps [][]entryID) {
	here := make(map[entryID]bool) // in the last step
	for _, group := range s.cycles(entries, s.prerequisites) {
		wait := false
		for _, id := range group {
			for _, options := range s.link(id).depends[:s.link(id).pre] {
				wait = wait || slices.ContainsFunc(options, func(o entryID) bool { return here[o] })
			}
		}
		if wait || len(steps) == 0 {
			steps = append(steps, nil)
			clear(here)
		}
		for _, id := range group {
			here[id] = true
		}
		steps[len(steps)-1] = append(steps[len(steps)-1], group...)
	}
	return steps
}
