package fetch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/cache"
	"github.com/minimirror/minimirror/internal/transfer"
)

var body = bytes.Repeat([]byte("0123456789abcdef"), 10_000)

func contentOf(data []byte) artifact.Content {
	sum := sha256.Sum256(data)
	return artifact.Content{Size: int64(len(data)), SHA256: hex.EncodeToString(sum[:])}
}

func client(t *testing.T) *Client {
	t.Helper()
	return clientWith(t, transfer.Options{Wait: noWait})
}

func noWait(context.Context, time.Duration) error { return nil }

func clientWith(t *testing.T, opt transfer.Options) *Client {
	t.Helper()
	c, err := cache.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	f, err := New(c, slog.New(slog.DiscardHandler), "test", opt)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// get asks for a page, and returns the address that answered.
func get(t *testing.T, f *Client, limit int64, urls ...string) (data []byte, from string, err error) {
	t.Helper()
	data, answer, err := artifact.Get(context.Background(), f, artifact.Request{URLs: urls, Limit: limit})
	if err == nil {
		from = answer.URL
	}
	return data, from, err
}

func pinned(urls ...string) Wanted {
	return Wanted{Content: contentOf(body), URLs: urls, Title: "k: n 1 (a)"}
}

func whole(w http.ResponseWriter, r *http.Request) {
	http.ServeContent(w, r, "", time.Unix(1e9, 0), bytes.NewReader(body))
}

// cut serves like whole but breaks each connection off after n bytes.
func cut(n int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		whole(&limited{w, n}, r)
	}
}

type limited struct {
	http.ResponseWriter
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	if len(p) >= l.left {
		l.ResponseWriter.Write(p[:l.left])
		panic(http.ErrAbortHandler)
	}
	l.left -= len(p)
	return l.ResponseWriter.Write(p)
}

func TestArtifact(t *testing.T) {
	wrong := bytes.Clone(body)
	wrong[5000] ^= 1
	for name, c := range map[string]struct {
		first http.HandlerFunc
		again bool // a second address serves it whole
		want  string
		is    error
	}{
		"whole":              {first: whole},
		"wrong byte":         {first: func(w http.ResponseWriter, r *http.Request) { w.Write(wrong) }, want: "sha256 mismatch", is: artifact.ErrVerify},
		"wrong byte, second": {first: func(w http.ResponseWriter, r *http.Request) { w.Write(wrong) }, again: true},
		"too short":          {first: func(w http.ResponseWriter, r *http.Request) { w.Write(body[:100]) }, want: "size mismatch", is: artifact.ErrVerify},
		"too long":           {first: func(w http.ResponseWriter, r *http.Request) { w.Write(append(bytes.Clone(body), 'x')) }, want: "size mismatch", is: artifact.ErrVerify},
		"endless": {first: func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write(body); err != nil {
					return
				}
			}
		}, want: "size mismatch", is: artifact.ErrVerify},
		"absent":             {first: http.NotFound, want: "404", is: fs.ErrNotExist},
		"absent, second":     {first: http.NotFound, again: true},
		"forbidden":          {first: func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(403) }, want: "403"},
		"cut, resumed":       {first: cut(60_000)},
		"cut for ever":       {first: cut(10), want: "EOF"},
		"cut, second":        {first: cut(10), again: true},
		"redirect to a file": {first: func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "file:///etc/passwd", 302) }, want: "a redirect that is not followed: from http:// to file://"},
		"redirect loop":      {first: func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", 302) }, want: "/x: more than 10 redirects (to /)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := client(t)
			urls := []string{serve(t, c.first) + "/x"}
			if c.again {
				urls = append(urls, serve(t, whole)+"/x")
			}
			a := pinned(urls...)
			err := f.One(context.Background(), a)
			if c.want == "" && err != nil {
				t.Fatal(err)
			}
			if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Fatalf("got %v, want %s", err, c.want)
			}
			if c.is != nil && !errors.Is(err, c.is) {
				t.Fatalf("%v is not %v", err, c.is)
			}
			if f.Cache.Has(contentOf(body)) != (err == nil) {
				t.Fatal("the cache keeps what it should not, or the reverse")
			}
			left, err := os.ReadDir(f.Cache.TempDir())
			if err != nil || len(left) > 0 {
				t.Fatal(left, err)
			}
		})
	}
}

