package images

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/kinds/images/imagestest"
	"github.com/minimirror/minimirror/server"
)

// bigImage is a mirror of one image, with a layer of so many bytes, which no socket takes at once.
func bigImage(t *testing.T, size int) (s *shelf, layer v1.Descriptor, data []byte) {
	data = make([]byte, size)
	rand.NewChaCha8([32]byte{1}).Read(data)
	r := imagestest.New(t)
	d := r.Image("acme/big", imagestest.Image{Layers: [][]byte{data}})
	var m v1.Manifest
	noError(t, json.Unmarshal(r.Content("acme/big", string(d.Digest)), &m))
	s = &shelf{t: t, files: map[string]string{}}
	s.add("registry.example.org", r, "acme/big", "1", d)
	return s, m.Layers[0], data
}

// TestDrain shows that a pull that runs when the server is to end gets all of its blob.
func TestDrain(t *testing.T) {
	s, layer, data := bigImage(t, 64<<20)
	srv := serveImage(t, s.image(), server.Options{Grace: time.Hour}).server
	l, err := net.Listen("tcp", "127.0.0.1:0")
	noError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- srv.Run(ctx, l) }()
	c, err := net.Dial("tcp", l.Addr().String())
	noError(t, err)
	defer c.Close()
	fmt.Fprintf(c, "GET %sacme/big/blobs/%s HTTP/1.1\r\nHost: mirror\r\n\r\n", prefix+host, layer.Digest)
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	noError(t, err)
	first := make([]byte, 1000)
	_, err = io.ReadFull(answer.Body, first)
	noError(t, err)
	stop()
	for { // until it takes no more connections
		other, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			break
		}
		other.Close()
	}
	rest, err := io.ReadAll(answer.Body)
	noError(t, err)
	if sum := sha256.Sum256(append(first, rest...)); sum != sha256.Sum256(data) || fmt.Sprintf("sha256:%x", sum) != answer.Header.Get("Docker-Content-Digest") {
		t.Errorf("%d bytes of %d while the server ends", len(first)+len(rest), len(data))
	}
	noError(t, <-ended)
}

// A slowWriter notes which deadlines there are while an answer is written.
type slowWriter struct {
	*httptest.ResponseRecorder
	deadline time.Time
	since    int // bytes, since the deadline was set
	wrong    string
}

func (w *slowWriter) SetWriteDeadline(at time.Time) error {
	w.deadline, w.since = at, 0
	return nil
}

func (w *slowWriter) Write(p []byte) (int, error) {
	w.since += len(p)
	// What is written at once must be possible at 1 kB/s until the deadline.
	if left := time.Until(w.deadline); left < time.Duration(w.since/1024)*time.Second {
		w.wrong = fmt.Sprintf("%d bytes with %s left", w.since, left)
	}
	return w.ResponseRecorder.Write(p)
}

// TestSlowPull shows that the time which a client has starts anew with each part that it takes: only one that takes less than 1 kB/s is cut off.
func TestSlowPull(t *testing.T) {
	s, layer, data := bigImage(t, 8<<20)
	site := serveImage(t, s.image(), server.Options{})
	for _, header := range []string{"", "bytes=1000-"} {
		w := &slowWriter{ResponseRecorder: httptest.NewRecorder()}
		r := httptest.NewRequest(http.MethodGet, v2(host+"acme/big/blobs/%s", layer.Digest), nil)
		want := data
		if header != "" {
			r.Header.Set("Range", header)
			want = data[1000:]
		}
		site.handler.ServeHTTP(w, r)
		if !bytes.Equal(w.Body.Bytes(), want) || w.wrong != "" || w.deadline.IsZero() {
			t.Errorf("%q: %d bytes, %s", header, w.Body.Len(), w.wrong)
		}
	}
}

