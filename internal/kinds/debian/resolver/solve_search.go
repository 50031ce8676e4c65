package resolver

import "slices"

// A Search finds entries of one node that satisfy all their relations together.
//
// It goes as apt goes. It takes what the requests name, then what that leaves
// no choice about, and decides the rest in the order of need, each time for the
// most preferred alternative that is not already ruled out. The result is the
// first in the lexical order of these decisions that works. So it depends on the
// meaning of the requests alone: how a dead end was found has no influence.
type Search struct {
	*Node
	stepwise bool // decide even for the last alternative that is left, to explain
	asks     []Ask
	turn     int            // the next of asks
	Excluded map[*Unit]bool // found impossible beside the units before them
	marked   *Unit          // the unit of turn
	mark     int            // len(gone) before it

	// By entry.
	chosen   []bool
	dead     []bool      // found impossible with the decisions so far
	blocked  []int32     // how many chosen entries it cannot stand beside
	watched  []bool      // it is in rivals
	rivals   [][]EntryID // watched entries that by their own word cannot stand beside it
	watchers [][]int32   // needs that it may satisfy

	Trail    []EntryID // what is chosen, in order
	why      []int32   // the need that each of trail was chosen for; -1: an ask
	expanded int       // of trail: whose needs are known
	needs    []need
	queue    []int32   // needs to look at
	versions backlog   // needs that leave a choice of versions only
	choices  backlog   // other needs
	kept     backlog   // needs of the base, and what it may meet; it gives way to what is new
	gone     []EntryID // what is dead, in order
	levels   []level
}

// A need is a clause of a chosen entry, or of its Recommends or Suggests.
type need struct {
	owner   EntryID // or inBase
	clause  int
	options []EntryID
	instead []EntryID // used if no option is left: replacements of a package of the base
}

// A backlog is a list of needs, those before head being satisfied.
type backlog struct {
	needs []int32
	head  int
}

// A level is a decision and the state before it.
type level struct {
	choice            EntryID
	need              int32 // that it satisfies; -1: an ask
	unit              *Unit // of the ask
	trail, expanded   int
	needs, gone       int
	versions, choices backlog
	kept              backlog
	turn, mark        int
	marked            *Unit
}

// NewSearch prepares a search for asks, which may be nil; Run does it.
func NewSearch(n *Node, asks []Ask) *Search {
	size := len(n.U.Entries)
	s := &Search{
		Node: n, asks: asks, Excluded: make(map[*Unit]bool),
		chosen: make([]bool, size), dead: make([]bool, size), blocked: make([]int32, size),
		watched: make([]bool, size), rivals: make([][]EntryID, size), watchers: make([][]int32, size),
	}
	for _, d := range n.baseNeeds() {
		s.kept.needs = append(s.kept.needs, s.add(d))
	}
	return s
}

// add notes a need that is not satisfied.
func (s *Search) add(d need) int32 {
	at := int32(len(s.needs))
	s.needs = append(s.needs, d)
	for _, options := range [][]EntryID{d.options, d.instead} {
		for _, o := range options {
			s.watchers[o] = append(s.watchers[o], at)
		}
	}
	s.queue = append(s.queue, at)
	return at
}

// Restart begins anew with other asks.
func (s *Search) Restart(asks []Ask) {
	if len(s.levels) > 0 {
		s.undo(0)
	}
	s.revive(0)
	s.asks, s.turn, s.marked, s.mark = asks, 0, nil, 0
	clear(s.Excluded)
}

// live reports whether an entry may still be chosen.
func (s *Search) live(id EntryID) bool {
	s.watch(id)
	return !s.dead[id] && s.blocked[id] == 0 && s.Link(id).err == nil
}

// watch sees to it that whatever is chosen blocks id if id conflicts with it.
func (s *Search) watch(id EntryID) {
	if s.watched[id] {
		return
	}
	s.watched[id] = true
	for _, other := range s.Link(id).conflicts {
		s.rivals[other] = append(s.rivals[other], id)
		if s.chosen[other] {
			s.blocked[id]++
		}
	}
}

// choose takes a live entry for a need.
func (s *Search) choose(id EntryID, need int32) {
	s.chosen[id] = true
	s.Trail = append(s.Trail, id)
	s.why = append(s.why, need)
	for _, list := range [][]EntryID{s.Link(id).conflicts, s.rivals[id]} {
		for _, other := range list {
			if s.blocked[other]++; s.blocked[other] == 1 {
				s.queue = append(s.queue, s.watchers[other]...)
			}
		}
	}
}

// kill rules an entry out until the decisions before it change.
func (s *Search) kill(id EntryID) {
	s.dead[id] = true
	s.gone = append(s.gone, id)
	s.queue = append(s.queue, s.watchers[id]...)
}

