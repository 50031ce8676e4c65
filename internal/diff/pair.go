package diff

import (
	"slices"
	"strconv"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// channel is the attribute that says which part of a source an item is from. It does not distinguish items.
const channel = "channel"

// A pair is an item of A and the one of B that takes its place; one of them may be nil.
type pair struct{ a, b *artifact.Item }

// A pairing finds, for each item of A, the item of B that takes its place. Items of one kind, system and name are compared, first those
// that are most alike.
type pairing struct {
	a, b      *Side
	comparers map[string]artifact.Comparer // by kind
	pairs     []pair                       // that are different
	same      []pair
}

func newPairing(a, b *Side, kinds []artifact.Kind) *pairing {
	p := &pairing{a: a, b: b, comparers: make(map[string]artifact.Comparer)}
	for _, k := range kinds {
		if comparer, able := artifact.Able[artifact.Comparer](k); able {
			p.comparers[k.Name()] = comparer
		}
	}
	return p
}

// change says what a pair is.
func (p *pairing) change(x pair) Change {
	c := Change{Old: newState(x.a), New: newState(x.b), old: x.a, new: x.b}
	side, item := p.b, x.b
	if item == nil {
		side, item = p.a, x.a
	}
	c.Kind, c.Name, c.System = item.Kind, item.Name, side.systems[item.Source]
	switch {
	case x.a == nil:
		c.What = Added
	case x.b == nil:
		c.What = Removed
	case x.a.Version == x.b.Version && contentOf(x.a) == contentOf(x.b):
		c.What = Moved
	case x.a.Version == x.b.Version:
		c.What = Replaced
	default:
		switch order, ok := p.compare(item.Kind, x.a.Version, x.b.Version); {
		case !ok:
			c.What = Changed
		case order < 0:
			c.What = Upgraded
		case order > 0:
			c.What = Downgraded
		default:
			c.What = Replaced // two ways to write one version
		}
	}
	return c
}

// A group is the items of one kind, system and name.
type group struct{ a, b []*artifact.Item }

func (p *pairing) pairAll() {
	groups := make(map[string]*group)
	var keys []string
	of := func(s *Side, i *artifact.Item) *group {
		key := joined(i.Kind, s.systems[i.Source], i.Name)
		g := groups[key]
		if g == nil {
			g = new(group)
			groups[key] = g
			keys = append(keys, key)
		}
		return g
	}
	for i := range p.a.Catalog.Items {
		item := &p.a.Catalog.Items[i]
		g := of(p.a, item)
		g.a = append(g.a, item)
	}
	for i := range p.b.Catalog.Items {
		item := &p.b.Catalog.Items[i]
		g := of(p.b, item)
		g.b = append(g.b, item)
	}
	slices.Sort(keys)
	for _, key := range keys {
		p.pairGroup(groups[key])
	}
}

// alike are the ways in which items may be alike, from the closest to the loosest. An item may have several keys; what has one in
// common is alike.
var alike = []func(i *artifact.Item) []string{
	func(i *artifact.Item) []string { return one(i.ID(), i.Version, contentOf(i), i.Attributes.String()) },
	func(i *artifact.Item) []string { return one(distinction(i), i.Version, contentOf(i), i.Source) },
	func(i *artifact.Item) []string { return one(distinction(i), i.Version, contentOf(i)) },
	func(i *artifact.Item) []string { return one(distinction(i), i.Version, i.Source) },
	func(i *artifact.Item) []string { return one(distinction(i), i.Version) },
	func(i *artifact.Item) (keys []string) {
		for _, value := range i.Attributes.Values(channel) {
			keys = append(keys, joined(distinction(i), i.Source, value))
		}
		return keys
	},
	func(i *artifact.Item) []string { return one(distinction(i), i.Source) },
	func(i *artifact.Item) []string { return one(distinction(i)) },
}

func (p *pairing) pairGroup(g *group) {
	p.newestFirst(g.a)
	p.newestFirst(g.b)
	for _, keys := range alike {
		if len(g.a) == 0 || len(g.b) == 0 {
			break
		}
		p.pairBy(g, keys)
	}
	if len(g.a) > 0 && len(g.b) > 0 {
		p.pairReplaced(g)
	}
	for _, item := range g.a {
		p.pairs = append(p.pairs, pair{item, nil})
	}
	for _, item := range g.b {
		p.pairs = append(p.pairs, pair{nil, item})
	}
}

// newestFirst sorts items of one kind.
func (p *pairing) newestFirst(items []*artifact.Item) {
	slices.SortStableFunc(items, func(a, b *artifact.Item) int {
		if order, ok := p.compare(a.Kind, b.Version, a.Version); ok {
			return order
		}
		return strings.Compare(b.Version, a.Version)
	})
}

// compare compares versions; ok is false if nobody knows their order.
func (p *pairing) compare(kind, a, b string) (order int, ok bool) {
	if comparer := p.comparers[kind]; comparer != nil {
		return comparer.CompareVersions(a, b)
	}
	return 0, false
}

// pairBy pairs items that have a key in common, the newest first, and removes them from the group.
func (p *pairing) pairBy(g *group, keys func(*artifact.Item) []string) {
	waiting := make(map[string][]*artifact.Item)
	for _, a := range g.a {
		for _, key := range keys(a) {
			waiting[key] = append(waiting[key], a)
		}
	}
	paired := make(map[*artifact.Item]bool)
	for _, b := range g.b {
		for _, key := range keys(b) {
			list := waiting[key]
			for len(list) > 0 && paired[list[0]] {
				list = list[1:]
			}
			waiting[key] = list
			if len(list) > 0 {
				p.add(list[0], b)
				paired[list[0]], paired[b] = true, true
				break
			}
		}
	}
	isPaired := func(i *artifact.Item) bool { return paired[i] }
	g.a, g.b = slices.DeleteFunc(g.a, isPaired), slices.DeleteFunc(g.b, isPaired)
}

func (p *pairing) add(a, b *artifact.Item) {
	x := pair{a, b}
	if a.Version == b.Version && a.Source == b.Source && a.Attributes.String() == b.Attributes.String() && contentOf(a) == contentOf(b) {
		p.same = append(p.same, x)
	} else {
		p.pairs = append(p.pairs, x)
	}
}

// maxReplaced bounds the items of a group that are compared with each other.
const maxReplaced = 50

// pairReplaced pairs what is left, as the kind says: one item may take the place of several, and several that of one.
func (p *pairing) pairReplaced(g *group) {
	comparer := p.comparers[g.a[0].Kind]
	if comparer == nil || len(g.a) > maxReplaced || len(g.b) > maxReplaced {
		return
	}
	paired := make(map[*artifact.Item]bool)
	for _, a := range g.a {
		newest := make(map[string]bool) // distinctions of what takes its place
		for _, b := range g.b {
			if comparer.Replaces(a, b) && !newest[distinction(b)] {
				newest[distinction(b)] = true
				p.add(a, b)
				paired[a], paired[b] = true, true
			}
		}
	}
	isPaired := func(i *artifact.Item) bool { return paired[i] }
	g.a, g.b = slices.DeleteFunc(g.a, isPaired), slices.DeleteFunc(g.b, isPaired)
}

// distinction is what distinguishes an item from others of its name at the same time.
func distinction(i *artifact.Item) string {
	return slices.DeleteFunc(slices.Clone(i.Attributes), func(a artifact.Attribute) bool { return a.Name == channel }).String()
}

// contentOf identifies the bytes of an item's files.
func contentOf(i *artifact.Item) string {
	parts := make([]string, len(i.Files))
	for f := range i.Files {
		parts[f] = i.Files[f].SHA256
	}
	return joined(parts...)
}

func one(parts ...string) []string { return []string{joined(parts...)} }

// joined joins parts so that different parts give different texts.
func joined(parts ...string) string {
	var b strings.Builder
	for _, part := range parts {
		b.WriteString(strconv.Itoa(len(part)))
		b.WriteByte(' ')
		b.WriteString(part)
	}
	return b.String()
}
