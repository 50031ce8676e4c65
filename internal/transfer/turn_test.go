package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A window allows a number of requests, and answers 429 to more, until open is called again.
type window struct {
	allowed, refused, waits atomic.Int64
}

func (l *window) open(n int64) { l.allowed.Store(n) }

func (l *window) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if l.allowed.Add(-1) < 0 {
		l.refused.Add(1)
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusTooManyRequests)
		return
	}
	io.WriteString(w, r.URL.Path)
}

// TestTurn has many transfers meet a limit that allows one request in each window. One of them waits at a time, and none fails.
func TestTurn(t *testing.T) {
	const transfers = 40
	l := new(window)
	address := serve(t, l.ServeHTTP)
	c, err := New(Options{Parallel: 8, Wait: func(context.Context, time.Duration) error {
		l.waits.Add(1)
		l.open(1)
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range transfers {
		all.Go(func() {
			path := fmt.Sprint("/v2/a/blobs/", i)
			data, _, _, err := c.Bytes(t.Context(), Download{Addresses: URLs([]string{address + path}), Size: -1}, 100, nil)
			if err != nil || string(data) != path {
				t.Errorf("%s: %q, %v", path, data, err)
			}
		})
	}
	all.Wait()
	if waits := l.waits.Load(); waits != transfers {
		t.Errorf("%d waits for %d windows", waits, transfers)
	}
}

// TestTurnEnds shows that the others ask when the one that waited for all has given up, or was stopped.
func TestTurnEnds(t *testing.T) {
	l := new(window)
	address := serve(t, l.ServeHTTP)
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped")
	waiting := make(chan struct{})
	c, err := New(Options{Wait: func(wait context.Context, _ time.Duration) error {
		close(waiting)
		<-wait.Done()
		return context.Cause(wait)
	}})
	if err != nil {
		t.Fatal(err)
	}
	get := func(ctx context.Context, path string) error {
		_, _, _, err := c.Bytes(ctx, Download{Addresses: URLs([]string{address + path}), Size: -1}, 100, nil)
		return err
	}
	var all sync.WaitGroup
	all.Go(func() {
		if err := get(ctx, "/v2/a/blobs/leader"); !errors.Is(err, stopped) {
			t.Error("the one that waits:", err)
		}
	})
	<-waiting
	l.open(2)
	if refused := l.refused.Load(); refused != 1 {
		t.Error(refused, "requests were refused")
	}
	all.Go(func() {
		if err := get(t.Context(), "/v2/a/blobs/other"); err != nil {
			t.Error("another:", err)
		}
	})
	other, end := context.WithCancelCause(t.Context())
	end(stopped)
	if err := get(other, "/v2/a/blobs/third"); !errors.Is(err, stopped) {
		t.Error("one that is stopped while it waits for the other:", err)
	}
	cancel(stopped)
	all.Wait()
	if refused := l.refused.Load(); refused != 1 {
		t.Error(refused, "requests were refused at the end")
	}
}
