package inventory

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/catalog"
	"github.com/minimirror/minimirror/internal/image/imagetest"
	"github.com/minimirror/minimirror/internal/needs"
)

// A graph that many want at once is made once; who leaves takes nothing from others; a failure is not kept.
func TestLazyGraph(t *testing.T) {
	var l lazy[needs.Graph]
	failure := errors.New("unreadable")
	if _, err := l.get(t.Context(), func(context.Context) (*needs.Graph, error) { return nil, failure }); err != failure {
		t.Fatal(err)
	}
	func() {
		defer func() { recover() }()
		l.get(t.Context(), func(context.Context) (*needs.Graph, error) { panic("a catalog that nobody thought of") })
	}()

	begun, end := make(chan struct{}), make(chan struct{})
	want, made := new(needs.Graph), 0
	build := func(ctx context.Context) (*needs.Graph, error) {
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

// largeInventory has so many items and aliases.
func largeInventory(t testing.TB, items, aliases int) *Inventory {
	t.Helper()
	m := imagetest.New(t, imagetest.Spec{})
	for i := range items {
		name := fmt.Sprintf("name-%06d", i)
		a := artifact.Item{Kind: imagetest.Kind, Source: imagetest.Source, Name: name, Version: "1.2-3", Files: []artifact.File{{SHA256: strings.Repeat("0", 64), Path: "pool/" + name}}}
		m.Catalog.Items = append(m.Catalog.Items, a)
		m.Catalog.Files = append(m.Catalog.Files, catalog.File{Path: a.ID(), Layer: 1, SHA256: a.Files[0].SHA256})
	}
	for i := range aliases {
		m.Catalog.Aliases = append(m.Catalog.Aliases, catalog.Alias{Kind: imagetest.Kind, Name: fmt.Sprintf("virtual-%06d", i), Of: []string{fmt.Sprintf("name-%06d", i)}})
	}
	slices.SortFunc(m.Catalog.Files, func(a, b catalog.File) int { return strings.Compare(a.Path, b.Path) })
	dir := filepath.Join(t.TempDir(), "oci")
	imagetest.WriteDir(t, dir, m.Layout(t))
	img, err := image.Open(image.Reference{Transport: image.OCI, Path: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { img.Close() })
	return New(Options{Image: img, Missed: func(*http.Request, string, string) {}})
}

func BenchmarkSearch(b *testing.B) {
	s := largeInventory(b, 60_000, 30_000)
	for _, text := range []string{"", "name-03", "nothing"} {
		b.Run("q="+text, func(b *testing.B) {
			b.ReportAllocs()
			r := httptest.NewRequest("GET", "/-/search", nil)
			for b.Loop() {
				if _, _, err := s.Search(r, Query{Text: text}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
