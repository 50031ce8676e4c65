package debian

import (
	"context"
	"slices"
)

// A remainder is what a node can take of an image when some of the entries are out.
type remainder struct {
	*partition
	node   *node
	out    []bool // by entry
	lost   []loss // by entry
	good   []bool // by entry: it was found installable
	search *search
}

// A loss is why an entry cannot be had for want of another.
type loss struct {
	round  int // 0: it can, as far as is known; 1: it is out; else one more than that of what it needs
	clause int // that has no option left; of an entry that is out -1
}

func (p *partition) newRemainder(out []bool) *remainder {
	r := &remainder{partition: p, node: p.newNode(p.whole.index, &Options{}), out: out, lost: make([]loss, len(p.entries)), good: make([]bool, len(p.entries))}
	r.lose()
	for _, id := range p.byName.values {
		r.node.links[id] = r.leave(p.whole.link(id))
	}
	return r
}

// lose finds what is lost for want of something, round by round, so that the chain from each entry to
// what is out is the shortest.
func (r *remainder) lose() {
	var queue []entryID
	for _, id := range r.byName.values {
		if r.out[id] {
			r.lost[id] = loss{1, -1}
			queue = append(queue, id)
		}
	}
	gone := make(map[use]int)
	for i := 0; i < len(queue); i++ {
		for _, u := range r.users[queue[i]] {
			gone[u]++
			if r.lost[u.owner].round == 0 && gone[u] == len(r.whole.links[u.owner].depends[u.clause]) {
				r.lost[u.owner] = loss{r.lost[queue[i]].round + 1, u.clause}
				queue = append(queue, u.owner)
			}
		}
	}
}

// leave takes what is lost out of the options.
func (r *remainder) leave(l *links) *links {
	left := *l
	left.depends = make([][]entryID, len(l.depends))
	for i, options := range l.depends {
		left.depends[i] = r.remaining(options)
	}
	return &left
}

// remaining are the options that are not lost.
func (r *remainder) remaining(options []entryID) []entryID {
	isLost := func(id entryID) bool { return r.lost[id].round > 0 }
	if !slices.ContainsFunc(options, isLost) {
		return options
	}
	return slices.DeleteFunc(slices.Clone(options), isLost)
}

// unit makes one of requests, each with those of its options that are not lost.
func (r *remainder) unit(requests [][]entryID) *unit {
	u := &unit{set: installing}
	for _, options := range requests {
		u.asks = append(u.asks, ask{unit: u, options: r.remaining(options)})
	}
	return u
}

// installable reports whether the node can have all that is requested, together.
func (r *remainder) installable(ctx context.Context, requests [][]entryID) (bool, error) {
	if r.search == nil {
		r.search = newSearch(r.node, nil)
	}
	u := r.unit(requests)
	r.search.restart(u.asks)
	if err := r.search.run(ctx); err != nil || r.search.excluded[u] {
		return false, err
	}
	for _, id := range r.search.trail {
		r.good[id] = true
	}
	return true, nil
}