// propagate takes everything that leaves no choice. It returns the need that
// cannot be satisfied, or -1.
func (s *Search) propagate() (failed int32) {
	for len(s.queue) > 0 || s.expanded < len(s.Trail) {
		for len(s.queue) > 0 {
			next := s.queue[0]
			s.queue = s.queue[1:]
			if !s.look(next) {
				s.queue = nil
				return next
			}
		}
		if s.expanded < len(s.Trail) {
			s.expanded++
			s.expand(s.Trail[s.expanded-1])
		}
	}
	s.queue = nil
	return -1
}

// look chooses the last live option of a need that is not satisfied, and fails
// when there is none.
func (s *Search) look(at int32) bool {
	d := &s.needs[at]
	last, count := EntryID(-1), 0
	for _, options := range [][]EntryID{d.options, d.instead} {
		for _, id := range options {
			if s.chosen[id] {
				return true
			}
			if s.live(id) {
				last = id
				count++
			}
		}
	}
	if count == 1 && (!s.stepwise || len(d.options)+len(d.instead) == 1) {
		s.choose(last, at)
	}
	return count > 0
}

// expand notes the needs of a chosen entry.
func (s *Search) expand(id EntryID) {
	for i, options := range s.Link(id).Depends {
		if s.satisfied(options) {
			continue // as long as id is chosen
		}
		at := s.add(need{owner: id, clause: i, options: options})
		name := func(o EntryID) NameID { return s.U.Entries[o].Name }
		backlog := &s.versions
		switch {
		case slices.ContainsFunc(options, func(o EntryID) bool { return s.base[o] && s.live(o) }):
			backlog = &s.kept
		case slices.ContainsFunc(options, func(o EntryID) bool { return name(o) != name(options[0]) }):
			backlog = &s.choices
		}
		backlog.needs = append(backlog.needs, at)
	}
}

// next returns the first need of a backlog that is not satisfied, or -1.
func (s *Search) next(b *backlog) int32 {
	for ; b.head < len(b.needs); b.head++ {
		if at := b.needs[b.head]; !s.decided(&s.needs[at]) {
			return at
		}
	}
	return -1
}

// decided reports whether a need is decided: an option is chosen, or none is left and one of instead is chosen.
func (s *Search) decided(d *need) bool {
	return s.satisfied(d.options) || s.satisfied(d.instead) && !slices.ContainsFunc(d.options, s.live)
}

// satisfied reports whether one of options is chosen.
func (s *Search) satisfied(options []EntryID) bool {
	return slices.ContainsFunc(options, func(o EntryID) bool { return s.chosen[o] })
}

// push begins a level and takes its decision.
func (s *Search) push(choice EntryID, need int32, u *Unit) {
	s.levels = append(s.levels, level{
		choice, need, u, len(s.Trail), s.expanded, len(s.needs), len(s.gone), s.versions, s.choices, s.kept, s.turn, s.mark, s.marked})
	s.choose(choice, need)
}

// undo goes back to the state before levels[to].
func (s *Search) undo(to int) {
	l := &s.levels[to]
	s.levels = s.levels[:to]
	s.queue = nil
	for len(s.Trail) > l.trail {
		id := s.Trail[len(s.Trail)-1]
		s.Trail = s.Trail[:len(s.Trail)-1]
		s.chosen[id] = false
		for _, list := range [][]EntryID{s.Link(id).conflicts, s.rivals[id]} {
			for _, other := range list {
				s.blocked[other]--
			}
		}
	}
	s.why = s.why[:l.trail]
	for len(s.needs) > l.needs {
		last := s.needs[len(s.needs)-1]
		for _, options := range [][]EntryID{last.options, last.instead} {
			for _, o := range options {
				s.watchers[o] = s.watchers[o][:len(s.watchers[o])-1]
			}
		}
		s.needs = s.needs[:len(s.needs)-1]
	}
	s.revive(l.gone)
	s.expanded, s.versions, s.choices, s.kept = l.expanded, l.versions, l.choices, l.kept
	s.turn, s.mark, s.marked = l.turn, l.mark, l.marked
}

// revive forgets the dead beyond the first.
func (s *Search) revive(first int) {
	for _, id := range s.gone[first:] {
		s.dead[id] = false
	}
	s.gone = s.gone[:first]
}

// own returns what is chosen and must be carried: what the node has not, and what
// somebody asks for by name.
func (s *Search) own() map[EntryID]bool {
	asked := make(map[EntryID]bool)
	for _, a := range s.asks {
		for _, id := range a.Options {
			if s.chosen[id] && !s.Excluded[a.Unit] {
				asked[id] = true
			}
		}
	}
	own := make(map[EntryID]bool, len(s.Trail))
	for _, id := range s.Trail {
		own[id] = !s.U.Entries[id].installed && (!s.base[id] || asked[id])
	}
	return own
}

// ownTrail is what of the trail must be carried.
func (s *Search) ownTrail() []EntryID {
	own := s.own()
	return slices.DeleteFunc(slices.Clone(s.Trail), func(id EntryID) bool { return !own[id] })
}
