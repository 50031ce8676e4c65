package receipt

import (
	"cmp"
	"iter"
	"net/netip"
	"slices"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/catalog"
	"github.com/minimirror/minimirror/internal/rules"
)

// maxNames is how many names of denied items are listed for a rule.
const maxNames = 50

// Deny adds what rules deny, at a time and to everybody, of what images carry.
func (r *Receipt) Deny(parsed *rules.Rules, kinds []artifact.Kind, catalogs []*catalog.Catalog, at time.Time) {
	r.Rules = true
	now, _ := parsed.At(at)
	order, found := make(map[string]int), make(map[string]*Denied)
	seen := make(map[string]bool) // items
	for i, l := range parsed.List() {
		order[l.Position] = i
		found[l.Position] = &Denied{Rule: l.Position, Match: l.Action + " " + l.Match}
	}
	for _, c := range catalogs {
		rulers := make(map[string]artifact.Ruler)
		for _, kind := range kinds {
			if ruler, able := artifact.Able[artifact.Ruler](kind); able {
				rulers[kind.Name()] = ruler
			}
		}
		table := now.Apply(c.Items, func(i int) [][]string {
			if ruler := rulers[c.Items[i].Kind]; ruler != nil {
				return ruler.PropertiesOf(&c.Items[i])
			}
			return nil
		})
		for i := range c.Items {
			id := c.Items[i].ID()
			if _, conditional := table.Conditional(i); conditional || !table.Absent(i) || seen[id] {
				continue
			}
			seen[id] = true
			verdict := table.Verdict(i, netip.Addr{}, time.Time{})
			d := found[verdict.Rule]
			if d == nil { // the default
				d = &Denied{Rule: verdict.Rule, Match: "deny by default"}
				order[verdict.Rule], found[verdict.Rule] = len(order), d
			}
			d.Reason = verdict.Reason
			d.Total++
			if name := c.Items[i].Kind + " " + c.Items[i].Name; !slices.Contains(d.Names, name) && len(d.Names) < maxNames {
				d.Names = append(d.Names, name)
			}
		}
	}
	for _, d := range found {
		if d.Total > 0 {
			slices.Sort(d.Names)
			r.Denied = append(r.Denied, *d)
		}
	}
	slices.SortFunc(r.Denied, func(a, b Denied) int { return cmp.Compare(order[a.Rule], order[b.Rule]) })
}

// Carried are the items of several images, each once.
func Carried(catalogs []*catalog.Catalog) iter.Seq[*artifact.Item] {
	return func(yield func(*artifact.Item) bool) {
		seen := make(map[string]bool)
		for _, c := range catalogs {
			for i := range c.Items {
				if id := c.Items[i].ID(); !seen[id] {
					seen[id] = true
					if !yield(&c.Items[i]) {
						return
					}
				}
			}
		}
	}
}
