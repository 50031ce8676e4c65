package server_test

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/minimirror/minimirror/internal/image/imagetest"
	"github.com/minimirror/minimirror/server"
	"github.com/minimirror/minimirror/server/servertest"
)

// troubled is a registry that can be away, or give other bytes.
type troubled struct {
	away, wrong, gone atomic.Bool
}

func (t *troubled) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case t.away.Load():
			http.Error(w, "away", http.StatusServiceUnavailable)
		case t.gone.Load():
			http.NotFound(w, r)
		case t.wrong.Load():
			next.ServeHTTP(&wrongBytes{ResponseWriter: w}, r)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

type wrongBytes struct{ http.ResponseWriter }

func (w *wrongBytes) Write(p []byte) (int, error) {
	wrong := []byte(string(p))
	wrong[len(wrong)/2] ^= 1
	return w.ResponseWriter.Write(wrong)
}

func TestRegistryInTrouble(t *testing.T) {
	large := strings.Repeat("0123456789abcdef", 1<<17) // 2 MiB
	m := imagetest.New(t, imagetest.Spec{Artifacts: map[string]string{"kept.bin": "kept", "small.bin": "small", "large.bin": large}})
	var trouble troubled
	registry := imagetest.NewRegistry(t, m.Layout(t), trouble.wrap)
	s := servertest.New(t, server.Options{Image: servertest.Remote(t, registry, t.TempDir(), 64<<20)})
	h := s.Handler()
	code := func(method, path string, header ...string) *http.Response {
		t.Helper()
		return servertest.Ask(t, h, method, "/files/"+path, header...)
	}
	kept := code("GET", "kept.bin")
	if kept.StatusCode != 200 || servertest.Body(t, kept) != "kept" {
		t.Fatal(kept.Status)
	}

	// For HEAD, the registry is asked for a byte. If the client has the content, it is asked for nothing.
	asked := registry.Asked.Load()
	if r := code("HEAD", "large.bin"); r.StatusCode != 200 || r.ContentLength != int64(len(large)) {
		t.Errorf("HEAD: %s, %d bytes", r.Status, r.ContentLength)
	}
	if n := registry.Asked.Load() - asked; n != 1 {
		t.Errorf("HEAD: the registry was asked %d times", n)
	}
	etag := code("HEAD", "large.bin").Header.Get("Etag")
	modified := code("HEAD", "large.bin").Header.Get("Last-Modified")
	asked = registry.Asked.Load()
	for _, condition := range []string{"If-None-Match: " + etag, "If-Modified-Since: " + modified} {
		if r := code("GET", "large.bin", condition); r.StatusCode != http.StatusNotModified {
			t.Errorf("%s: %s", condition, r.Status)
		}
	}
	if n := registry.Asked.Load() - asked; n != 0 {
		t.Errorf("the registry was asked %d times", n)
	}
	// The condition looks as if it holds, and does not.
	if r := code("GET", "small.bin", `If-None-Match: "x`+strings.Trim(code("HEAD", "small.bin").Header.Get("Etag"), `"`)+`"`); servertest.Body(t, r) != "small" {
		t.Error(r.Status)
	}

	// Wrong bytes: a small file is refused, a large one is cut before its end.
	wrong := servertest.Remote(t, registry, t.TempDir(), 64<<20)
	h = servertest.New(t, server.Options{Image: wrong}).Handler()
	trouble.wrong.Store(true)
	if r := code("GET", "small.bin"); r.StatusCode != http.StatusBadGateway || r.Header.Get("Etag") != "" {
		t.Errorf("wrong bytes: %s", r.Status)
	}
	address, stop := servertest.Start(t, server.Options{Image: wrong})
	for _, part := range []string{"", "bytes=0-99", "bytes=-1", "bytes=1000000-1000000", "bytes=0-0,5-6"} {
		conn := servertest.Dial(t, address)
		if _, err := conn.Write([]byte("GET /files/large.bin HTTP/1.1\r\nHost: x\r\nRange: " + part + "\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		if r, err := http.ReadResponse(bufio.NewReader(conn), nil); err == nil && r.StatusCode < 300 {
			if n, err := io.Copy(io.Discard, r.Body); err == nil {
				t.Errorf("range %q: an answer of %d bytes ends as announced", part, n)
			}
		}
		conn.Close()
	}
	stop()
	trouble.wrong.Store(false)

	// A layer that the registry has no longer is no file that the mirror does not have.
	trouble.gone.Store(true)
	if r := code("GET", "small.bin"); r.StatusCode != http.StatusServiceUnavailable || r.Header.Get("Retry-After") == "" {
		t.Errorf("gone: %s", r.Status)
	}
	trouble.gone.Store(false)

	// Away: the cache answers, the rest is 503; /readyz says so.
	h = s.Handler()
	trouble.away.Store(true)
	if r := code("GET", "kept.bin"); servertest.Body(t, r) != "kept" {
		t.Error(r.Status)
	}
	if r := code("HEAD", "kept.bin"); r.StatusCode != 200 {
		t.Error(r.Status)
	}
	for _, method := range []string{"HEAD", "GET", "HEAD"} {
		if r := code(method, "large.bin"); r.StatusCode != http.StatusServiceUnavailable || r.Header.Get("Retry-After") != "5" || r.Header.Get("Etag") != "" {
			t.Errorf("away: %s, %v", r.Status, r.Header)
		}
	}
	ready := func() string { return servertest.Body(t, servertest.Ask(t, h, "GET", "/readyz")) }
	if text := ready(); !strings.HasPrefix(text, "ready\n") || !strings.Contains(text, "registry: away since ") || !strings.Contains(text, "cache: ") {
		t.Errorf("/readyz says %q", text)
	}
	trouble.away.Store(false)
	servertest.Await(t, "the registry is back", func() bool { return strings.Contains(ready(), "registry: can be read\n") })
	if r := code("GET", "large.bin"); servertest.Body(t, r) != large {
		t.Error(r.Status)
	}
}
