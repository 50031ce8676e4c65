package needs

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/catalog"
)

// TestWays compares the graph of random needs with a plain search of the shortest way.
func TestWays(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 5))
		catalog, needs := needyCatalog(60, 40, func(int) int { return random.IntN(3) }, random)
		g, err := New(t.Context(), catalog, []artifact.Kind{needyKind{}}, itemsOf(catalog))
		if err != nil {
			t.Fatal(err)
		}
		distance := map[string]int{"name-000000": 1}
		for queue := []string{"name-000000"}; len(queue) > 0; queue = queue[1:] {
			for _, to := range needs[queue[0]] {
				if _, seen := distance[to]; !seen {
					distance[to] = distance[queue[0]] + 1
					queue = append(queue, to)
				}
			}
		}
		for name := range needs {
			chain := g.Why("", testKind, name)
			if len(chain) != distance[name] {
				t.Fatalf("seed %d: %s: %q, want %d names", seed, name, chain, distance[name])
			}
			for i := 1; i < len(chain); i++ {
				if !slices.Contains(needs[chain[i-1]], chain[i]) {
					t.Fatalf("seed %d: %s does not need %s", seed, chain[i-1], chain[i])
				}
			}
		}
		if g.Why("", testKind, "none") != nil || g.Why("", "other", "name-000000") != nil || g.NeededBy("", testKind, "none") != nil {
			t.Error("a name that is not carried has a way")
		}
	}
}

// What a set requests is the start of a way, like what the definition requests.
func TestSetsRequest(t *testing.T) {
	catalog := &catalog.Catalog{
		Items: []artifact.Item{
			{Kind: testKind, Source: "s", Name: "a", Metadata: []string{"b"}, Files: []artifact.File{{Path: "a"}}},
			{Kind: testKind, Source: "s", Name: "b", Metadata: []string{""}, Files: []artifact.File{{Path: "b"}}},
		},
		Sets: []artifact.Set{{Name: "set", Requested: []string{"s/a"}, Items: []string{"s/b", "s/a"}}},
	}
	g, err := New(t.Context(), catalog, []artifact.Kind{needyKind{}}, itemsOf(catalog))
	if err != nil {
		t.Fatal(err)
	}
	if why := g.Why("", testKind, "b"); !slices.Equal(why, []string{"a", "b"}) {
		t.Errorf("%q", why)
	}
	if by := g.NeededBy("", testKind, "b"); !slices.Equal(by, []string{"a"}) {
		t.Errorf("%q", by)
	}
}

// Items of one system need none of another. What is for all systems, any item may need.
func TestSystems(t *testing.T) {
	catalog := &catalog.Catalog{Sources: []artifact.Source{{Name: "old", System: "old"}, {Name: "new", System: "new"}, {Name: "any"}}}
	for _, i := range []struct{ source, name, needs string }{
		{"old", "app", "lib shared"}, {"old", "lib", "only"}, {"old", "only", ""},
		{"new", "app", "virtual"}, {"new", "lib", "shared"}, {"new", "tool", "only"},
		{"any", "shared", ""},
	} {
		catalog.Items = append(catalog.Items, artifact.Item{Kind: testKind, Source: i.source, Name: i.name, Requested: i.name == "app", Metadata: []string{i.needs}, Files: []artifact.File{{Path: i.name}}})
	}
	catalog.Aliases = aliasesOf("virtual", "lib", "only")
	g, err := New(t.Context(), catalog, []artifact.Kind{needyKind{}}, itemsOf(catalog))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ system, name, why, by string }{
		{"old", "app", "[app]", "[]"},
		{"old", "lib", "[app lib]", "[app]"},
		{"old", "only", "[app lib only]", "[lib]"}, // and not tool, nor the other app by "virtual"
		{"new", "lib", "[app virtual lib]", "[app]"},
		{"new", "virtual", "[app virtual]", "[app]"},
		{"new", "tool", "[]", "[]"},
		{"new", "only", "[]", "[]"},
		{"", "shared", "[app shared]", "[app lib]"},
	} {
		if why, by := fmt.Sprint(g.Why(c.system, testKind, c.name)), fmt.Sprint(g.NeededBy(c.system, testKind, c.name)); why != c.why || by != c.by {
			t.Errorf("%s in %q: %s, needed by %s", c.name, c.system, why, by)
		}
	}
	for name, want := range map[string]string{"lib": "[new old]", "only": "[old]", "shared": "[]", "virtual": "[new old]", "none": "[]"} {
		if got := fmt.Sprint(g.Systems(testKind, name)); got != want {
			t.Errorf("%s is in %s", name, got)
		}
	}
}

