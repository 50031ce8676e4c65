package rules

import (
	"slices"

	"github.com/minimirror/minimirror/internal/glob"
)

// A finder finds the rules whose first field may match an item, whatever their number: by whole
// texts, by the beginnings and the ends of texts, and only what has neither one by one.
type finder struct {
	keys []int // in use
	by   []*index
	rest []int32 // rules without fields
}

type index struct {
	exact    map[string][]int32
	prefixes affixes
	suffixes affixes // of patterns that begin with a wildcard
	others   []indexed
}

type indexed struct {
	pattern *glob.Pattern
	rule    int32
}

// affixes are patterns by their beginning, or their end.
type affixes struct {
	lengths []int // of the texts, sorted
	by      map[string][]indexed
}

func newFinder(rules []rule, keys int) *finder {
	f := &finder{by: make([]*index, keys)}
	for i := range rules {
		if len(rules[i].fields) == 0 {
			f.rest = append(f.rest, int32(i))
			continue
		}
		first := &rules[i].fields[0]
		if f.by[first.key] == nil {
			f.by[first.key] = &index{exact: map[string][]int32{}}
			f.keys = append(f.keys, first.key)
		}
		f.by[first.key].add(&first.patterns, int32(i))
	}
	return f
}

func (x *index) add(p *patterns, rule int32) {
	for _, text := range p.exact {
		x.exact[text] = append(x.exact[text], rule)
	}
	for i := range p.globs {
		g := &p.globs[i]
		switch prefix, suffix := g.Affixes(); {
		case prefix != "":
			x.prefixes.add(prefix, indexed{g, rule})
		case suffix != "":
			x.suffixes.add(suffix, indexed{g, rule})
		default:
			x.others = append(x.others, indexed{g, rule})
		}
	}
}

func (a *affixes) add(text string, entry indexed) {
	if a.by == nil {
		a.by = make(map[string][]indexed)
	}
	if at, found := slices.BinarySearch(a.lengths, len(text)); !found {
		a.lengths = slices.Insert(a.lengths, at, len(text))
	}
	a.by[text] = append(a.by[text], entry)
}

// find appends the rules with a pattern that matches the text, perhaps twice, in no order.
func (x *index) find(found []int32, text string) []int32 {
	found = append(found, x.exact[text]...)
	for _, n := range x.prefixes.lengths {
		if n > len(text) {
			break
		}
		found = matching(found, x.prefixes.by[text[:n]], text)
	}
	for _, n := range x.suffixes.lengths {
		if n > len(text) {
			break
		}
		found = matching(found, x.suffixes.by[text[len(text)-n:]], text)
	}
	return matching(found, x.others, text)
}

func matching(found []int32, entries []indexed, text string) []int32 {
	for _, e := range entries {
		if e.pattern.Match(text) {
			found = append(found, e.rule)
		}
	}
	return found
}

// find returns the rules whose first field matches, in their order. It reuses found.
func (f *finder) find(found []int32, s *subject) []int32 {
	found = append(found[:0], f.rest...)
	for _, key := range f.keys {
		for _, text := range s.texts(key) {
			found = f.by[key].find(found, text)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}
