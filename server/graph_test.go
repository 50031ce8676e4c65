package server

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/imagetest"
)

// A graph that many want at once is made once; who leaves takes nothing from others; a failure is not kept.
func TestLazyGraph(t *testing.T) {
	var l lazyGraph
	failure := errors.New("unreadable")
	if _, err := l.get(t.Context(), func(context.Context) (*graph, error) { return nil, failure }); err != failure {
		t.Fatal(err)
	}
	func() {
		defer func() { recover() }()
		l.get(t.Context(), func(context.Context) (*graph, error) { panic("a catalog that nobody thought of") })
	}()

	begun, end := make(chan struct{}), make(chan struct{})
	want, made := new(graph), 0
	build := func(ctx context.Context) (*graph, error) {
		made++
		close(begun)
		<-end
		return want, ctx.Err()
	}
	var all sync.WaitGroup
	first, leave := context.WithCancel(t.Context())
	all.Go(func() {
		if g, err := l.get(first, build); g != want || err != nil {
			t.Errorf("the first: %v", err)
		}
	})
	<-begun
	leave() // and yet it is made
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.get(gone, build); err != context.Canceled {
		t.Errorf("who has gone: %v", err)
	}
	for range 50 {
		all.Go(func() {
			if g, err := l.get(t.Context(), build); g != want || err != nil {
				t.Errorf("one of many: %v", err)
			}
		})
	}
	close(end)
	all.Wait()
	if g, err := l.get(gone, build); g != want || err != nil || made != 1 {
		t.Errorf("later: %v, made %d times", err, made)
	}
}

// Random needs, held against a plain search of the shortest way.
func TestGraphWays(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 5))
		s, needs := needyServer(t, 60, 40, func(int) int { return random.IntN(3) }, random)
		g, err := s.newGraph(t.Context())
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
			chain := g.why("plain", name)
			if len(chain) != distance[name] {
				t.Fatalf("seed %d: %s: %q, want %d names", seed, name, chain, distance[name])
			}
			for i := 1; i < len(chain); i++ {
				if !slices.Contains(needs[chain[i-1]], chain[i]) {
					t.Fatalf("seed %d: %s does not need %s", seed, chain[i-1], chain[i])
				}
			}
		}
		if g.why("plain", "none") != nil || g.why("other", "name-000000") != nil || g.neededBy("plain", "none") != nil {
			t.Error("a name that is not carried has a way")
		}
	}
}

// needyKind reads what an artifact needs from its Metadata.
type needyKind struct{ artifact.Kind }

func (needyKind) Name() string                    { return imagetest.Kind }
func (needyKind) Needs(a *artifact.Item) []string { return strings.Fields(a.Metadata[0]) }

// needyServer has artifacts, of which the first is requested, and aliases; each artifact needs so many of them. needs
// has the edges, from aliases, too.
func needyServer(t testing.TB, artifacts, aliases int, count func(int) int, random *rand.Rand) (s *Server, needs map[string][]string) {
	t.Helper()
	m := imagetest.New(t, imagetest.Spec{})
	needs = map[string][]string{}
	name := func(at int) string {
		if at >= artifacts {
			return fmt.Sprintf("virtual-%06d", at-artifacts)
		}
		return fmt.Sprintf("name-%06d", at)
	}
	for i := range artifacts {
		a := artifact.Item{Kind: imagetest.Kind, Source: imagetest.Source, Name: name(i), Version: "1.2-3", Requested: i == 0, Attributes: artifact.Attributes{{Name: "architecture", Values: []string{"any"}}}, Files: []artifact.File{{SHA256: strings.Repeat("0", 64), Path: "pool/" + name(i), URLs: []string{"http://mirror.example.org/" + name(i)}}}}
		for range count(i) {
			needs[a.Name] = append(needs[a.Name], name(random.IntN(artifacts+aliases)))
		}
		needs[a.Name] = slices.DeleteFunc(needs[a.Name], func(n string) bool { return n == a.Name })
		a.Metadata = []string{strings.Join(needs[a.Name], " ") + " elsewhere"}
		m.Catalog.Items = append(m.Catalog.Items, a)
		m.Catalog.Files = append(m.Catalog.Files, image.File{Path: a.ID(), Layer: 1, SHA256: a.Files[0].SHA256})
	}
	for i := range aliases {
		alias := image.Alias{Kind: imagetest.Kind, Name: name(artifacts + i)}
		for range 1 + random.IntN(3) {
			alias.Of = append(alias.Of, name(random.IntN(artifacts)))
		}
		slices.Sort(alias.Of)
		alias.Of = slices.Compact(alias.Of)
		needs[alias.Name] = alias.Of
		m.Catalog.Aliases = append(m.Catalog.Aliases, alias)
	}
	slices.SortFunc(m.Catalog.Files, func(a, b image.File) int { return strings.Compare(a.Path, b.Path) })
	dir := filepath.Join(t.TempDir(), "oci")
	imagetest.WriteDir(t, dir, m.Layout(t))
	img, err := image.Open(image.Reference{Transport: image.OCI, Path: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { img.Close() })
	return &Server{image: img, items: newItemPlaces(img), mounts: []mount{{kind: needyKind{}}}}, needs
}

// BenchmarkGraph makes the graph of as many artifacts as a distribution has, and tells what is kept.
func BenchmarkGraph(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	s, _ := needyServer(b, 60_000, 30_000, func(int) int { return random.IntN(20) }, random)
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	var g *graph
	var err error
	for b.Loop() {
		if g, err = s.newGraph(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	after := heap()
	b.ReportMetric(float64(after-before)/1e6, "MB-kept")
	b.ReportMetric(float64(len(g.edges)), "edges")
	runtime.KeepAlive(g)
}

func BenchmarkSearch(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	s, _ := needyServer(b, 60_000, 30_000, func(int) int { return 0 }, random)
	for _, text := range []string{"", "name-03", "nothing"} {
		b.Run("q="+text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := s.search(b.Context(), query{text: text, limit: 0}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
