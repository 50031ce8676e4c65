package resolver

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Options change what Resolve takes.
type Options struct {
	// Recommends takes what packages recommend, where it can be had.
	Recommends bool
	// Suggests takes what packages suggest, likewise.
	Suggests bool
	// Exclude names packages that must not be carried, whatever needs them.
	Exclude []Request
	// ExcludesElse reports whether a request of Exclude names something that is in no universe. Nil: none does.
	ExcludesElse func(Request) bool
	// BaseEssential says that the nodes have the Essential packages with all they
	// need. They also have what AddBases has added.
	BaseEssential bool
	// KeepInstalled answers a request with what is installed where it fits.
	KeepInstalled bool
	// Prefer names the pins of the lock before. They win over higher versions
	// and over other alternatives as long as the requests allow them.
	Prefer func(*Package) bool
}

// A Closure is a result of Resolve.
type Closure struct {
	// Packages are what was asked for and all it needs, sorted by name, version
	// and architecture. Each requested package can be installed from them alone.
	Packages []*Package
	// Requested are those of them that the requests name, sorted likewise.
	Requested []*Package
	// Sets are what installs each set on a node, by name and then in the order of
	// the definition's architectures.
	Sets []ClosureSet
	// Warnings are for the user: what was left out or replaced, and why.
	Warnings []string
}

// A ClosureSet is a set on nodes of one architecture.
type ClosureSet struct {
	Name, Architecture string
	// Packages can be installed together, each after those before it: see search.order.
	Packages []*Package
	// Requested are those of them that come for their own sake: named by the set, or
	// recommended or suggested.
	Requested []*Package
}

