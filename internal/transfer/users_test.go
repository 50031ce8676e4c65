package transfer_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/cache"
	"github.com/minimirror/minimirror/internal/fetch"
	"github.com/minimirror/minimirror/internal/image/registry"
	"github.com/minimirror/minimirror/internal/transfer"
)

// The file that hostile servers have.
var (
	file   = bytes.Repeat([]byte("0123456789abcdef"), 20_000)
	digest = func() string { sum := sha256.Sum256(file); return hex.EncodeToString(sum[:]) }()
)

// A user reads the file from a server with one of the ways that the program has.
type user struct {
	name  string
	whole bool // the digest of the file is known, and it is read from its beginning
	part  bool // a part is read
	read  func(t *testing.T, server string, o settings) ([]byte, error)
}

type settings struct {
	stall time.Duration
	wait  func(context.Context, time.Duration) error
}

// path is the file's, on every server.
var path = "/v2/site/a/blobs/sha256:" + digest

func users() []user {
	client := func(t *testing.T, o settings) *fetch.Client {
		store, err := cache.Open(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		c, err := fetch.New(store, slog.New(slog.DiscardHandler), "test", transfer.Options{Wait: o.wait, Stall: o.stall})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	repository := func(t *testing.T, server string, o settings) *registry.Repository {
		r, err := registry.Open(strings.TrimPrefix(server, "http://")+"/site/a", registry.Options{Wait: o.wait, Stall: o.stall})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { r.Close() })
		return r
	}
	blob := registry.Blob{Digest: "sha256:" + digest, Size: int64(len(file))}
	return []user{
		{"fetch a file", true, false, func(t *testing.T, server string, o settings) ([]byte, error) {
			c := client(t, o)
			want := artifact.Content{Size: int64(len(file)), SHA256: digest}
			if err := c.One(t.Context(), fetch.Wanted{Content: want, URLs: []string{server + path}}); err != nil {
				if c.Cache.Has(want) {
					t.Error("what failed is kept")
				}
				return nil, err
			}
			kept, err := c.Cache.Open(want)
			if err != nil {
				return nil, err
			}
			defer kept.Close()
			return io.ReadAll(kept)
		}},
		{"fetch into memory", false, false, func(t *testing.T, server string, o settings) ([]byte, error) {
			data, _, err := artifact.Get(t.Context(), client(t, o), artifact.Request{URLs: []string{server + path}, Limit: 1 << 20})
			return data, err
		}},
		{"a blob", true, false, func(t *testing.T, server string, o settings) ([]byte, error) {
			body := repository(t, server, o).Blob(t.Context(), blob)
			defer body.Close()
			return io.ReadAll(body)
		}},
		{"a part of a blob", false, true, func(t *testing.T, server string, o settings) ([]byte, error) {
			part, err := repository(t, server, o).Part(t.Context(), blob, 1000, int64(len(file))-2000)
			if err != nil {
				return nil, err
			}
			defer part.Close()
			return io.ReadAll(part)
		}},
	}
}

// A scene is a server, and what its users get.
type scene struct {
	serve    func(n int, w http.ResponseWriter, r *http.Request) // n: the number of the request, from 0
	want     string                                              // part of the error; empty: the file
	memory   string                                              // of the user that knows no digest, if that is another; "-": the file
	part     string                                              // of the user that reads a part, if that is another; "-": the part
	blob     string                                              // of the user that gets no byte twice, if that is another; "-": the file
	verify   bool                                                // the error is artifact.ErrVerify
	requests int                                                 // at most; 0: 12
	waits    func(all []time.Duration) error
	stall    time.Duration // 0: a minute
}

func content(w http.ResponseWriter, r *http.Request) {
	http.ServeContent(w, r, "", time.Unix(1e9, 0), bytes.NewReader(file))
}

// cutter breaks an answer off after some bytes.
type cutter struct {
	http.ResponseWriter
	left int
}

func (c *cutter) Write(p []byte) (int, error) {
	if len(p) > c.left {
		c.ResponseWriter.Write(p[:c.left])
		panic(http.ErrAbortHandler)
	}
	c.left -= len(p)
	return c.ResponseWriter.Write(p)
}

// spoiler changes each byte.
type spoiler struct{ http.ResponseWriter }

func (s spoiler) Write(p []byte) (int, error) {
	return s.ResponseWriter.Write(bytes.Map(func(r rune) rune { return r + 1 }, p))
}

func scenes() map[string]scene {
	half := len(file) / 2
	small := bytes.Buffer{}
	packer := gzip.NewWriter(&small)
	packer.Write(file)
	packer.Close()
	atLeast := func(n int, least, most time.Duration) func([]time.Duration) error {
		return func(all []time.Duration) error {
			long := 0
			for _, d := range all {
				if d > most {
					return fmt.Errorf("waited %s", d)
				}
				if d >= least {
					long++
				}
			}
			if long != n {
				return fmt.Errorf("waited %v, want %d times %s or more", all, n, least)
			}
			return nil
		}
	}
	return map[string]scene{
		"honest": {serve: func(n int, w http.ResponseWriter, r *http.Request) { content(w, r) }, requests: 1},
		"cut, and goes on": {serve: func(n int, w http.ResponseWriter, r *http.Request) {
			content(&cutter{w, half/2 + 1}, r)
		}, requests: 4},
		"cut by a little each time": {serve: func(n int, w http.ResponseWriter, r *http.Request) {
			content(&cutter{w, len(file) / 15}, r)
		}, requests: 16},
		"cut at the same place, without ranges": {serve: func(n int, w http.ResponseWriter, r *http.Request) {
			r.Header.Del("Range")
			content(&cutter{w, half}, r)
		}, want: "connection closed", part: "does not give parts"},
		"cut once, without ranges": {serve: func(n int, w http.ResponseWriter, r *http.Request) {
			r.Header.Del("Range")
			if n == 0 {
				w = &cutter{w, half}
			}
			content(w, r)
		}, part: "does not give parts", requests: 2},
		"drips": {serve: func(n int, w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(file)))
			for r.Context().Err() == nil {
				w.Write([]byte("0"))
				w.(http.Flusher).Flush()
				time.Sleep(time.Millisecond)
			}
		}, want: "no progress for 100ms", part: "does not give parts", stall: 100 * time.Millisecond},
		"drips, once": {serve: func(n int, w http.ResponseWriter, r *http.Request) {
			if n > 0 {
				content(w, r)
				return
			}
			w.Header().Set("Content-Length", fmt.Sprint(len(file)))
			w.Write(file[:100])
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, part: "does not give parts", requests: 2, stall: time.Second},
		"says nothing": {serve: func(n int, w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, want: "no progress for 100ms", stall: 100 * time.Millisecond},
		"hangs up":     {serve: func(n int, w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }, want: "EOF"},
		"busy, and says when": {serve: func(n int, w http.ResponseWriter, r *http.Request) {
			if n < 3 {
				w.Header().Set("Retry-After", "7")
				w.WriteHeader([]int{429, 503, 500}[n])
				return
			}
			content(w, r)
		}, requests: 4, waits: atLeast(3, 7*time.Second, 10*time.Second)},
		"busy for ever": {serve: func(n int, w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "86400")
			w.WriteHeader(503)
		}, want: "503", requests: 5, waits: atLeast(4, 2*time.Minute, 2*time.Minute)},
		"not before tomorrow": {serve: func(n int, w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "86400")
			w.WriteHeader(429)
		}, want: "429", requests: 1},
		"another range, once": {serve: func(n int, w http.ResponseWriter, r *http.Request) {
			if n == 0 {
				if r.Header.Get("Range") == "" {
					w = &cutter{w, half}
				} else {
					r.Header.Set("Range", "bytes=5-")
				}
			} else if n == 1 && r.Header.Get("Range") != "" {
				r.Header.Set("Range", "bytes=5-")
			}
			content(w, r)
		}, part: "does not give parts"},
		"always another range": {serve: func(n int, w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Header.Get("Range") != "":
				r.Header.Set("Range", "bytes=5-")
			case n == 0:
				w = &cutter{w, half}
			}
			content(w, r)
		}, part: "does not give parts"},
		"no such range": {serve: func(n int, w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Header.Get("Range") != "":
				w.WriteHeader(416)
				return
			case n == 0:
				w = &cutter{w, half}
			}
			content(w, r)
		}, part: "does not give parts"},
		"a range of wrong bytes": {serve: func(n int, w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Header.Get("Range") != "":
				w = spoiler{w}
			case n == 0:
				w = &cutter{w, half}
			}
			content(w, r)
		}, memory: "other bytes", part: "other bytes", blob: "sha256 mismatch", verify: true},
		"ranges of 100 kB": {serve: func(n int, w http.ResponseWriter, r *http.Request) {
			if from := 0; r.Header.Get("Range") != "" {
				fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
				r.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", from, min(from+99_999, len(file)-1001)))
				if n == 0 || from > len(file)-1001 {
					r.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", from, min(from+99_999, len(file)-1)))
				}
			} else {
				w = &cutter{w, half}
			}
			content(w, r)
		}},
		"compresses": {serve: func(n int, w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			if r.Header.Get("Range") != "" {
				w.Header().Set("Content-Range", fmt.Sprintf("bytes 1000-%d/%d", len(file)-1001, len(file)))
				w.WriteHeader(206)
			}
			w.(http.Flusher).Flush() // no length
			w.Write(small.Bytes())
		}, want: "Content-Encoding: gzip", verify: true},
		"another file": {serve: func(n int, w http.ResponseWriter, r *http.Request) { content(spoiler{w}, r) },
			want: "sha256 mismatch", memory: "other bytes", part: "other bytes", verify: true},
		"endless": {serve: func(n int, w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write(file); err != nil {
					return
				}
			}
		}, want: "the server sends more", memory: "larger than", part: "does not give parts"},
		"in circles": {serve: func(n int, w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, 307) },
			want: "more than 10 redirects"},
		"leads to a file": {serve: func(n int, w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "file:///etc/hostname", 302) },
			want: "not followed", requests: 1},
		"206 to no range": {serve: func(n int, w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") == "" {
				r.Header.Set("Range", "bytes=0-")
			}
			content(w, r)
		}, want: "206", part: "-", requests: 1},
		"nothing, and is pleased": {serve: func(n int, w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) }, want: "204", requests: 1},
		"forbidden":               {serve: func(n int, w http.ResponseWriter, r *http.Request) { w.WriteHeader(403) }, want: "403", requests: 1},
	}
}

