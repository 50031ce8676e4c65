package resolver

import "context"

// usualPatience is how many dead ends are left one by one before the solver is
// asked for the decision that is to blame. It has no influence on what a run finds.
const usualPatience = 8

// Run decides until every ask and every need is satisfied. Units that cannot be
// had beside those before them are excluded on the way.
func (s *Search) Run(ctx context.Context) error {
	for deadEnds := 0; ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		if s.propagate() < 0 {
			done, refused := s.decide()
			if done {
				return nil
			}
			if refused == nil {
				continue
			}
			if len(s.levels) == 0 || s.levels[len(s.levels)-1].unit != refused {
				s.exclude(refused)
				continue
			}
		}
		switch asking := s.levels[len(s.levels)-1].unit != nil; {
		case asking && s.turn == len(s.asks) || deadEnds >= s.U.patience: // any ask or decision may be to blame
			deadEnds = 0
			s.jump()
		default:
			deadEnds++
			s.backtrack()
		}
	}
}

// decide takes one decision: an ask, else a version, else an alternative, else
// what the base may keep. It returns the unit of an ask that cannot be met.
func (s *Search) decide() (done bool, refused *Unit) {
	for ; s.turn < len(s.asks); s.turn++ {
		a := &s.asks[s.turn]
		first := s.marked != a.Unit
		if first {
			s.marked, s.mark = a.Unit, len(s.gone)
		}
		if s.Excluded[a.Unit] {
			continue
		}
		if first && !s.stepwise && len(a.Unit.Asks) > 1 && !s.feasible(a.Unit) {
			return false, a.Unit
		}
		if s.satisfied(a.Options) {
			continue
		}
		if !s.take(a.Options, -1, a.Unit) {
			return false, a.Unit
		}
		return false, nil
	}
	for _, b := range []*backlog{&s.versions, &s.choices, &s.kept} {
		if at := s.next(b); at >= 0 {
			if d := &s.needs[at]; !s.take(d.options, at, nil) {
				s.take(d.instead, at, nil)
			}
			return false, nil
		}
	}
	return true, nil
}

// take decides for the first live option.
func (s *Search) take(options []EntryID, need int32, u *Unit) bool {
	for _, id := range options {
		if s.live(id) {
			s.push(id, need, u)
			return true
		}
	}
	return false
}

// backtrack drops the last decision and remembers that it does not work here.
func (s *Search) backtrack() {
	top := len(s.levels) - 1
	choice := s.levels[top].choice
	s.undo(top)
	s.kill(choice)
}

// exclude gives up on the unit of turn, and forgets what was ruled out for its
// sake.
func (s *Search) exclude(u *Unit) {
	s.Excluded[u] = true
	s.queue = nil
	s.revive(s.mark)
}

// recommend adds what the chosen packages recommend or suggest, in the order in which they
// were chosen, where it can be had in the version that apt would take.
func (s *Search) recommend(ctx context.Context) error {
	own := s.own()
	for i := 0; i < len(s.Trail); i++ {
		if mine, seen := own[s.Trail[i]]; seen && !mine {
			continue // what the node has, it has without them
		}
		for _, options := range s.Link(s.Trail[i]).welcome {
			for _, id := range options {
				if s.satisfied(options) {
					break
				}
				if !s.candidate(id) || !s.live(id) {
					continue
				}
				if err := s.try(ctx, id); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// try chooses an entry with all that it needs, or rules it out.
func (s *Search) try(ctx context.Context, id EntryID) error {
	floor := len(s.levels)
	s.push(id, -1, nil)
	for deadEnds := 0; ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		if s.propagate() < 0 {
			if done, _ := s.decide(); done {
				return nil
			}
			continue
		}
		if deadEnds++; deadEnds > usualPatience && len(s.levels) > floor+1 {
			s.undo(floor + 1)
		}
		s.backtrack()
		if len(s.levels) == floor {
			return nil
		}
	}
}
