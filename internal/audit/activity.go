package audit

import (
	"net/netip"
	"slices"
)

// An Activity is what clients have asked for of one item.
type Activity struct {
	Fetched *Use   `json:"fetched,omitempty"` // nil: nobody has fetched it
	Denied  *Count `json:"denied,omitempty"`  // requests for it that the rules have denied; nil: there was none
	// Uncertain tells that Fetched may be nil because there was no memory for all items.
	Uncertain bool `json:"uncertain,omitempty"`
}

// A Use is how an item was fetched.
type Use struct {
	Bytes int64 `json:"bytes"` // sent
	Whole int64 `json:"whole"` // requests that got all of a file; the others got a part, or broke off
	Count
}

// Activities are what clients have asked for of items, which are named by their IDs, in the order of the IDs.
func (s *Summary) Activities(ids []string) []Activity {
	all, at := make([]Activity, len(ids)), make(map[string]int, len(ids))
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, id := range ids {
		id = cut(id, maxArtifact)
		at[id] = i
		if row := s.artifacts.rows[id]; row != nil {
			all[i].Fetched = &Use{row.bytes, row.whole, s.count(&row.tally, maxClients)}
		} else {
			all[i].Uncertain = s.artifacts.unlisted > 0
		}
	}
	for _, row := range s.denied.rows { // an item has a row for each rule
		i, wanted := at[row.artifact]
		if !wanted {
			continue
		}
		count := s.count(&row.tally, maxClients)
		if all[i].Denied == nil {
			all[i].Denied = &count
			continue
		}
		all[i].Denied.join(&count)
	}
	return all
}

// join adds other requests for the same item, with all addresses of both.
func (c *Count) join(other *Count) {
	c.Requests += other.Requests
	c.AtLeast = c.AtLeast || other.AtLeast
	if other.First.Before(c.First) {
		c.First = other.First
	}
	if other.Last.After(c.Last) {
		c.Last = other.Last
	}
	c.Addresses = append(c.Addresses, other.Addresses...)
	slices.SortFunc(c.Addresses, netip.Addr.Compare)
	c.Addresses = slices.Compact(c.Addresses)
	c.Clients = len(c.Addresses)
}

// Anonymous is the activity with the number of clients, and nothing that names one.
func (a Activity) Anonymous() Activity {
	if a.Fetched != nil {
		fetched := *a.Fetched
		fetched.Addresses = []netip.Addr{}
		a.Fetched = &fetched
	}
	if a.Denied != nil {
		denied := *a.Denied
		denied.Addresses = []netip.Addr{}
		a.Denied = &denied
	}
	return a
}
