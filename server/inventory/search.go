package inventory

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"sort"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A Found is a name that a search found, with what the mirror has of it.
type Found struct {
	Kind          string   `json:"kind"`
	Name          string   `json:"name"`
	Summary       string   `json:"summary"`
	Versions      []string `json:"versions"`
	Architectures []string `json:"architectures"`
	AliasOf       []string `json:"alias_of,omitempty"` // names that it stands for
}

// A hit is a name that fits a search.
type hit struct {
	rank int32 // 0: it is the very text; 1: it begins so; 2: it contains it
	at   int32 // in Catalog.Items, or behind them in Catalog.Aliases
}

// isAlias tells whether a hit is only another name for what is carried.
func (h hit) isAlias(items int) int {
	if int(h.at) >= items {
		return 1
	}
	return 0
}

// Search finds names that contain the text: first those of items, then aliases; of each the best first: the very name, names that
// begin so, others. It returns at most q.Limit of them, from q.Offset on, and how many there are in all. Aliases are found only by
// a text. A search without any result is reported to Missed.
func (v *Inventory) Search(r *http.Request, q Query) (page []Found, count int, err error) {
	items, aliases := v.Image.Catalog.Items, v.Image.Catalog.Aliases
	nameOf := func(at int32) (kind, name string) {
		if alias := int(at) - len(items); alias >= 0 {
			return aliases[alias].Kind, aliases[alias].Name
		}
		return items[at].Kind, items[at].Name
	}
	text := strings.ToLower(strings.TrimSpace(q.Text))
	candidates := len(items)
	if text != "" {
		candidates += len(aliases)
	}
	var hits []hit
	for at := range int32(candidates) {
		kind, name := nameOf(at)
		if q.Kind != "" && kind != q.Kind {
			continue
		}
		switch low := strings.ToLower(name); {
		case low == text:
			hits = append(hits, hit{0, at})
		case strings.HasPrefix(low, text):
			hits = append(hits, hit{1, at})
		case strings.Contains(low, text):
			hits = append(hits, hit{2, at})
		}
	}
	compare := func(a, b hit) int {
		aKind, aName := nameOf(a.at)
		bKind, bName := nameOf(b.at)
		return cmp.Or(cmp.Compare(a.isAlias(len(items)), b.isAlias(len(items))), cmp.Compare(a.rank, b.rank), strings.Compare(aName, bName), strings.Compare(aKind, bKind))
	}
	slices.SortFunc(hits, compare)
	hits = slices.CompactFunc(hits, func(a, b hit) bool { return compare(a, b) == 0 })
	hits = slices.DeleteFunc(hits, func(h hit) bool { // it is among the items already
		kind, name := nameOf(h.at)
		return h.isAlias(len(items)) == 1 && v.isItem(kind, name)
	})
	count = len(hits)
	hits = hits[min(q.Offset, count):]
	hits = hits[:min(q.Limit, len(hits))]
	page = make([]Found, len(hits))
	for i, h := range hits {
		page[i].Kind, page[i].Name = nameOf(h.at)
	}
	if count == 0 && text != "" && v.IsKind(q.Kind) {
		v.Missed(r, q.Kind, text)
	}
	return page, count, v.Describe(r.Context(), page)
}

// Describe adds what only the whole catalog says of names, whose Kind and Name are set.
func (v *Inventory) Describe(ctx context.Context, page []Found) error {
	for _, kind := range v.Kinds {
		var names []string
		for i := range page {
			if page[i].Kind == kind.Name() {
				names = append(names, page[i].Name)
			}
		}
		if names == nil {
			continue
		}
		records, aliases, err := v.Image.Find(ctx, kind.Name(), names)
		if err != nil {
			return err
		}
		describer, describes := artifact.Able[artifact.Describer](kind)
		for i := range page {
			f := &page[i]
			if f.Kind != kind.Name() {
				continue
			}
			f.AliasOf = aliases[f.Name]
			f.Versions, f.Architectures = []string{}, []string{}
			for j := range records[f.Name] {
				a := &records[f.Name][j].Item
				f.Versions, f.Architectures = append(f.Versions, a.Version), append(f.Architectures, a.Architecture())
				if f.Summary == "" && describes {
					f.Summary = describer.Describe(a).Summary
				}
			}
			slices.Sort(f.Architectures)
			f.Architectures = slices.Compact(f.Architectures)
			f.Versions = unique(f.Versions)
		}
	}
	return nil
}

// unique drops repetitions and keeps the order.
func unique(texts []string) []string {
	once := texts[:0]
	for _, t := range texts {
		if !slices.Contains(once, t) {
			once = append(once, t)
		}
	}
	return once
}

// Carries reports whether a name is that of an item or an alias.
func (v *Inventory) Carries(kind, name string) bool {
	if v.isItem(kind, name) {
		return true
	}
	c := v.Image.Catalog
	at := sort.Search(len(c.Aliases), func(i int) bool {
		return cmp.Or(strings.Compare(c.Aliases[i].Kind, kind), strings.Compare(c.Aliases[i].Name, name)) >= 0
	})
	return at < len(c.Aliases) && c.Aliases[at].Kind == kind && c.Aliases[at].Name == name
}

// isItem reports whether a name is that of an item.
func (v *Inventory) isItem(kind, name string) bool {
	c := v.Image.Catalog
	for _, source := range c.Sources {
		if _, found := slices.BinarySearchFunc(c.Items, [3]string{kind, source.Name, name}, func(a artifact.Item, want [3]string) int {
			return cmp.Or(strings.Compare(a.Kind, want[0]), strings.Compare(a.Source, want[1]), strings.Compare(a.Name, want[2]))
		}); found && source.Kind == kind {
			return true
		}
	}
	return false
}
