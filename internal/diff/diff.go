// Package diff tells what is different between two images, or locks: items, sets, sources, the bytes that have to be transferred to a
// site that has the first, and what rules make of the second. It is for the verb of this name, and knows no kind of item.
//
//	image or lock ──▶ Side ──┐
//	                         ├─Compare──▶ Diff ──▶ text, JSON, Markdown, SVG
//	image or lock ──▶ Side ──┘
package diff

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A Diff is what is different between A and B.
type Diff struct {
	A       About    `json:"a"`
	B       About    `json:"b"`
	Notes   []string `json:"notes"` // what this cannot show, and why
	Ship    Ship     `json:"ship"`
	Count   Count    `json:"count"`
	Changes []Change `json:"changes"`
	Sources []Source `json:"sources"`
	Sets    []Set    `json:"sets"`
	Layers  []Layer  `json:"layers"`            // of B; none if they are not known
	Rules   *Rules   `json:"rules,omitempty"`   // nil: not asked for
	History *History `json:"history,omitempty"` // changelogs; nil: not asked for
}

// An About says what one of the two is.
type About struct {
	Type      string    `json:"type"` // image or lock
	Reference string    `json:"reference"`
	Name      string    `json:"name"`             // of the definition
	Digest    string    `json:"digest,omitempty"` // of the image
	Lock      string    `json:"lock"`             // digest of the lock
	Date      time.Time `json:"date"`             // of the lock
	Items     int       `json:"items"`
	Size      int64     `json:"size"` // of the items' files, each once, bytes
}

// What a Change is.
const (
	Added      = "added"
	Removed    = "removed"
	Upgraded   = "upgraded"
	Downgraded = "downgraded"
	Changed    = "changed"  // another version, and nobody knows which is higher
	Replaced   = "replaced" // other content with the same version
	Moved      = "moved"    // the same content in another source or channel
)

// order is the order of changes in a Diff.
var order = []string{Upgraded, Downgraded, Changed, Replaced, Added, Removed, Moved}

// A Change is an item that is different.
type Change struct {
	What   string `json:"what"`
	Kind   string `json:"kind"`
	Name   string `json:"name"`
	System string `json:"system,omitempty"` // of the nodes
	Old    *State `json:"old,omitempty"`    // nil: added
	New    *State `json:"new,omitempty"`    // nil: removed

	old, new *artifact.Item
}

// A State is what an item is in one of the two.
type State struct {
	ID         string              `json:"id"`
	Source     string              `json:"source"`
	Version    string              `json:"version"`
	Attributes artifact.Attributes `json:"attributes"`
	Requested  bool                `json:"requested"`
	Security   bool                `json:"security"`
	Size       int64               `json:"size"` // of its files, bytes
}

func newState(i *artifact.Item) *State {
	if i == nil {
		return nil
	}
	return &State{i.ID(), i.Source, i.Version, i.Attributes, i.Requested, i.Security, i.Size()}
}

// A Count is how many items there are of each What.
type Count struct {
	Added      int `json:"added"`
	Removed    int `json:"removed"`
	Upgraded   int `json:"upgraded"`
	Downgraded int `json:"downgraded"`
	Changed    int `json:"changed"`
	Replaced   int `json:"replaced"`
	Moved      int `json:"moved"`
	Unchanged  int `json:"unchanged"`
	Security   int `json:"security"` // of those with a new version or content: security updates
}

// any reports whether an item is different.
func (c *Count) any() bool {
	return c.Added+c.Removed+c.Upgraded+c.Downgraded+c.Changed+c.Replaced+c.Moved > 0
}

// Compare compares two sides.
func Compare(a, b *Side, kinds []artifact.Kind) *Diff {
	a, b = a.like(b, kinds), b.like(a, kinds)
	d := &Diff{A: a.about(), B: b.about(), Notes: []string{}, Changes: []Change{}, Layers: []Layer{}}
	p := newPairing(a, b, kinds)
	p.pairAll()
	d.Count.Unchanged = len(p.same)
	for _, pair := range p.pairs {
		d.Changes = append(d.Changes, p.change(pair))
	}
	slices.SortStableFunc(d.Changes, compareChanges)
	for i := range d.Changes {
		d.Count.add(&d.Changes[i])
	}
	d.Sources = compareSources(a.Catalog.Sources, b.Catalog.Sources)
	d.Sets = compareSets(a, b, d.Changes)
	d.ship(a, b)
	switch {
	case a.Catalog.Name != b.Catalog.Name:
		d.note("these are of different definitions, %s and %s", a.Catalog.Name, b.Catalog.Name)
	case b.Catalog.Date.Before(a.Catalog.Date):
		d.note("the lock of B is older than that of A: A may be the later one")
	}
	return d
}

func compareChanges(a, b Change) int {
	version := func(s *State) string {
		if s == nil {
			return ""
		}
		return s.Version + " " + s.ID
	}
	return cmp.Or(cmp.Compare(slices.Index(order, a.What), slices.Index(order, b.What)),
		strings.Compare(a.Kind, b.Kind), strings.Compare(a.System, b.System), strings.Compare(a.Name, b.Name),
		strings.Compare(a.architecture(), b.architecture()), strings.Compare(version(a.New), version(b.New)), strings.Compare(version(a.Old), version(b.Old)))
}

func (c *Count) add(change *Change) {
	count := map[string]*int{Added: &c.Added, Removed: &c.Removed, Upgraded: &c.Upgraded, Downgraded: &c.Downgraded, Changed: &c.Changed, Replaced: &c.Replaced, Moved: &c.Moved}
	*count[change.What]++
	if change.New != nil && change.New.Security && change.What != Moved {
		c.Security++
	}
}

// architecture is that of the item in B, or else in A.
func (c *Change) architecture() string {
	if c.New != nil {
		return c.New.Attributes.Get("architecture")
	}
	return c.Old.Attributes.Get("architecture")
}

// isContent reports whether B has other files of the item than A.
func (c *Change) isContent() bool { return c.What != Moved }
