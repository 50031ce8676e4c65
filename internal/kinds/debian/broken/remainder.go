package broken

import (
	"context"
	"slices"

	"github.com/minimirror/minimirror/internal/kinds/debian/resolver"
)

// A remainder is what a node can take of an image when some of the entries are out.
type remainder struct {
	*partition
	node   *resolver.Node
	out    []bool // by entry
	lost   []loss // by entry
	good   []bool // by entry: it was found installable
	search *resolver.Search
}

// A loss is why an entry cannot be had for want of another.
type loss struct {
	round  int // 0: it can, as far as is known; 1: it is out; else one more than that of what it needs
	clause int // that has no option left; of an entry that is out -1
}

func (p *partition) newRemainder(out []bool) *remainder {
	r := &remainder{partition: p, node: p.NewNode(p.whole.Index, &resolver.Options{}), out: out, lost: make([]loss, len(p.Entries)), good: make([]bool, len(p.Entries))}
	r.lose()
	for _, id := range p.ByName.Values {
		r.node.Links[id] = r.leave(p.whole.Link(id))
	}
	return r
}

// lose finds what is lost for want of something, round by round, so that the chain from each entry to
// what is out is the shortest.
func (r *remainder) lose() {
	var queue []resolver.EntryID
	for _, id := range r.ByName.Values {
		if r.out[id] {
			r.lost[id] = loss{1, -1}
			queue = append(queue, id)
		}
	}
	gone := make(map[use]int)
	for i := 0; i < len(queue); i++ {
		for _, u := range r.users[queue[i]] {
			gone[u]++
			if r.lost[u.owner].round == 0 && gone[u] == len(r.whole.Links[u.owner].Depends[u.clause]) {
				r.lost[u.owner] = loss{r.lost[queue[i]].round + 1, u.clause}
				queue = append(queue, u.owner)
			}
		}
	}
}

// leave takes what is lost out of the options.
func (r *remainder) leave(l *resolver.Links) *resolver.Links {
	left := *l
	left.Depends = make([][]resolver.EntryID, len(l.Depends))
	for i, options := range l.Depends {
		left.Depends[i] = r.remaining(options)
	}
	return &left
}

// remaining are the options that are not lost.
func (r *remainder) remaining(options []resolver.EntryID) []resolver.EntryID {
	isLost := func(id resolver.EntryID) bool { return r.lost[id].round > 0 }
	if !slices.ContainsFunc(options, isLost) {
		return options
	}
	return slices.DeleteFunc(slices.Clone(options), isLost)
}

// unit makes one of requests, each with those of its options that are not lost.
func (r *remainder) unit(requests [][]resolver.EntryID) *resolver.Unit {
	u := &resolver.Unit{Set: resolver.UnnamedSet}
	for _, options := range requests {
		u.Asks = append(u.Asks, resolver.Ask{Unit: u, Options: r.remaining(options)})
	}
	return u
}

// installable reports whether the node can have all that is requested, together.
func (r *remainder) installable(ctx context.Context, requests [][]resolver.EntryID) (bool, error) {
	if r.search == nil {
		r.search = resolver.NewSearch(r.node, nil)
	}
	u := r.unit(requests)
	r.search.Restart(u.Asks)
	if err := r.search.Run(ctx); err != nil || r.search.Excluded[u] {
		return false, err
	}
	for _, id := range r.search.Trail {
		r.good[id] = true
	}
	return true, nil
}
