package debian

import (
	"context"
	"slices"
)

// A partition is a node beside the whole of an image, and beside what is left of it.
type partition struct {
	*carriage
	whole, left *node
	users       [][]use // by entry: whose clauses it is an option of
	affected    []bool  // by entry: something that it may need is absent
	lost        []loss  // by entry
	good        []bool  // by entry: it was found installable from what is left
	searches    map[*node]*search
}

// A use is a clause of an entry.
type use struct {
	owner  entryID
	clause int
}

// A loss is why an entry cannot be had any more for want of another.
type loss struct {
	round  int // 0: it can, as far as is known; 1: it is absent; else one more than that of what it needs
	clause int // that has no option left; of an absent entry -1
}

func newPartition(c *carriage, index int) *partition {
	size := len(c.entries)
	p := &partition{
		carriage: c, whole: c.newNode(index, &Options{}), left: c.newNode(index, &Options{}),
		users: make([][]use, size), affected: make([]bool, size), lost: make([]loss, size), good: make([]bool, size), searches: make(map[*node]*search),
	}
	for _, id := range p.byName.values {
		l := p.whole.link(id)
		for i, options := range l.depends {
			if len(options) == 0 {
				l.depends[i] = []entryID{id} // the nodes have it, or get it elsewhere
				continue
			}
			for _, o := range options {
				p.users[o] = append(p.users[o], use{id, i})
			}
		}
	}
	p.spread()
	p.lose()
	for _, id := range p.byName.values {
		p.left.links[id] = p.leave(p.whole.link(id))
	}
	return p
}

// spread finds what is affected.
func (p *partition) spread() {
	var queue []entryID
	reach := func(id entryID) {
		if !p.affected[id] {
			p.affected[id] = true
			queue = append(queue, id)
		}
	}
	for _, id := range p.byName.values {
		if p.absent[id] {
			reach(id)
		}
	}
	for i := 0; i < len(queue); i++ {
		for _, u := range p.users[queue[i]] {
			reach(u.owner)
		}
	}
}

// lose finds what is lost for want of something, round by round, so that the chain from each entry to
// what is absent is the shortest.
func (p *partition) lose() {
	var queue []entryID
	for _, id := range p.byName.values {
		if p.absent[id] {
			p.lost[id] = loss{1, -1}
			queue = append(queue, id)
		}
	}
	gone := make(map[use]int)
	for i := 0; i < len(queue); i++ {
		for _, u := range p.users[queue[i]] {
			gone[u]++
			if p.lost[u.owner].round == 0 && gone[u] == len(p.whole.links[u.owner].depends[u.clause]) {
				p.lost[u.owner] = loss{p.lost[queue[i]].round + 1, u.clause}
				queue = append(queue, u.owner)
			}
		}
	}
}

// leave takes what is lost out of the options.
func (p *partition) leave(l *links) *links {
	left := *l
	left.depends = make([][]entryID, len(l.depends))
	for i, options := range l.depends {
		left.depends[i] = p.remaining(options)
	}
	return &left
}

// versions are what may answer a request for an entry: itself, and higher versions.
func (p *partition) versions(id entryID) []entryID {
	options := []entryID{id}
	for _, other := range p.versionsOn(p.whole.index, p.entries[id].name) {
		if other != id && compareVersions(p.entries[other].version, p.entries[id].version) >= 0 {
			options = append(options, other)
		}
	}
	return options
}

// unit makes one of requests, each with its options: on what is left, those that are not lost.
func (p *partition) unit(n *node, requests [][]entryID) *unit {
	u := &unit{set: installing}
	for _, options := range requests {
		if n == p.left {
			options = p.remaining(options)
		}
		u.asks = append(u.asks, ask{unit: u, options: options})
	}
	return u
}

// remaining are the options that are not lost.
func (p *partition) remaining(options []entryID) []entryID {
	isLost := func(id entryID) bool { return p.lost[id].round > 0 }
	if !slices.ContainsFunc(options, isLost) {
		return options
	}
	return slices.DeleteFunc(slices.Clone(options), isLost)
}

// installable reports whether a node can have all that is requested, together.
func (p *partition) installable(ctx context.Context, n *node, requests [][]entryID) (bool, error) {
	s := p.searches[n]
	if s == nil {
		s = newSearch(n, nil)
		p.searches[n] = s
	}
	u := p.unit(n, requests)
	s.restart(u.asks)
	if err := s.run(ctx); err != nil || s.excluded[u] {
		return false, err
	}
	if n == p.left {
		for _, id := range s.trail {
			p.good[id] = true
		}
	}
	return true, nil
}
