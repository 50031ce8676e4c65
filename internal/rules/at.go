package rules

import (
	"net/netip"
	"slices"
	"time"
)

// At returns the rules as they are at a time: from and until are decided, so that they shape what Absent says; what
// is for all clients is for no particular ones. next is when that changes; zero: never.
func (r *Rules) At(now time.Time) (at *Rules, next time.Time) {
	c := *r
	c.rules = slices.Clone(r.rules)
	passed := func(t time.Time) bool {
		if now.Before(t) {
			if next.IsZero() || t.Before(next) {
				next = t
			}
			return false
		}
		return true
	}
	for i := range c.rules {
		if c.rules[i].when == nil {
			continue
		}
		w := *c.rules[i].when
		if !w.until.IsZero() && passed(w.until) || !w.from.IsZero() && !passed(w.from) {
			c.rules[i].idle = true
			continue
		}
		w.from, w.until = time.Time{}, time.Time{}
		if w.clients.all() {
			w.clients = nil
		}
		c.rules[i].when = &w
		if len(w.clients) == 0 && len(w.windows) == 0 {
			c.rules[i].when = nil
		}
	}
	return &c, next
}

// all reports whether every address is in one of them.
func (n networks) all() bool {
	return n.contains(netip.IPv4Unspecified()) && n.contains(netip.IPv6Unspecified()) &&
		!slices.ContainsFunc(n, func(p netip.Prefix) bool { return p.Bits() != 0 })
}
