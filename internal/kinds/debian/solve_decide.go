package debian

import "context"

// usualPatience is how many dead ends are left one by one before the solver is
// asked for the decision that is to blame. It has no influence on what a run finds.
const usualPatience = 8

// run decides until every ask and every need is satisfied. Units that cannot be
// had beside those before them are excluded on the way.
func (s *search) run(ctx context.Context) error {
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
		case asking && s.turn == len(s.asks) || deadEnds >= s.u.patience: // any ask or decision may be to blame
			deadEnds = 0
			s.jump()
		default:
			deadEnds++
			s.retreat()
		}
	}
}

// decide takes one decision: an ask, else a version, else an alternative, else
// what the base may keep. It returns the unit of an ask that cannot be met.
func (s *search) decide() (done bool, refused *unit) {
	for ; s.turn < len(s.asks); s.turn++ {
		a := &s.asks[s.turn]
		first := s.marked != a.unit
		if first {
			s.marked, s.mark = a.unit, len(s.gone)
		}
		if s.excluded[a.unit] {
			continue
		}
		if first && !s.stepwise && len(a.unit.asks) > 1 && !s.feasible(a.unit) {
			return false, a.unit
		}
		if s.satisfied(a.options) {
			continue
		}
		if !s.take(a.options, -1, a.unit) {
			return false, a.unit
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
func (s *search) take(options []entryID, need int32, u *unit) bool {
	for _, id := range options {
		if s.live(id) {
			s.push(id, need, u)
			return true
		}
	}
	return false
}

// retreat drops the last decision and remembers that it does not work here.
func (s *search) retreat() {
	top := len(s.levels) - 1
	choice := s.levels[top].choice
	s.undo(top)
	s.kill(choice)
}

// exclude gives up on the unit of turn, and forgets what was ruled out for its
// sake.
func (s *search) exclude(u *unit) {
	s.excluded[u] = true
	s.queue = nil
	s.revive(s.mark)
}

// recommend adds what the chosen packages recommend or suggest, in the order in which they
// were chosen, where it can be had in the version that apt would take.
func (s *search) recommend(ctx context.Context) error {
	own := s.own()
	for i := 0; i < len(s.trail); i++ {
		if mine, seen := own[s.trail[i]]; seen && !mine {
			continue // what the node has, it has without them
		}
		for _, options := range s.link(s.trail[i]).welcome {
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
func (s *search) try(ctx context.Context, id entryID) error {
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
		s.retreat()
		if len(s.levels) == floor {
			return nil
		}
	}
}
