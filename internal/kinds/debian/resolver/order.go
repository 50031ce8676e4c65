package resolver

import (
	"cmp"
	"slices"
	"strings"
)

// order sorts chosen entries so that each can be installed after those before it:
// after its Pre-Depends, and after its Depends except within a cycle, whose
// members follow each other (Policy 7.2). Equal input gives equal order.
func (s *Search) order(entries []EntryID) []EntryID {
	return slices.Concat(s.cycles(entries, s.prerequisites)...)
}

// cycles groups entries into strongly connected components by Tarjan's algorithm:
// each group follows those that it needs. Within a group of several, what is
// pre-depended on comes first.
func (s *Search) cycles(entries []EntryID, edges func(id EntryID, pre bool) []EntryID) [][]EntryID {
	groups := s.components(entries, func(id EntryID) []EntryID { return append(edges(id, false), s.successors(id)...) })
	for i, group := range groups {
		if len(group) > 1 {
			groups[i] = slices.Concat(s.components(group, func(id EntryID) []EntryID { return edges(id, true) })...)
		}
	}
	return groups
}

func (s *Search) components(entries []EntryID, edges func(EntryID) []EntryID) (groups [][]EntryID) {
	sorted := slices.Clone(entries)
	slices.SortFunc(sorted, s.compareLabels)
	member := make(map[EntryID]bool, len(sorted))
	for _, id := range sorted {
		member[id] = true
	}
	number, low := make(map[EntryID]int), make(map[EntryID]int)
	onStack := make(map[EntryID]bool)
	var stack []EntryID
	var visit func(EntryID)
	visit = func(id EntryID) {
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
		var group []EntryID
		for last := EntryID(-1); last != id; {
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

func (s *Search) compareLabels(a, b EntryID) int {
	x, y := &s.U.Entries[a], &s.U.Entries[b]
	return cmp.Or(strings.Compare(s.U.Names[x.Name], s.U.Names[y.Name]), strings.Compare(s.U.Architectures[x.Arch], s.U.Architectures[y.Arch]), cmp.Compare(a, b))
}

// prerequisites are the chosen entries that satisfy an entry's Pre-Depends or,
// unless pre is set, any of its dependencies.
func (s *Search) prerequisites(id EntryID, pre bool) (all []EntryID) {
	l := s.Link(id)
	for i, options := range l.Depends {
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
func (s *Search) successors(id EntryID) (all []EntryID) {
	if len(s.base) == 0 {
		return nil
	}
	for _, d := range s.needs {
		if d.owner != inBase || s.chosen[d.options[0]] {
			continue
		}
		old := d.options[0]
		if s.U.Entries[old].Name == s.U.Entries[id].Name || !slices.Contains(s.Link(id).conflicts, old) && !slices.Contains(s.Link(old).conflicts, id) {
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
func (s *Search) preNeeds(owner, id EntryID) bool {
	seen := make(map[EntryID]bool)
	var queue []EntryID
	add := func(clauses [][]EntryID) {
		for _, options := range clauses {
			for _, o := range options {
				if s.chosen[o] && !seen[o] {
					seen[o] = true
					queue = append(queue, o)
				}
			}
		}
	}
	l := s.Link(owner)
	add(l.Depends[:l.pre])
	for len(queue) > 0 {
		next := queue[0]
		queue = queue[1:]
		add(s.Link(next).Depends)
	}
	return seen[id]
}

// steps divides ordered entries into runs of dpkg: what a package pre-depends on
// is configured by an earlier run.
func (s *Search) steps(entries []EntryID) (steps [][]EntryID) {
	here := make(map[EntryID]bool) // in the last step
	for _, group := range s.cycles(entries, s.prerequisites) {
		wait := false
		for _, id := range group {
			for _, options := range s.Link(id).Depends[:s.Link(id).pre] {
				wait = wait || slices.ContainsFunc(options, func(o EntryID) bool { return here[o] })
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
