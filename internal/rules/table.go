package rules

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A Table is what rules make of the items of one image. It never changes and may be used by
// many goroutines.
type Table struct {
	rules    *Rules
	of       []uint32 // by item: its chain
	chains   []chain
	byClient bool // for any item
}

// A chain is the way of some items through the rules: those that match it, in order, up to the
// first that does so for every client at any time. That may be the default.
type chain struct {
	rules       []uint32
	allow, deny bool // what may come of it
	clients     bool // some rule depends on the client
	items       int
}

// Apply evaluates all that depends on the item alone. properties(i) are Kind.PropertiesOf of
// item i; the function may be nil when NeedsProperties is false. Apply keeps none of it.
func (r *Rules) Apply(items []artifact.Item, properties func(i int) [][]string) *Table {
	t := &Table{rules: r, of: make([]uint32, len(items))}
	known := make(map[string]uint32)
	finder := newFinder(r.rules, keyProperty+len(r.properties))
	s := subject{rules: r}
	var found []int32
	var steps []byte
	for i := range items {
		s.set(&items[i])
		if r.used {
			s.properties = properties(i)
		}
		found = finder.find(found, &s)
		steps = steps[:0]
		for _, at := range found {
			if rule := &r.rules[at]; !rule.idle && rule.matches(&s) {
				steps = binary.NativeEndian.AppendUint32(steps, uint32(at))
				if rule.when == nil {
					break
				}
			}
		}
		number, ok := known[string(steps)]
		if !ok {
			number = uint32(len(t.chains))
			known[string(steps)] = number
			t.chains = append(t.chains, r.chain(steps))
		}
		t.of[i] = number
		t.chains[number].items++
	}
	for i := range t.chains {
		c := &t.chains[i]
		t.byClient = t.byClient || c.byClient()
	}
	return t
}

// byClient reports whether the verdict depends on the client.
func (c *chain) byClient() bool { return c.allow && c.deny && c.clients }

func (r *Rules) chain(steps []byte) (c chain) {
	for ; len(steps) > 0; steps = steps[4:] {
		at := binary.NativeEndian.Uint32(steps)
		c.rules = append(c.rules, at)
		c.clients = c.clients || r.rules[at].when != nil && len(r.rules[at].when.clients) > 0
		if r.rules[at].verdict.Allowed {
			c.allow = true
		} else {
			c.deny = true
		}
	}
	return c
}

// matches reports whether the conditions on the item hold, beside the first field.
func (r *rule) matches(s *subject) bool {
	if r.kinds != nil && (s.kind < 0 || !r.kinds[s.kind]) {
		return false
	}
	for i := 1; i < len(r.fields); i++ {
		if !r.fields[i].match(s.texts(r.fields[i].key)) {
			return false
		}
	}
	if r.versions == nil {
		return true
	}
	if s.kind >= 0 {
		for _, holds := range r.versions[s.kind] {
			if holds(s.artifact.Version) {
				return true
			}
		}
	}
	return false
}

// A subject is an item, as conditions see it.
type subject struct {
	rules      *Rules
	artifact   *artifact.Item
	kind       int // -1: none that the rules know
	properties [][]string
	text       [1]string
}

func (s *subject) set(a *artifact.Item) {
	if s.artifact == nil || s.artifact.Kind != a.Kind {
		s.kind = -1
		for i, k := range s.rules.kinds {
			if k.Name() == a.Kind {
				s.kind = i
			}
		}
	}
	s.artifact, s.properties = a, nil
}

// texts are what the item has of a key. They are good until the next call.
func (s *subject) texts(key int) []string {
	switch {
	case key == keyPackage:
		s.text[0] = s.artifact.Name
	case key == keyArchitecture:
		s.text[0] = s.artifact.Architecture()
	case s.kind < 0:
		return nil
	default:
		column := s.rules.columns[s.kind][key-keyProperty]
		if column < 0 || column >= len(s.properties) {
			return nil
		}
		return s.properties[column]
	}
	return s.text[:]
}

// Verdict tells whether a client may have the item at a time. The zero client is in no network.
func (t *Table) Verdict(i int, client netip.Addr, now time.Time) Verdict {
	for _, at := range t.chains[t.of[i]].rules {
		if r := &t.rules.rules[at]; r.when == nil || r.when.holds(client, now) {
			return r.verdict
		}
	}
	panic("rules: a chain without end")
}

// Absent reports that no client gets the item at any time, so that it must vanish from what the
// mirror says of itself: whichever of the conditions on clients and times hold, it is denied.
func (t *Table) Absent(i int) bool { return !t.chains[t.of[i]].allow }

// Conditional reports that it depends on the client or the time whether the item may be had, and
// the first rule on which.
func (t *Table) Conditional(i int) (rule string, ok bool) {
	c := &t.chains[t.of[i]]
	if !c.allow || !c.deny {
		return "", false
	}
	return t.rules.rules[c.rules[0]].verdict.Rule, true
}

// ByClient reports whether the verdict on the item depends on the client.
func (t *Table) ByClient(i int) bool {
	return t.chains[t.of[i]].byClient()
}

// AnyByClient reports whether ByClient holds for any item.
func (t *Table) AnyByClient() bool { return t.byClient }

// Counts tells how many items every client may have at any time, how many none ever may, and how
// many are conditional.
func (t *Table) Counts() (allowed, denied, conditional int) {
	for i := range t.chains {
		switch c := &t.chains[i]; {
		case c.allow && c.deny:
			conditional += c.items
		case c.allow:
			allowed += c.items
		default:
			denied += c.items
		}
	}
	return allowed, denied, conditional
}

// Decides tells, in the order of Rules.List, how many items each rule decides, for some client at some
// time at least. None: it has no effect, because nothing matches it, or only what rules before it decide.
func (t *Table) Decides() []int {
	counts := make([]int, len(t.rules.rules))
	for i := range t.chains {
		for _, at := range t.chains[i].rules {
			counts[at] += t.chains[i].items
		}
	}
	return counts
}
