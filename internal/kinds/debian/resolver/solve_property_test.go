package resolver

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
)

// outcome writes all that Resolve says.
func outcome(closure *Closure, err error) string {
	if err != nil {
		return "error"
	}
	text := texts(closure.Packages)
	for _, name := range []string{"one", "two"} {
		text += "; " + name + ": " + texts(setNamed(closure, name))
	}
	return text
}

// The way out of a dead end has no influence, nor has the order of stanzas and
// requests, nor have unrelated packages. Nothing is added to what was locked.
func TestResolveDependsOnMeaningOnly(t *testing.T) {
	for seed := range uint64(100) {
		random := rand.New(rand.NewPCG(seed, 0))
		archive := debiantest.RandomArchive(random, 40, 6)
		c := solveCase{requests: debiantest.RandomRequests(random, 40, 6), recommends: seed%3 == 0, sets: map[string]string{}}
		if seed%2 == 0 {
			c.sets["one"] = debiantest.RandomRequests(random, 40, 3)
		}
		x := index("bookworm", archive)
		plain := outcome(c.resolve(t, newTestUniverse(t, x)))

		if first, err := c.resolve(t, newTestUniverse(t, x)); err == nil {
			again := c
			for _, p := range first.Packages {
				again.locked += ", " + p.Name + " " + p.Version
			}
			second, err := again.resolve(t, newTestUniverse(t, x))
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range second.Packages { // less may do, where dead ends are known from the start
				if !strings.Contains(again.locked+",", ", "+p.Name+" "+p.Version+",") {
					t.Errorf("seed %d: locked again, %v is new", seed, p)
				}
			}
		}
		for _, patience := range []int{0, 1, 1 << 30} {
			u := newTestUniverse(t, x)
			u.patience = patience
			if got := outcome(c.resolve(t, u)); got != plain {
				t.Errorf("seed %d: patience %d:\ngot  %s\nwant %s", seed, patience, got, plain)
			}
		}
		stanzas := append(x.stanzas(), index("bookworm", `
q1 1
 Depends: p1, p2 (<< 2) | p3
 Conflicts: p4
 Provides: unrelated, q2 (= 3)
q2 1
`).stanzas()...)
		random.Shuffle(len(stanzas), func(i, j int) { stanzas[i], stanzas[j] = stanzas[j], stanzas[i] })
		requests := strings.Split(c.requests, ";")
		random.Shuffle(len(requests), func(i, j int) { requests[i], requests[j] = requests[j], requests[i] })
		c.requests = strings.Join(requests, ";")
		u := NewUniverse("amd64")
		u.Add(x.Origin, []byte(strings.Join(stanzas, "\n")))
		if got := outcome(c.resolve(t, u)); got != plain {
			t.Errorf("seed %d: in another order:\ngot  %s\nwant %s", seed, got, plain)
		}
	}
}

