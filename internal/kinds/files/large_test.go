package files_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minimirror/minimirror/bootstrap"
	"github.com/minimirror/minimirror/builder"
	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/cache"
	"github.com/minimirror/minimirror/internal/fetch"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/kinds/files"
	"github.com/minimirror/minimirror/internal/kinds/kindtest"
	"github.com/minimirror/minimirror/internal/progress"
	"github.com/minimirror/minimirror/internal/signing"
	"github.com/minimirror/minimirror/internal/transfer"
	"github.com/minimirror/minimirror/server"
)

// TestLargeFile takes files of 1 kB and of 96 MB all the way from a web server and from a folder onto a node. No step holds a large
// one in memory. (With the race detector, pools drop buffers at random: then large files take up to 20 MB more.)
func TestLargeFile(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	const small, large, most = 1 << 10, 96 << 20, 48 << 20
	journey(t, small) // what is made once for a process
	before := journey(t, small)
	if after := journey(t, large); after > before+most {
		t.Errorf("%d bytes of memory for 1 kB, %d for 96 MB", before, after)
	}
}

// journey returns how many bytes were allocated on the way.
func journey(t *testing.T, size int64) uint64 {
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	dir, quiet := t.TempDir(), slog.New(slog.DiscardHandler)
	for _, name := range []string{"def/disk.img", "www/disk.qcow2"} { // sparse, and of different content
		must(os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		must(os.WriteFile(filepath.Join(dir, name), []byte(name), 0o644))
		must(os.Truncate(filepath.Join(dir, name), size))
	}
	in, err := os.Open(filepath.Join(dir, "www/disk.qcow2"))
	must(err)
	h := sha256.New()
	_, err = io.Copy(h, in)
	must(err)
	in.Close()
	upstream := httptest.NewServer(http.FileServer(http.Dir(filepath.Join(dir, "www"))))
	defer upstream.Close()
	must(os.WriteFile(filepath.Join(dir, "def", builder.DefinitionFile), fmt.Appendf(nil, `name: large
files:
  - { name: local, path: disk.img }
  - { name: remote, url: "%s/disk.qcow2", sha256: %x }
sets: { node: { files: [disk.img, disk.qcow2] } }
`, upstream.URL, h.Sum(nil)), 0o644))

	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	kinds := []artifact.Kind{files.Kind{}}
	store, err := cache.Open(filepath.Join(dir, "cache"))
	must(err)
	client, err := fetch.New(store, quiet, "test", transfer.Options{})
	must(err)
	d, err := builder.ReadDefinition(filepath.Join(dir, "def"), kinds)
	must(err)
	_, err = (&builder.Locker{Kinds: kinds, Upstream: client, Now: time.Now(), Log: quiet}).Lock(t.Context(), d, builder.LockOptions{})
	must(err)
	key, _, err := signing.Own(time.Now())
	must(err)
	program, ref := filepath.Join(dir, "program"), image.Reference{Transport: image.OCI, Path: filepath.Join(dir, "image")}
	must(os.WriteFile(program, kindtest.EmptyProgram(t), 0o755))
	b := &builder.Builder{Kinds: kinds, Cache: store, Fetch: client, Program: program, Progress: new(progress.Reporter), Log: quiet,
		Keys: func() (signing.Keys, error) { return signing.Keys{key}, nil }}
	_, err = b.Build(t.Context(), d, ref)
	must(err)

	img, err := image.Open(ref)
	must(err)
	defer img.Close()
	s, err := server.New(server.Options{Image: img, Kinds: kinds})
	must(err)
	handler := s.Handler()
	for _, target := range []string{"/files/remote/disk.qcow2", "/files/local/disk.img"} {
		for _, part := range []struct {
			header string
			size   int64
		}{{"", size}, {fmt.Sprintf("bytes=%d-", size-100), 100}} {
			r, w := httptest.NewRequest(http.MethodGet, target, nil), &counter{header: make(http.Header)}
			if part.header != "" {
				r.Header.Set("Range", part.header)
			}
			if handler.ServeHTTP(w, r); w.n != part.size {
				t.Errorf("%s %s: %d bytes, status %d", target, part.header, w.n, w.status)
			}
		}
	}

	reader, err := image.OpenReader(t.Context(), ref, image.Options{})
	must(err)
	defer reader.Close()
	plan, err := bootstrap.Select(t.Context(), reader, kinds, bootstrap.Request{Set: "node", Architecture: "amd64"})
	must(err)
	var received atomic.Int64
	must(plan.Extract(t.Context(), reader, filepath.Join(dir, "to"), func(n int64) { received.Add(n) }))
	if received.Load() != 2*size {
		t.Errorf("%d bytes were taken out", received.Load())
	}
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// A counter counts what a client would get.
type counter struct {
	header http.Header
	status int
	n      int64
}

func (c *counter) Header() http.Header    { return c.header }
func (c *counter) WriteHeader(status int) { c.status = status }
func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}
