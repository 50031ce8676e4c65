package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/transfer"
)

// first answers the first n requests with one handler, the others with another.
func first(n int32, a, b http.HandlerFunc) http.HandlerFunc {
	var requests atomic.Int32
	return func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1) <= n {
			a(w, r)
		} else {
			b(w, r)
		}
	}
}

// bare answers on the connection itself, and closes it.
func bare(answer string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			fmt.Fprint(conn, answer)
			conn.Close()
		}
	}
}

func status(code int, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(code)
	}
}

// withoutValidator honours ranges but never tells which file it is.
func withoutValidator(content []byte, n int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(&limited{w, n}, r, "", time.Time{}, bytes.NewReader(content))
	}
}

// TestCutEverywhere breaks every connection after a tenth more of the file.
func TestCutEverywhere(t *testing.T) {
	for tenth := 1; tenth < 10; tenth++ {
		t.Run(fmt.Sprint(tenth*10, "%"), func(t *testing.T) {
			t.Parallel()
			f := client(t)
			var received atomic.Int64
			f.Received = func(n int64) { received.Add(n) }
			if err := f.One(context.Background(), pinned(serve(t, cut(len(body)*tenth/10+1)))); err != nil {
				t.Fatal(err)
			}
			if received.Load() != int64(len(body)) {
				t.Fatalf("%d bytes for a file of %d", received.Load(), len(body))
			}
		})
	}
}

func TestOddServers(t *testing.T) {
	half := len(body) / 2
	other := bytes.Repeat([]byte("x"), len(body))
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		want    string // part of the error; empty: it is fetched
		is      error
	}{
		"a range that begins elsewhere": {handler: first(1, cut(half), func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") != "" {
				r.Header.Set("Range", "bytes=5-")
			}
			whole(w, r)
		})},
		"a range of a larger file": {handler: first(1, cut(half), func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") != "" {
				w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", half, len(body), len(body)+1))
				w.WriteHeader(206)
				return
			}
			whole(w, r)
		})},
		"no such range": {handler: first(1, cut(half), func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") != "" {
				w.WriteHeader(416)
				return
			}
			whole(w, r)
		})},
		"no ranges":                         {handler: first(1, cut(half), func(w http.ResponseWriter, r *http.Request) { w.Write(body) })},
		"206 to no range":                   {handler: status(206, "Content-Range", fmt.Sprintf("bytes 0-%d/%d", len(body)-1, len(body))), want: "206"},
		"no validator":                      {handler: withoutValidator(body, half+1)},
		"no validator, another file by now": {handler: first(1, withoutValidator(other, half), withoutValidator(body, len(body)+1))},
		"no length":                         {handler: func(w http.ResponseWriter, r *http.Request) { w.(http.Flusher).Flush(); w.Write(body) }},
		"no length, cut off, as HTTP/1.0":   {handler: first(1, bare("HTTP/1.0 200 OK\r\n\r\n"+string(body[:half])), whole)},
		"no length, always cut off":         {handler: bare("HTTP/1.0 200 OK\r\n\r\n" + string(body[:100])), want: "connection closed after 100 bytes"},
		"closes what it promised to keep":   {handler: bare(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: keep-alive\r\n\r\n%s", len(body), body))},
		"no answer at all, once":            {handler: first(1, bare(""), whole)},
		"not HTTP":                          {handler: bare("220 ftp.example.org ready\r\n"), want: "malformed HTTP"},
		"error page":                        {handler: status(500), want: "500"},
		"error page, passing":               {handler: first(3, status(502), whole)},
		"busy, and says when":               {handler: first(1, status(503, "Retry-After", "1"), whole)},
		"forced encoding": {handler: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(other)
		}, want: "Content-Encoding: gzip", is: artifact.ErrVerify},
		"harmless encoding": {handler: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "x-gzip")
			w.Write(body)
		}},
		"portal": {handler: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprint(w, "<html>Please log in")
		}, want: "web page", is: artifact.ErrVerify},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := client(t)
			err := f.One(context.Background(), pinned(serve(t, c.handler)))
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			if c.is != nil && !errors.Is(err, c.is) {
				t.Fatalf("%v is not %v", err, c.is)
			}
			if f.Cache.Has(contentOf(body)) != (err == nil) {
				t.Fatal("the cache keeps what it should not, or the reverse")
			}
		})
	}
}

// TestAbsentEverywhere: a file is absent when every address says so.
func TestAbsentEverywhere(t *testing.T) {
	gone, closed := serve(t, http.NotFound), serve(t, status(403))
	f := client(t)
	if err := f.One(context.Background(), pinned(gone, gone+"/x")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("absent everywhere: %v", err)
	}
	if err := f.One(context.Background(), pinned(gone, closed)); err == nil || errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "404") {
		t.Errorf("a mirror that does not answer may have the file: %v", err)
	}
}

// TestCrawl: a server that sends almost nothing is given up, too.
func TestCrawl(t *testing.T) {
	slow := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		for r.Context().Err() == nil {
			w.Write(body[:1])
			w.(http.Flusher).Flush()
			time.Sleep(time.Millisecond)
		}
	})
	f := clientWith(t, transfer.Options{Stall: 500 * time.Millisecond, Wait: noWait})
	if err := f.One(context.Background(), pinned(slow, serve(t, whole))); err != nil {
		t.Fatal(err)
	}
}

// TestParallel counts the transfers that one host has at a time.
func TestParallel(t *testing.T) {
	var now, most atomic.Int32
	two := make(chan struct{})
	both := sync.OnceFunc(func() { close(two) })
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		if n == 2 {
			both()
		}
		<-two // the first waits for another
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		time.Sleep(5 * time.Millisecond)
		fmt.Fprint(w, r.URL.Path)
	})
	f := clientWith(t, transfer.Options{Wait: noWait, Parallel: 2, Rate: 1 << 30})
	var all []Wanted
	for i := range 10 {
		a := pinned(fmt.Sprintf("%s/%d", u, i))
		a.Content = contentOf(fmt.Appendf(nil, "/%d", i))
		all = append(all, a)
	}
	if err := f.All(context.Background(), all); err != nil {
		t.Fatal(err)
	}
	if most.Load() != 2 {
		t.Fatalf("%d at a time, want 2", most.Load())
	}
}