// What is found is right, and what is not found is not there: all combinations
// of a few packages are tried.
func TestResolveAgainstAllCombinations(t *testing.T) {
	solved, refused, apart := 0, 0, 0
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		const names = 6
		u := newTestUniverse(t, index("bookworm", debiantest.RandomArchive(random, names, 5)))
		c := solveCase{requests: debiantest.RandomRequests(random, names, 3)}
		if seed%2 == 0 {
			c.sets = map[string]string{"one": debiantest.RandomRequests(random, names, 3)}
		}
		closure, err := c.resolve(t, u)
		worlds := combinations(u)
		fits := func(world []*Package, request string) bool {
			r := parseRequestList(t, request)[0]
			return slices.ContainsFunc(world, func(p *Package) bool { return p.Name == r.Pattern && r.admits(p.Version) })
		}
		// possible tells whether all requests hold in one world.
		possible := func(requests string) bool {
			return slices.ContainsFunc(worlds, func(world []*Package) bool {
				for r := range strings.SplitSeq(requests, ";") {
					if !fits(world, r) {
						return false
					}
				}
				return true
			})
		}
		// All requests of one package hold together.
		hopeless := false
		all := strings.Split(c.requests, ";")
		for _, set := range c.sets {
			all = append(all, strings.Split(set, ";")...)
		}
		together := func(request string) string {
			same := slices.DeleteFunc(slices.Clone(all), func(s string) bool { return strings.Fields(s)[0] != strings.Fields(request)[0] })
			return strings.Join(same, ";")
		}
		for _, r := range all {
			hopeless = hopeless || !possible(together(r))
		}
		for _, set := range c.sets {
			var joined []string
			for r := range strings.SplitSeq(set, ";") {
				joined = append(joined, together(r))
			}
			hopeless = hopeless || !possible(strings.Join(joined, ";"))
		}
		if hopeless != (err != nil) {
			t.Errorf("seed %d: %s, %v: error %v", seed, c.requests, c.sets, err)
			continue
		}
		if hopeless {
			refused++
			continue
		}
		solved++
		subset := func(world []*Package) bool {
			return !slices.ContainsFunc(world, func(p *Package) bool { return !slices.Contains(closure.Packages, p) })
		}
		if !slices.ContainsFunc(worlds, func(w []*Package) bool { return reflect.DeepEqual(w, closure.Packages) }) {
			apart++
		}
		for _, r := range all {
			if !slices.ContainsFunc(worlds, func(w []*Package) bool { return subset(w) && fits(w, r) }) {
				t.Errorf("seed %d: %s does not install from %s", seed, r, texts(closure.Packages))
			}
		}
		for _, set := range closure.Sets {
			name, set := set.Name, setNamed(closure, set.Name)
			if !slices.ContainsFunc(worlds, func(w []*Package) bool { return reflect.DeepEqual(w, set) }) || !subset(set) {
				t.Errorf("seed %d: set %s: %s does not install", seed, name, texts(set))
			}
			for r := range strings.SplitSeq(c.sets[name], ";") {
				if !fits(set, r) {
					t.Errorf("seed %d: set %s: %s is not in %s", seed, name, r, texts(set))
				}
			}
		}
	}
	if solved < 50 || refused < 20 || apart < 5 {
		t.Errorf("the archives are too easy or too hard: %d solved, %d of them not all at once, %d refused", solved, apart, refused)
	}
}

// combinations returns every list of packages that can be installed together.
// It reads the stanzas in its own, plain way.
func combinations(u *Universe) (worlds [][]*Package) {
	packages := u.All()
	type parsed struct{ depends, conflicts, provides []deb822.Clause }
	var fields []parsed
	for _, p := range packages {
		read := func(name string) []deb822.Clause {
			clauses, _ := deb822.ParseClauses(deb822.StanzaField(p.Stanza(0), name))
			return clauses
		}
		fields = append(fields, parsed{read("Depends"), append(read("Conflicts"), read("Breaks")...), read("Provides")})
	}
	meets := func(i int, r deb822.Relation) bool {
		if packages[i].Name == r.Name && r.Op.Holds(packages[i].Version, r.Version) {
			return true
		}
		for _, c := range fields[i].provides {
			if c[0].Name == r.Name && (r.Op == deb822.AnyVersion || c[0].Version != "" && r.Op.Holds(c[0].Version, r.Version)) {
				return true
			}
		}
		return false
	}
	for mask := range 1 << len(packages) {
		var world []int
		for i := range packages {
			if mask>>i&1 == 1 {
				world = append(world, i)
			}
		}
		if installable := func() bool {
			for _, i := range world {
				for _, j := range world {
					if i != j && packages[i].Name == packages[j].Name {
						return false
					}
					for _, c := range fields[i].conflicts {
						if packages[i].Name != packages[j].Name && meets(j, c[0]) {
							return false
						}
					}
				}
				for _, c := range fields[i].depends {
					if !slices.ContainsFunc(world, func(j int) bool {
						return slices.ContainsFunc(c, func(r deb822.Relation) bool { return meets(j, r) })
					}) {
						return false
					}
				}
			}
			return true
		}; !installable() {
			continue
		}
		var list []*Package
		for _, i := range world {
			list = append(list, packages[i])
		}
		worlds = append(worlds, list)
	}
	return worlds
}
