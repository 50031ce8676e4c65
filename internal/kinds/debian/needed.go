package debian

import "slices"

// A closing collects the part of a group that one of its units needs, and that
// the node has not.
type closing struct {
	*search
	seen map[entryID]bool
	own  map[entryID]bool
	all  []entryID // what the node has not
	// requested are those of all that the unit names, or that are recommended or suggested.
	requested []entryID
	done      int // of all: whose needs are known
}

// needed returns what a unit needs of its group: what it asks for, what that needs,
// and what of the base has to give way for it, in a higher version. Requested are those
// that come for their own sake, and not because another needs them.
func (s *search) needed(u *unit) (all, requested []entryID) {
	c := &closing{search: s, seen: make(map[entryID]bool), own: s.own()}
	for _, a := range u.asks {
		c.first(a.options)
		c.request(a.options)
	}
	for more := true; more; more = c.upgrade() {
		c.walk()
	}
	return c.all, c.requested
}

// chosenFor are the chosen entries that a unit names.
func (s *search) chosenFor(u *unit) (ids []entryID) {
	for _, a := range u.asks {
		for _, id := range a.options {
			if s.chosen[id] {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// request notes the chosen ones of options.
func (c *closing) request(options []entryID) {
	for _, id := range options {
		if c.chosen[id] && c.own[id] && c.seen[id] {
			c.requested = append(c.requested, id)
		}
	}
}

// first takes the chosen one of options.
func (c *closing) first(options []entryID) {
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

func (c *closing) take(id entryID) {
	c.seen[id] = true
	if c.own[id] {
		c.all = append(c.all, id)
	}
}

func (c *closing) walk() {
	for ; c.done < len(c.all); c.done++ {
		l := c.link(c.all[c.done])
		for _, options := range l.depends {
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
	replaced := make(map[entryID]bool) // of the base
	for _, d := range c.needs {
		if d.owner == inBase && slices.ContainsFunc(c.successorsOf(d), func(id entryID) bool { return c.seen[id] }) {
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
			for _, options := range c.link(d.options[0]).depends {
				before := len(c.seen)
				c.first(options)
				found = found || len(c.seen) > before
			}
		}
	}
	return found
}

// successorsOf are what may take the place of a package of the base: copies of itself or, if none is chosen, its replacements.
func (c *closing) successorsOf(d need) []entryID {
	if c.satisfied(d.options) {
		return d.options[1:]
	}
	return d.instead
}

// stays reports whether an entry of the base can stay.
func (c *closing) stays(id entryID, replaced map[entryID]bool) bool {
	l := c.link(id)
	for _, other := range c.all {
		if slices.Contains(l.conflicts, other) || slices.Contains(c.link(other).conflicts, id) {
			return false
		}
	}
	for _, options := range l.depends {
		if !slices.ContainsFunc(options, func(o entryID) bool { return o == id || c.seen[o] || c.base[o] && !replaced[o] }) {
			return false
		}
	}
	return true
}
