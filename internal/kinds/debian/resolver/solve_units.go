package resolver

import (
	"cmp"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// A Unit is what must be installable together: a set, or one requested package.
type Unit struct {
	Set      string // empty: a request of its own
	optional bool   // a wildcard found it: it is left out, with a warning, when it cannot be installed
	Asks     []Ask
}

// An Ask is one package that a unit wants.
type Ask struct {
	Unit *Unit
	*requirement
	Options []EntryID // the preferred first
}

// A requirement is what all wishes together say of one package.
type requirement struct {
	name     NameID
	entries  []EntryID // that every wish allows
	wishes   []wish
	optional bool // only wildcards name it
	alone    bool // it is wanted for itself, not only for a set
	old      bool // a wish may hold it below the highest version
}

// units joins the wishes of a node: what must go together, and in which order
// groups are filled. What is held in an old version comes first, so that the
// groups after it keep to its dependencies: apt considers only the highest version
// that is carried. Sets come before single packages, these by name, and those
// that only a wildcard found come last.
func (n *Node) units(wishes []wish, matches []match) ([]*Unit, error) {
	required, sets, err := n.requirements(wishes, matches)
	if err != nil {
		return nil, err
	}
	all := sets
	for _, q := range required {
		n.prepare(q)
		if q.alone {
			u := &Unit{optional: q.optional}
			u.Asks = []Ask{{Unit: u, requirement: q}}
			all = append(all, u)
		}
	}
	old := make(map[*Unit]bool)
	for _, u := range all {
		slices.SortFunc(u.Asks, func(a, b Ask) int { return n.compareNames(a.requirement, b.requirement) })
		u.Asks = slices.CompactFunc(u.Asks, func(a, b Ask) bool { return a.requirement == b.requirement })
		for i := range u.Asks {
			a := &u.Asks[i]
			a.Options = a.entries
			old[u] = old[u] || a.old
		}
	}
	slices.SortStableFunc(all, func(a, b *Unit) int {
		return cmp.Or(boolToInt(old[b])-boolToInt(old[a]), boolToInt(b.Set != "")-boolToInt(a.Set != ""),
			boolToInt(a.optional)-boolToInt(b.optional))
	})
	return all, nil
}

// requirements returns what is required of each package, sorted by name, and
// units for the sets, whose asks have no options yet.
func (n *Node) requirements(wishes []wish, matches []match) (required []*requirement, sets []*Unit, err error) {
	byName := make(map[NameID]*requirement)
	for i, w := range wishes {
		if w.set != "" && len(matches[i]) > 0 && (len(sets) == 0 || sets[len(sets)-1].Set != w.set) {
			sets = append(sets, &Unit{Set: w.set})
		}
		for _, f := range matches[i] {
			q := byName[f.name]
			if q == nil {
				q = &requirement{name: f.name, optional: true, entries: f.entries}
				byName[f.name] = q
				required = append(required, q)
			}
			q.wishes = append(q.wishes, w)
			if q.entries = intersect(q.entries, f.entries); len(q.entries) == 0 {
				return nil, nil, n.U.explainContradiction(f.name, q.wishes)
			}
			q.optional = q.optional && (w.MatchesMany() || w.installed != nil)
			q.old = q.old || w.op == deb822.Exactly || w.op == deb822.AtMost || w.op == deb822.Earlier
			if w.set == "" {
				q.alone = true
				continue
			}
			set := sets[len(sets)-1]
			set.Asks = append(set.Asks, Ask{Unit: set, requirement: q})
		}
	}
	slices.SortFunc(required, n.compareNames)
	return required, sets, nil
}

func (n *Node) compareNames(a, b *requirement) int {
	return strings.Compare(n.U.Names[a.name], n.U.Names[b.name])
}

// prepare puts what was locked before first, and what the node has itself last,
// or first of all if that is to be kept.
func (n *Node) prepare(q *requirement) {
	q.entries = slices.Clone(q.entries)
	slices.SortStableFunc(q.entries, func(a, b EntryID) int {
		return boolToInt(n.preferred(b)) - boolToInt(n.preferred(a))
	})
	var installed []EntryID
	for _, id := range n.U.ByName.Of(q.name) {
		e := &n.U.Entries[id]
		misfit := func(w wish) bool { return !w.admits(e.Version) || w.suite != "" }
		if e.installed && n.base[id] && n.Effective(id) == n.Native && !slices.ContainsFunc(q.wishes, misfit) {
			installed = append(installed, id)
		}
	}
	if n.opt.KeepInstalled {
		slices.SortStableFunc(q.entries, func(a, b EntryID) int { return boolToInt(n.carried[b]) - boolToInt(n.carried[a]) })
		q.entries = append(installed, q.entries...)
	} else {
		q.entries = append(q.entries, installed...)
	}
}

func intersect(a, b []EntryID) (both []EntryID) {
	for _, id := range a {
		if slices.Contains(b, id) {
			both = append(both, id)
		}
	}
	return both
}
