package fetch

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/cache"
	"github.com/minimirror/minimirror/internal/transfer"
)

// Run by run: the first ends in the middle, the next goes on.
func TestNextRunGoesOn(t *testing.T) {
	content := func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "", time.Unix(1, 0), bytes.NewReader(body))
	}
	half := len(body) / 2
	for name, c := range map[string]struct {
		part   []byte // what the first run had
		server http.HandlerFunc
		first  http.HandlerFunc // of another address, asked first
		ranges []string
	}{
		"goes on":          {body[:half], content, nil, []string{"bytes=80000-"}},
		"one byte is left": {body[:len(body)-1], content, nil, []string{"bytes=159999-"}},
		"all is there":     {body, content, nil, nil},
		"all is wrong":     {bytes.ToUpper(body), content, nil, []string{""}},
		"a wrong part":     {bytes.ToUpper(body)[:half], content, nil, []string{"bytes=80000-", ""}},
		"no ranges":        {body[:half], func(w http.ResponseWriter, r *http.Request) { w.Write(body) }, nil, []string{"bytes=80000-"}},
		"no such range": {body[:half], func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") != "" {
				w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
				return
			}
			w.Write(body)
		}, nil, []string{"bytes=80000-", ""}},
		"the first address is gone": {body[:half], content, http.NotFound, []string{"bytes=80000-"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := client(t)
			w, err := f.Cache.Resume(contentOf(body))
			if err != nil {
				t.Fatal(err)
			}
			_, err = w.Write(c.part)
			if err := errors.Join(err, w.Close()); err != nil {
				t.Fatal(err)
			}
			var mu sync.Mutex
			var ranges []string
			urls := []string{serve(t, func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				ranges = append(ranges, r.Header.Get("Range"))
				mu.Unlock()
				c.server(w, r)
			}) + "/x"}
			if c.first != nil {
				urls = slices.Insert(urls, 0, serve(t, c.first)+"/x")
			}
			a := pinned(urls...)
			if err := f.One(context.Background(), a); err != nil {
				t.Fatal(err)
			}
			if _, err := f.Cache.Check(contentOf(body)); err != nil {
				t.Error(err)
			}
			if !slices.Equal(ranges, c.ranges) {
				t.Errorf("asked for %q, want %q", ranges, c.ranges)
			}
		})
	}
}

// What a cancelled run had is there for the next; what was wrong is not.
func TestWhatIsKeptForTheNextRun(t *testing.T) {
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		want    int
	}{
		"cut": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "160000")
			w.Write(body[:100_000])
			http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, 1},
		"wrong":  {func(w http.ResponseWriter, r *http.Request) { w.Write(bytes.ToUpper(body)) }, 0},
		"absent": {http.NotFound, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, err := cache.Open(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			f, err := New(store, slog.New(slog.DiscardHandler), "test", transfer.Options{Wait: noWait})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			received := int64(0)
			f.Received = func(n int64) {
				if received += n; received == 100_000 && name == "cut" {
					cancel()
				}
			}
			if f.One(ctx, pinned(serve(t, c.handler)+"/x")) == nil {
				t.Fatal("no error")
			}
			kept, err := os.ReadDir(store.Dir() + "/part")
			if err != nil || len(kept) != c.want {
				t.Errorf("%d parts, want %d: %v", len(kept), c.want, err)
			}
		})
	}
}