// TestHostileServers has all that reads from servers meet each of them: one policy.
func TestHostileServers(t *testing.T) {
	quiet(t)
	for name, s := range scenes() {
		for _, u := range users() {
			t.Run(name+"/"+u.name, func(t *testing.T) {
				var n atomic.Int32
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.serve(int(n.Add(1))-1, w, r) }))
				defer server.Close()
				var mu sync.Mutex
				var waits []time.Duration
				data, err := u.read(t, server.URL, settings{s.stall, func(_ context.Context, d time.Duration) error {
					mu.Lock()
					defer mu.Unlock()
					waits = append(waits, d)
					return nil
				}})
				want, right := s.want, file
				switch {
				case u.part && s.part != "":
					want = s.part
				case u.name == "a blob" && s.blob != "":
					want = s.blob
				case !u.whole && !u.part && s.memory != "":
					want = s.memory
				}
				if u.part {
					right = file[1000 : len(file)-1000]
				}
				switch {
				case want == "other bytes":
					if err != nil || bytes.Equal(data, right) {
						t.Errorf("%d bytes, %v; want other bytes than those of the file", len(data), err)
					}
				case want == "" || want == "-":
					if err != nil || !bytes.Equal(data, right) {
						t.Errorf("%d bytes of %d: %v", len(data), len(right), err)
					}
				case err == nil || !strings.Contains(err.Error(), want):
					t.Errorf("%d bytes, %v; want %q", len(data), err, want)
				case s.verify && strings.Contains(err.Error(), "mismatch") && !errors.Is(err, artifact.ErrVerify):
					t.Errorf("%v is not artifact.ErrVerify", err)
				}
				if most := max(s.requests, 12*btoi(s.requests == 0)); int(n.Load()) > most {
					t.Errorf("%d requests, want %d at most", n.Load(), most)
				}
				if s.waits != nil {
					if err := s.waits(waits); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// quiet takes away the credentials of the one who runs the test.
func quiet(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"HOME", "DOCKER_CONFIG", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"} {
		t.Setenv(name, dir)
	}
	for _, name := range []string{"REGISTRY_AUTH_FILE", "DOCKER_AUTH_CONFIG", "NETRC"} {
		t.Setenv(name, "")
	}
}
