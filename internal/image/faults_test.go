package image_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/imagetest"
	"github.com/minimirror/minimirror/internal/image/registry"
)

// A fault changes the answer to requests for parts of the layer of artifacts.
type fault func(n int, w http.ResponseWriter, r *http.Request, next http.Handler)

func TestFetchThroughFaults(t *testing.T) {
	m, want := many(t, 40, 30_000)
	layout := m.Layout(t)
	big := hexOf(m.Layers(t)[1])
	cut := func(w http.ResponseWriter, r *http.Request, next http.Handler, after int) {
		next.ServeHTTP(&short{w, after}, r)
	}
	for name, test := range map[string]struct {
		fault fault
		want  string // an error
	}{
		"cut": {func(n int, w http.ResponseWriter, r *http.Request, next http.Handler) { cut(w, r, next, 70_000) }, ""},
		"cut at once": {func(n int, w http.ResponseWriter, r *http.Request, next http.Handler) {
			cut(w, r, next, 100_000*(n%3))
		}, ""},
		"always cut": {func(n int, w http.ResponseWriter, r *http.Request, next http.Handler) { cut(w, r, next, 0) }, "connection closed"},
		"busy": {func(n int, w http.ResponseWriter, r *http.Request, next http.Handler) {
			if n < 3 {
				w.Header().Set("Retry-After", "7")
				http.Error(w, "busy", []int{429, 503, 500}[n])
				return
			}
			next.ServeHTTP(w, r)
		}, ""},
		"always busy": {func(n int, w http.ResponseWriter, r *http.Request, next http.Handler) { http.Error(w, "busy", 503) }, "503"},
		"gone":        {func(n int, w http.ResponseWriter, r *http.Request, next http.Handler) { http.NotFound(w, r) }, "404"},
		"no range, now": {func(n int, w http.ResponseWriter, r *http.Request, next http.Handler) {
			r.Header.Del("Range")
			next.ServeHTTP(w, r)
		}, ""},
		"no range, and cut": {func(n int, w http.ResponseWriter, r *http.Request, next http.Handler) {
			r.Header.Del("Range")
			cut(w, r, next, 300_000*(n+1))
		}, ""},
		"416": {func(n int, w http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.Header.Get("Range") != "" {
				http.Error(w, "no", 416)
				return
			}
			next.ServeHTTP(w, r)
		}, ""},
		"another range, once": {func(n int, w http.ResponseWriter, r *http.Request, next http.Handler) {
			if n == 0 {
				r.Header.Set("Range", "bytes=0-99999")
			}
			next.ServeHTTP(w, r)
		}, ""},
		"another range": {func(n int, w http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.Header.Get("Range") != "" {
				r.Header.Set("Range", "bytes=512-100000")
			}
			next.ServeHTTP(w, r)
		}, ""},
		"a range that lies": {func(n int, w http.ResponseWriter, r *http.Request, next http.Handler) {
			claimed := strings.TrimPrefix(r.Header.Get("Range"), "bytes=")
			r.Header.Set("Range", "bytes=512-2000000")
			next.ServeHTTP(&renamed{w, fmt.Sprintf("bytes %s/%d", claimed, len(m.Layers(t)[1]))}, r)
		}, "sha256 mismatch"},
		"shorter ranges": {func(n int, w http.ResponseWriter, r *http.Request, next http.Handler) {
			from, to, _ := strings.Cut(strings.TrimPrefix(r.Header.Get("Range"), "bytes="), "-")
			first, _ := strconv.Atoi(from)
			last, _ := strconv.Atoi(to)
			r.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", first, min(first+99_999, last)))
			next.ServeHTTP(w, r)
		}, ""},
		"several ranges": {func(n int, w http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.Header.Get("Range") != "" {
				r.Header.Set("Range", "bytes=0-9,20-29")
			}
			next.ServeHTTP(w, r)
		}, ""},
		"wrong bytes, once": {func(n int, w http.ResponseWriter, r *http.Request, next http.Handler) {
			next.ServeHTTP(&spoiled{w, n == 0}, r)
		}, ""},
		"wrong bytes": {func(n int, w http.ResponseWriter, r *http.Request, next http.Handler) {
			next.ServeHTTP(&spoiled{w, true}, r)
		}, "sha256 mismatch"},
		"wrong whole": {func(n int, w http.ResponseWriter, r *http.Request, next http.Handler) {
			r.Header.Del("Range")
			next.ServeHTTP(&spoiled{w, true}, r)
		}, "sha256 mismatch"},
		"shorter whole": {func(n int, w http.ResponseWriter, r *http.Request, next http.Handler) {
			w.WriteHeader(200)
			w.Write(make([]byte, 1000))
		}, "size mismatch"},
		"drip, then nothing": {func(n int, w http.ResponseWriter, r *http.Request, next http.Handler) {
			if n < 2 {
				w.Header().Set("Content-Length", "1000000")
				w.Header().Set("Content-Range", "bytes "+strings.TrimPrefix(r.Header.Get("Range"), "bytes=")+"/*")
				w.WriteHeader(206)
				http.NewResponseController(w).Flush()
				<-r.Context().Done()
				return
			}
			next.ServeHTTP(w, r)
		}, ""},
		"in circles": {func(n int, w http.ResponseWriter, r *http.Request, next http.Handler) {
			http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
		}, "redirects"},
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			n := 0
			server := imagetest.NewRegistry(t, layout, func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if !strings.Contains(r.URL.Path, big) {
						next.ServeHTTP(w, r)
						return
					}
					mu.Lock()
					k := n
					n++
					mu.Unlock()
					test.fault(k, w, r, next)
				})
			})
			var waited []time.Duration
			o := image.Options{Parallel: 1, Registry: registry.Options{Stall: 500 * time.Millisecond, Wait: func(_ context.Context, d time.Duration) error {
				waited = append(waited, d)
				if name == "busy" {
					time.Sleep(600 * time.Millisecond) // longer than a request may stall
				}
				return nil
			}}}
			r := reader(t, server.Reference(), o)
			var paths []string
			for path := range want {
				paths = append(paths, strings.TrimPrefix(path, "files/"))
			}
			d := newDesk()
			err := r.Fetch(t.Context(), records(t, r, paths...), d.take)
			if test.want != "" {
				if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(test.want, "mismatch") && !errors.Is(err, artifact.ErrVerify) {
					t.Error(err)
				}
				for path, content := range d.files {
					if content != want[path] {
						t.Errorf("%s was delivered wrong", path)
					}
				}
			} else if err != nil || !maps.Equal(d.files, want) {
				t.Errorf("%d files of %d: %v", len(d.files), len(want), err)
			}
			asked := slices.DeleteFunc(waited, func(d time.Duration) bool { return d < 7*time.Second }) // and not for a busy machine
			if name == "busy" && len(asked) != 3 {
				t.Errorf("waited %v", waited)
			}
			if n > 60 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

// short cuts the connection after some bytes.
type short struct {
	http.ResponseWriter
	left int
}

func (s *short) Write(p []byte) (int, error) {
	if len(p) > s.left {
		s.ResponseWriter.Write(p[:s.left])
		http.NewResponseController(s.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	s.left -= len(p)
	return s.ResponseWriter.Write(p)
}

// renamed states a range of its own.
type renamed struct {
	http.ResponseWriter
	text string
}

func (r *renamed) WriteHeader(status int) {
	r.Header().Set("Content-Range", r.text)
	r.ResponseWriter.WriteHeader(status)
}

// spoiled changes a byte.
type spoiled struct {
	http.ResponseWriter
	now bool
}

func (s *spoiled) Write(p []byte) (int, error) {
	if s.now {
		p = slices.Clone(p)
		p[len(p)/2] ^= 1
		s.now = false
	}
	return s.ResponseWriter.Write(p)
}