// TestRulesChange shows that each answer is by the rules of one moment, and that a tag never leads to a manifest that the same rules deny.
func TestRulesChange(t *testing.T) {
	m := newExample(t)
	file := filepath.Join(t.TempDir(), "rules.yaml")
	write := func(tag string) {
		noError(t, os.WriteFile(file, []byte(`rules: [ deny: { image: acme/app, tag: "`+tag+`" } ]`), 0o644))
	}
	write("1.4")
	s := serveImage(t, m.image, server.Options{Rules: file})
	one := strings.TrimSpace(s.ask(v2(host + "acme/app/tags/list")).body)
	write("1.5")
	noError(t, s.server.Reload(t.Context()))
	other := strings.TrimSpace(s.ask(v2(host + "acme/app/tags/list")).body)
	if one == other {
		t.Fatalf("the rules change nothing: %s", one)
	}
	var done atomic.Bool
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for !done.Load() {
				if got := strings.TrimSpace(s.ask(v2(host + "acme/app/tags/list")).body); got != one && got != other {
					t.Errorf("a list by two rules: %s", got)
					return
				}
				if a := s.ask(v2(host + "acme/app/manifests/Latest")); a.StatusCode != http.StatusOK {
					t.Errorf("what all rules allow: %d", a.StatusCode)
				}
			}
		})
	}
	for n := range 300 {
		write([]string{"1.4", "1.5"}[n%2])
		noError(t, s.server.Reload(t.Context()))
	}
	done.Store(true)
	clients.Wait()
}

// FuzzPath shows that no path breaks the server, reads what is not an image's, or makes an answer that is not the specification's.
func FuzzPath(f *testing.F) {
	m := newExample(f)
	s := m.serve(f, `deny: { tag: "1.5" }`)
	for _, path := range []string{"/v2/", "/v2", "/v2/_catalog?n=1", "/v2/nginx/manifests/1.25", "/v2/a/blobs/blobs/sha256:00", "/v2//tags/list", "/v2/manifests/manifests/manifests",
		v2(host+"acme/app/manifests/%s", m.app.Digest), v2("acme/app/referrers/%s?ns=registry.example.org&artifactType=x", m.app.Digest),
		prefix + host + "acme/app/tags/list?n=1&last=%00", "/v2/registry.example.org/images.json", "/v2/registry.example.org/../images.json/manifests/1", "/v2/%2e%2e/x/tags/list", "/v2/_catalog/", "/v2/x/tags/list/"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		if !strings.HasPrefix(path, "/v2") {
			return
		}
		r, err := http.NewRequest(http.MethodGet, "http://mirror:8080"+path, nil)
		if err != nil {
			return
		}
		r.RemoteAddr = "192.0.2.1:1"
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		a, body := w.Result(), w.Body.Bytes()
		switch {
		case !strings.HasPrefix(r.URL.Path, prefix) && r.URL.Path != "/v2":
		case a.StatusCode >= 500:
			t.Errorf("%q: %d %s", path, a.StatusCode, body)
		case a.StatusCode >= 400 && a.Header.Get("Content-Type") == jsonType:
			var e failure
			if json.Unmarshal(body, &e) != nil || len(e.Errors) != 1 || e.Errors[0].Code == "" {
				t.Errorf("%q: %d %s", path, a.StatusCode, body)
			}
		case a.Header.Get(digestHeader) != "":
			if sum := fmt.Sprintf("sha256:%x", sha256.Sum256(body)); strings.HasPrefix(a.Header.Get(digestHeader), "sha256") && sum != a.Header.Get(digestHeader) {
				t.Errorf("%q: %s, but %s", path, a.Header.Get(digestHeader), sum)
			}
		case !json.Valid(body):
			t.Errorf("%q: %d %.200s", path, a.StatusCode, body)
		}
		if e := parseEndpoint(r.URL.Path); e.call != callNone && e.name != "" {
			for _, p := range places(e.name, namespaceOf(r.URL.RawQuery, "")) {
				if p.registry == "docker.io" && !strings.Contains(p.repository, "/") {
					t.Errorf("%q: %s is not a name of Docker Hub's", path, p)
				}
			}
		}
		if i := (Kind{}).Identify(r.URL.Path, r.URL.RawQuery); i != nil && (!strings.Contains(i.Name, "/") || strings.ContainsAny(i.Name+i.Version, " \x00%")) {
			t.Errorf("%q is about %q %q", path, i.Name, i.Version)
		}
	})
}