// Resolve finds the closure of requests and sets, as Policy 7 and apt have it,
// for bare nodes: an empty dpkg status, without even the Essential packages. What
// nodes have already (AddBases, BaseEssential) is left out unless a request
// names it. It stays as it is, or gives way to a higher version of itself, or else to its
// replacement, if something needs that; nothing else may exclude it.
//
// A request that names no architecture means the package for each of the
// definition's architectures that has it; "name:arm64" means that one alone. Each
// architecture is resolved by itself, for nodes that have no other. So a set is
// a list for all architectures, free of conflicts within each.
//
// All requests for one package hold together: of "foo" and "foo (<< 2)" comes one
// foo. What is requested is taken in the highest version; what it needs, too,
// where that works. As far as possible everything is installable together.
// Requests that exclude each other are all carried, each with what it needs.
//
// It is an error, which says what there is instead, when a request finds nothing,
// when a package that some architecture has is not there in the version asked
// for, when requests contradict each other, and when a requested package or a set
// cannot be installed. A package that only a wildcard or pattern names is then left
// out, with a warning.
func (u *Universe) Resolve(ctx context.Context, requests []Request, sets map[string][]Request, opt Options) (*Closure, error) {
	u.BuildIndex()
	r := &resolution{Universe: u, opt: opt}
	wishes := wishesOf(requests, sets)
	for _, idle := range u.exclude(opt.Exclude) {
		if slices.ContainsFunc(wishes, func(w wish) bool { return w.installed != nil && w.isExcludedBy(idle) }) || opt.ExcludesElse != nil && opt.ExcludesElse(idle) {
			continue
		}
		warning := fmt.Sprintf("%sexclude: %s: there is no such package", wish{Request: idle}.position(), idle.String())
		if name, known := u.nameIDs[idle.Pattern]; known && len(u.providers.Of(name)) > 0 {
			warning = fmt.Sprintf("%sexclude: %s: a virtual package; exclude what provides it: %s", wish{Request: idle}.position(), idle.String(), Enumerate(u.providerNames(name), "and"))
		}
		r.warnings = append(r.warnings, warning)
	}
	if err := u.checkInstalledOn(wishes); err != nil {
		return nil, err
	}
	matches, err := u.matchAll(wishes)
	if err != nil {
		return nil, err
	}
	r.warnInstalledOn(wishes, matches)
	for index := range u.Nodes {
		if err := r.resolve(ctx, index, wishes, matches[index]); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(r.sets, func(a, b ClosureSet) int { return strings.Compare(a.Name, b.Name) })
	return &Closure{Packages: u.sorted(r.carried), Requested: u.sorted(r.requested), Sets: r.sets, Warnings: r.warnings}, nil
}

// A resolution is a Resolve at work.
type resolution struct {
	*Universe
	opt       Options
	carried   []EntryID
	requested []EntryID
	sets      []ClosureSet
	warnings  []string
}

// resolve adds the closure of one architecture. It puts as many units as
// possible into one group that is installable together, and so on with the rest.
func (r *resolution) resolve(ctx context.Context, index int, wishes []wish, matches []match) error {
	n := r.NewNode(index, &r.opt)
	if err := r.computeBase(ctx, n); err != nil {
		return err
	}
	units, err := n.units(wishes, matches)
	if err != nil {
		return err
	}
	checked, alone := make(map[*Unit]bool), NewSearch(n, nil)
	for len(units) > 0 {
		s := NewSearch(n, asksOf(units))
		if err := s.Run(ctx); err != nil {
			return err
		}
		again, err := r.check(ctx, s, alone, &units, checked)
		if err != nil {
			return err
		}
		if again {
			continue
		}
		if r.opt.Recommends || r.opt.Suggests {
			if err := s.recommend(ctx); err != nil {
				return err
			}
		}
		var rest []*Unit
		for _, u := range units {
			switch {
			case s.Excluded[u]:
				rest = append(rest, u)
			case u.Set != "":
				set := ClosureSet{Name: u.Set, Architecture: r.Architectures[n.Native]}
				all, requested := s.needed(u)
				for _, id := range s.order(all) {
					set.Packages = append(set.Packages, r.pkg(id))
				}
				set.Requested = r.sorted(requested)
				r.sets = append(r.sets, set)
				r.warnSet(s, u)
			default:
				r.requested = append(r.requested, s.chosenFor(u)...)
			}
		}
		r.warnRemovals(s)
		own := s.ownTrail()
		r.carried = append(r.carried, own...)
		n.carry(own)
		units = rest
	}
	r.warnVersions(n)
	return nil
}

// asksOf returns what units ask, in order. A package that is requested for itself
// comes in its best version or in another group.
func asksOf(units []*Unit) (asks []Ask) {
	for _, u := range units {
		for _, a := range u.Asks {
			if u.Set == "" {
				a.Options = a.Options[:1]
			}
			asks = append(asks, a)
		}
	}
	return asks
}

// check looks at each unit that s excluded, by itself, in the search alone. It drops versions that can
// never be installed, and units of which none can be; then the group has to be
// tried again.
func (r *resolution) check(ctx context.Context, s, alone *Search, units *[]*Unit, checked map[*Unit]bool) (again bool, err error) {
	var rest []*Unit
	for _, u := range *units {
		rest = append(rest, u)
		if !s.Excluded[u] || checked[u] {
			continue
		}
		checked[u] = true
		alone.Restart(u.Asks)
		if err := alone.Run(ctx); err != nil {
			return false, err
		}
		if alone.Excluded[u] {
			why := s.explain(ctx, u)
			if !u.optional {
				return false, why
			}
			r.warnings = append(r.warnings, "left out: "+why.Error())
			rest, again = rest[:len(rest)-1], true
			continue
		}
		for i := range u.Asks {
			a := &u.Asks[i]
			if first := slices.IndexFunc(a.Options, func(id EntryID) bool { return alone.chosen[id] }); first > 0 && u.Set == "" {
				if r.Entries[a.Options[first]].installed {
					r.warnings = append(r.warnings, fmt.Sprintf("%s is not carried: the nodes have %s already", r.pkg(a.Options[0]), r.pkg(a.Options[first]).Version))
				} else {
					r.warnings = append(r.warnings, fmt.Sprintf("%s cannot be installed; the closure has %s instead", r.pkg(a.Options[0]), r.pkg(a.Options[first])))
				}
				a.Options, again = a.Options[first:], true
			}
		}
	}
	*units = rest
	return again, nil
}

// carry lets later groups prefer what the closure has.
func (n *Node) carry(ids []EntryID) {
	if n.carried == nil {
		n.carried = make(map[EntryID]bool)
	}
	for _, id := range ids {
		n.carried[id] = true
	}
	clear(n.Links) // their order of preference has changed
}

// A wish is a request and the list that it stands in.
type wish struct {
	Request
	set string // empty: the list of packages
}

func (w wish) String() string {
	if w.set != "" && w.set != UnnamedSet {
		return w.text + " (set " + w.set + ")"
	}
	return w.text
}

// position says where the request stands: "mirror.yaml:7: ", or nothing.
func (w wish) position() string {
	if w.Where == "" {
		return ""
	}
	return w.Where + ": "
}

// wishesOf returns all requests in an order that does not depend on how they were
// written down.
func wishesOf(requests []Request, sets map[string][]Request) (wishes []wish) {
	add := func(set string, requests []Request) {
		sorted := slices.Clone(requests)
		slices.SortStableFunc(sorted, func(a, b Request) int {
			return cmp.Or(strings.Compare(a.text, b.text), boolToInt(a.installed != nil)-boolToInt(b.installed != nil))
		})
		for _, r := range slices.CompactFunc(sorted, func(a, b Request) bool { return a.text == b.text }) {
			wishes = append(wishes, wish{r, set})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(sets)) {
		add(name, sets[name])
	}
	add("", requests)
	return wishes
}
