package resolver

import "slices"

// A closing collects the part of a group that one of its units needs, and that
// the node has not.
type closing struct {
	*Search
	seen map[EntryID]bool
	own  map[EntryID]bool
	all  []EntryID // what the node has not
	// requested are those of all that the unit names, or that are recommended or suggested.
	requested []EntryID
	done      int // of all: whose needs are known
}

// needed returns what a unit needs of its group: what it asks for, what that needs,
// and what of the base has to give way for it, in a higher version. Requested are those
// that come for their own sake, and not because another needs them.
func (s *Search) needed(u *Unit) (all, requested []EntryID) {
	c := &closing{Search: s, seen: make(map[EntryID]bool), own: s.own()}
	for _, a := range u.Asks {
		c.first(a.Options)
		c.request(a.Options)
	}
	for more := true; more; more = c.upgrade() {
		c.walk()
	}
	return c.all, c.requested
}

// chosenFor are the chosen entries that a unit names.
func (s *Search) chosenFor(u *Unit) (ids []EntryID) {
	for _, a := range u.Asks {
		for _, id := range a.Options {
			if s.chosen[id] {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// request notes the chosen ones of options.
func (c *closing) request(options []EntryID) {
	for _, id := range options {
		if c.chosen[id] && c.own[id] && c.seen[id] {
			c.requested = append(c.requested, id)
		}
	}
}

// first takes the chosen one of options.
func (c *closing) first(options []EntryID) {
	for _, id := range options {
		if c.seen[id] {
			return
		}
	}
	for _, id := range options {
		if c.chosen[id] {
			c.take(id)
			return
		}
	}
}

func (c *closing) take(id EntryID) {
	c.seen[id] = true
	if c.own[id] {
		c.all = append(c.all, id)
	}
}

func (c *closing) walk() {
	for ; c.done < len(c.all); c.done++ {
		l := c.Link(c.all[c.done])
		for _, options := range l.Depends {
			c.first(options)
		}
		for _, options := range l.welcome {
			c.first(options)
			c.request(options)
		}
	}
}

// upgrade takes what replaces packages of the base that cannot stay as they are
// beside what has been collected.
func (c *closing) upgrade() (found bool) {
	replaced := make(map[EntryID]bool) // of the base
	for _, d := range c.needs {
		if d.owner == inBase && slices.ContainsFunc(c.successorsOf(d), func(id EntryID) bool { return c.seen[id] }) {
			replaced[d.options[0]] = true
		}
	}
	for _, d := range c.needs {
		if d.owner != inBase || replaced[d.options[0]] || c.stays(d.options[0], replaced) {
			continue
		}
		for _, id := range c.successorsOf(d) {
			if c.chosen[id] {
				c.take(id)
				found = true
			}
		}
		if c.chosen[d.options[0]] { // it stays, by something new
			for _, options := range c.Link(d.options[0]).Depends {
				before := len(c.seen)
				c.first(options)
				found = found || len(c.seen) > before
			}
		}
	}
	return found
}

// successorsOf are what may take the place of a package of the base: copies of itself or, if none is chosen, its replacements.
func (c *closing) successorsOf(d need) []EntryID {
	if c.satisfied(d.options) {
		return d.options[1:]
	}
	return d.instead
}

// stays reports whether an entry of the base can stay.
func (c *closing) stays(id EntryID, replaced map[EntryID]bool) bool {
	l := c.Link(id)
	for _, other := range c.all {
		if slices.Contains(l.conflicts, other) || slices.Contains(c.Link(other).conflicts, id) {
			return false
		}
	}
	for _, options := range l.Depends {
		if !slices.ContainsFunc(options, func(o EntryID) bool { return o == id || c.seen[o] || c.base[o] && !replaced[o] }) {
			return false
		}
	}
	return true
}