// TestResumeAsksForTheRest counts the bytes that a broken transfer costs.
func TestResumeAsksForTheRest(t *testing.T) {
	var ranges atomic.Int32
	f := client(t)
	var received atomic.Int64
	f.Received = func(n int64) { received.Add(n) }
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Range") != "" {
			ranges.Add(1)
		}
		cut(100_000)(w, r)
	})
	if err := f.One(context.Background(), pinned(u)); err != nil {
		t.Fatal(err)
	}
	if ranges.Load() != 1 || received.Load() != int64(len(body)) {
		t.Fatalf("%d ranges, %d bytes for a file of %d", ranges.Load(), received.Load(), len(body))
	}
}

// TestChangedFileIsNotSpliced serves another file after the first break.
func TestChangedFileIsNotSpliced(t *testing.T) {
	var requests atomic.Int32
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1) == 1 {
			other := bytes.Repeat([]byte("x"), len(body))
			http.ServeContent(&limited{w, 50_000}, r, "", time.Unix(9e8, 0), bytes.NewReader(other))
			return
		}
		whole(w, r)
	})
	if err := client(t).One(context.Background(), pinned(u)); err != nil {
		t.Fatal(err)
	}
}

func TestBusyServerIsWaitedFor(t *testing.T) {
	var requests atomic.Int32
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1) < 3 {
			w.WriteHeader(503)
			return
		}
		whole(w, r)
	})
	if err := client(t).One(context.Background(), pinned(u)); err != nil {
		t.Fatal(err)
	}
}

func TestGetTellsAbsentFromUnreachable(t *testing.T) {
	absent := serve(t, http.NotFound)
	broken := serve(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(403) })
	f := client(t)
	if _, _, err := get(t, f, 10, absent); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if _, _, err := get(t, f, 10, absent, broken); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("a mirror that does not answer may have the file: %v", err)
	}
	ok := serve(t, whole)
	if _, from, err := get(t, f, 1<<20, broken, ok); err != nil || from != ok {
		t.Fatal(from, err)
	}
	if _, _, err := get(t, f, 10, ok); err == nil {
		t.Fatal("larger than the limit, and accepted")
	}
}

// TestStall: a server that falls silent is given up, and the next one asked.
func TestStall(t *testing.T) {
	silent := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.Write(body[:3])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	good := serve(t, whole)
	f := clientWith(t, transfer.Options{Stall: 500 * time.Millisecond, Wait: noWait})
	if _, from, err := get(t, f, 1<<20, silent, good); err != nil || from != good {
		t.Fatal(from, err)
	}
	if err := f.One(context.Background(), pinned(silent, good)); err != nil {
		t.Fatal(err)
	}
}

func TestInterruptedKeepsWhatIsWhole(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			cancel()
			<-r.Context().Done()
			return
		}
		whole(w, r)
	})
	f := client(t)
	slow := pinned(u + "/slow")
	slow.SHA256 = strings.Repeat("0", 64)
	if err := f.One(ctx, pinned(u)); err != nil {
		t.Fatal(err)
	}
	if err := f.All(ctx, []Wanted{pinned(u), slow}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if !f.Cache.Has(contentOf(body)) {
		t.Fatal("what was fetched is lost")
	}
}

func TestFileAddress(t *testing.T) {
	name := t.TempDir() + "/with space+plus"
	if err := os.WriteFile(name, body, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := client(t).One(context.Background(), pinned("file://"+strings.ReplaceAll(name, " ", "%20"))); err != nil {
		t.Fatal(err)
	}
	if _, _, err := get(t, client(t), 1, "file:///nonexistent/x"); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
}