func aliasesOf(name string, of ...string) []catalog.Alias {
	return []catalog.Alias{{Kind: testKind, Name: name, Of: of}}
}

const testKind = "plain"

// needyKind reads what an item needs from its Metadata.
type needyKind struct{ artifact.Kind }

func (needyKind) Name() string                    { return testKind }
func (needyKind) Needs(a *artifact.Item) []string { return strings.Fields(a.Metadata[0]) }

func itemsOf(c *catalog.Catalog) func(context.Context, func(*artifact.Item) error) error {
	return func(_ context.Context, take func(*artifact.Item) error) error {
		for i := range c.Items {
			if err := take(&c.Items[i]); err != nil {
				return err
			}
		}
		return nil
	}
}

// needyCatalog has items, of which the first is requested, and aliases; each item needs so many of them. needs
// has the edges, from aliases, too.
func needyCatalog(items, aliases int, count func(int) int, random *rand.Rand) (c *catalog.Catalog, needs map[string][]string) {
	c, needs = new(catalog.Catalog), map[string][]string{}
	name := func(at int) string {
		if at >= items {
			return fmt.Sprintf("virtual-%06d", at-items)
		}
		return fmt.Sprintf("name-%06d", at)
	}
	for i := range items {
		a := artifact.Item{Kind: testKind, Source: "s", Name: name(i), Requested: i == 0, Files: []artifact.File{{Path: name(i)}}}
		for range count(i) {
			needs[a.Name] = append(needs[a.Name], name(random.IntN(items+aliases)))
		}
		needs[a.Name] = slices.DeleteFunc(needs[a.Name], func(n string) bool { return n == a.Name })
		a.Metadata = []string{strings.Join(needs[a.Name], " ") + " elsewhere"}
		c.Items = append(c.Items, a)
	}
	for i := range aliases {
		alias := catalog.Alias{Kind: testKind, Name: name(items + i)}
		for range 1 + random.IntN(3) {
			alias.Of = append(alias.Of, name(random.IntN(items)))
		}
		slices.Sort(alias.Of)
		alias.Of = slices.Compact(alias.Of)
		needs[alias.Name] = alias.Of
		c.Aliases = append(c.Aliases, alias)
	}
	return c, needs
}

// BenchmarkGraph makes the graph of as many items as a distribution has, and tells what is kept.
func BenchmarkGraph(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	catalog, _ := needyCatalog(60_000, 30_000, func(int) int { return random.IntN(20) }, random)
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	var g *Graph
	var err error
	for b.Loop() {
		if g, err = New(b.Context(), catalog, []artifact.Kind{needyKind{}}, itemsOf(catalog)); err != nil {
			b.Fatal(err)
		}
	}
	after := heap()
	b.ReportMetric(float64(after-before)/1e6, "MB-kept")
	b.ReportMetric(float64(len(g.to.ends)), "edges")
	runtime.KeepAlive(g)
}

// BenchmarkNeededBy asks for all names, as inspect --details does.
func BenchmarkNeededBy(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	catalog, _ := needyCatalog(60_000, 30_000, func(int) int { return random.IntN(20) }, random)
	g, err := New(b.Context(), catalog, []artifact.Kind{needyKind{}}, itemsOf(catalog))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		for i := range catalog.Items {
			g.NeededBy("", testKind, catalog.Items[i].Name)
		}
	}
}
