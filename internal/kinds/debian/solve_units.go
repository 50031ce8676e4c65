package debian

import (
	"cmp"
	"slices"
	"strings"
)

// A unit is what must be installable together: a set, or one requested package.
type unit struct {
	set      string // empty: a request of its own
	optional bool   // a wildcard found it: it is left out, with a warning, when it cannot be installed
	asks     []ask
}

// An ask is one package that a unit wants.
type ask struct {
	unit *unit
	*requirement
	options []entryID // the preferred first
}

// A requirement is what all wishes together say of one package.
type requirement struct {
	name     nameID
	entries  []entryID // that every wish allows
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
func (n *node) units(wishes []wish, matches []match) ([]*unit, error) {
	required, sets, err := n.requirements(wishes, matches)
	if err != nil {
		return nil, err
	}
	all := sets
	for _, q := range required {
		n.prepare(q)
		if q.alone {
			u := &unit{optional: q.optional}
			u.asks = []ask{{unit: u, requirement: q}}
			all = append(all, u)
		}
	}
	old := make(map[*unit]bool)
	for _, u := range all {
		slices.SortFunc(u.asks, func(a, b ask) int { return n.compareNames(a.requirement, b.requirement) })
		u.asks = slices.CompactFunc(u.asks, func(a, b ask) bool { return a.requirement == b.requirement })
		for i := range u.asks {
			a := &u.asks[i]
			a.options = a.entries
			old[u] = old[u] || a.old
		}
	}
	slices.SortStableFunc(all, func(a, b *unit) int {
		return cmp.Or(boolToInt(old[b])-boolToInt(old[a]), boolToInt(b.set != "")-boolToInt(a.set != ""),
			boolToInt(a.optional)-boolToInt(b.optional))
	})
	return all, nil
}

// requirements returns what is required of each package, sorted by name, and
// units for the sets, whose asks have no options yet.
func (n *node) requirements(wishes []wish, matches []match) (required []*requirement, sets []*unit, err error) {
	byName := make(map[nameID]*requirement)
	for i, w := range wishes {
		if w.set != "" && len(matches[i]) > 0 && (len(sets) == 0 || sets[len(sets)-1].set != w.set) {
			sets = append(sets, &unit{set: w.set})
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
				return nil, nil, n.u.explainContradiction(f.name, q.wishes)
			}
			q.optional = q.optional && w.many()
			q.old = q.old || w.op == exactly || w.op == atMost || w.op == earlier
			if w.set == "" {
				q.alone = true
				continue
			}
			set := sets[len(sets)-1]
			set.asks = append(set.asks, ask{unit: set, requirement: q})
		}
	}
	slices.SortFunc(required, n.compareNames)
	return required, sets, nil
}

func (n *node) compareNames(a, b *requirement) int {
	return strings.Compare(n.u.texts[a.name], n.u.texts[b.name])
}

// prepare puts what was locked before first, and what the node has itself last,
// or first of all if that is to be kept.
func (n *node) prepare(q *requirement) {
	q.entries = slices.Clone(q.entries)
	slices.SortStableFunc(q.entries, func(a, b entryID) int {
		return boolToInt(n.preferred(b)) - boolToInt(n.preferred(a))
	})
	var installed []entryID
	for _, id := range n.u.byName.of(q.name) {
		e := &n.u.entries[id]
		misfit := func(w wish) bool { return !w.admits(e.version) || w.suite != "" }
		if e.installed && n.base[id] && n.effective(id) == n.native && !slices.ContainsFunc(q.wishes, misfit) {
			installed = append(installed, id)
		}
	}
	if n.opt.KeepInstalled {
		slices.SortStableFunc(q.entries, func(a, b entryID) int { return boolToInt(n.carried[b]) - boolToInt(n.carried[a]) })
		q.entries = append(installed, q.entries...)
	} else {
		q.entries = append(q.entries, installed...)
	}
}

func intersect(a, b []entryID) (both []entryID) {
	for _, id := range a {
		if slices.Contains(b, id) {
			both = append(both, id)
		}
	}
	return both
}
