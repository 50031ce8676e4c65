package image_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/filecache"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/imagetest"
	"github.com/minimirror/minimirror/internal/image/registry"
)

// remote opens an image in place; closer closes it and its cache.
func remote(t testing.TB, ref image.Reference, dir string, size int64) (img *image.Image, closer func(), err error) {
	t.Helper()
	cache, err := filecache.Open(filecache.Options{Dir: dir, Size: size})
	must(t, err)
	img, err = image.OpenRemote(t.Context(), ref, image.RemoteOptions{Registry: registry.Options{Wait: noWait}, Cache: cache})
	if err != nil {
		must(t, cache.Close())
		return nil, nil, err
	}
	return img, func() { must(t, errors.Join(img.Close(), cache.Close())) }, nil
}

// holdsAll wants every file of the image, by all ways to read one.
func holdsAll(t testing.TB, img *image.Image, want map[string]string) {
	t.Helper()
	for path, content := range want {
		s, err := img.OpenFile(path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		read, err := io.ReadAll(onlyReader{s})
		at := make([]byte, len(content)/2)
		_, errAt := s.ReadAt(at, int64(len(content))-int64(len(at)))
		_, errSeek := s.Seek(0, io.SeekStart)
		var copied bytes.Buffer
		_, errCopy := s.WriteTo(&copied)
		if err := errors.Join(err, errAt, errSeek, errCopy, s.Close()); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		if string(read) != content || string(at) != content[len(content)-len(at):] || copied.String() != content {
			t.Errorf("%s: other content", path)
		}
	}
}

type onlyReader struct{ io.Reader }

func TestRemote(t *testing.T) {
	m, want := many(t, 20, 70_000)
	m2 := imagetest.New(t, imagetest.Spec{Artifacts: map[string]string{"large.bin": noise(t, 3<<20), "empty.bin": ""}})
	layout := m.Layout(t)
	var away atomic.Bool
	r := imagetest.NewRegistry(t, layout, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if away.Load() {
				http.Error(w, "away", http.StatusServiceUnavailable)
				return
			}
			next.ServeHTTP(w, req)
		})
	})
	digest, _ := imagetest.Descriptor(t, layout)
	dir := t.TempDir()
	img, closer, err := remote(t, r.Reference(), dir, 16<<20)
	must(t, err)
	if n := r.Sent.Load(); n > 20_000 {
		t.Errorf("%d bytes are read to open it", n)
	}
	byDigest := r.Reference()
	byDigest.Name = digest
	if state := img.Remote().State(); state.Reference != byDigest.String() || state.Away != nil || img.Digest != digest {
		t.Errorf("%+v", state)
	}
	holdsAll(t, img, want)
	closer()

	// It opens, and gives what is in the cache, without the registry.
	away.Store(true)
	asked := r.Asked.Load()
	img, closer, err = remote(t, byDigest, dir, 16<<20)
	must(t, err)
	holdsAll(t, img, want)
	if n := r.Asked.Load() - asked; n != 0 {
		t.Errorf("the registry was asked %d times", n)
	}
	closer()
	// A tag is the registry's to resolve.
	if _, _, err := remote(t, r.Reference(), dir, 16<<20); err == nil {
		t.Error("a tag is resolved without a registry")
	}
	away.Store(false)

	// What is kept of the image is damaged.
	kept, err := filepath.Glob(filepath.Join(dir, "image", "*"))
	must(t, err)
	if len(kept) != 4 {
		t.Errorf("kept: %q", kept)
	}
	for _, file := range kept {
		data, err := os.ReadFile(file)
		must(t, err)
		data[len(data)/2] ^= 0xff
		must(t, os.WriteFile(file, data, 0o644))
		img, closer, err = remote(t, byDigest, dir, 16<<20)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		holdsAll(t, img, want)
		closer()
	}

	// Another image in the same folder: nothing remains of the first.
	second := imagetest.NewRegistry(t, m2.Layout(t), nil)
	img, closer, err = remote(t, second.Reference(), dir, 16<<20)
	must(t, err)
	for _, name := range []string{"files/large.bin", "files/empty.bin"} {
		if s, err := img.OpenFile(name); err != nil {
			t.Error(err)
		} else if n, err := io.Copy(io.Discard, s); err != nil || n != img.Lookup(name).Size {
			t.Errorf("%s: %d bytes, %v", name, n, err)
		} else {
			s.Close()
		}
	}
	closer()
	if kept, _ = filepath.Glob(filepath.Join(dir, "image", "*")); len(kept) != 4 {
		t.Errorf("kept: %q", kept)
	}
}

// Many clients at once, of a cache that is too small: every file is right.
func TestRemoteManyClients(t *testing.T) {
	m, want := many(t, 30, 90_000)
	img, closer, err := remote(t, imagetest.NewRegistry(t, m.Layout(t), nil).Reference(), t.TempDir(), 400_000)
	must(t, err)
	defer closer()
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() { holdsAll(t, img, want) })
	}
	clients.Wait()
	if s := img.Remote().State().Cache; s.Bytes > 400_000 {
		t.Errorf("%+v", s)
	}
}

// Small files that wait at the same time are read with few requests.
func TestRemoteJoins(t *testing.T) {
	m, want := many(t, 300, 5000)
	slow := make(chan struct{})
	r := imagetest.NewRegistry(t, m.Layout(t), func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.Path, "/blobs/") {
				<-slow
			}
			next.ServeHTTP(w, r)
		})
	})
	opened := make(chan struct{})
	go func() {
		for {
			select {
			case slow <- struct{}{}:
			case <-opened:
				return
			}
		}
	}()
	img, closer, err := remote(t, r.Reference(), t.TempDir(), 16<<20)
	must(t, err)
	defer closer()
	close(opened)
	before := r.Asked.Load()
	var clients sync.WaitGroup
	for path, content := range want {
		clients.Go(func() { holdsAll(t, img, map[string]string{path: content}) })
	}
	for s := img.Remote().State().Cache; s.Misses+s.Hits < int64(len(want)); s = img.Remote().State().Cache {
		runtime.Gosched()
	}
	close(slow)
	clients.Wait()
	if n := r.Asked.Load() - before; n > 100 {
		t.Errorf("%d requests for %d files", n, len(want))
	}
}

func TestRemoteRefuses(t *testing.T) {
	m, _ := many(t, 3, 1000)
	layout := m.Layout(t)
	digest, _ := imagetest.Descriptor(t, layout)
	noRange := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Header.Del("Range")
			next.ServeHTTP(w, r)
		})
	}
	other := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.Path, "/manifests/") {
				io.WriteString(w, `{"schemaVersion":2}`)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
	for name, test := range map[string]struct {
		layout map[string][]byte
		wrap   func(http.Handler) http.Handler
		tag    string
		want   string
		is     error
	}{
		"compressed":       {packed(t, m, gzipOf(t)), nil, "1", "compressed with", nil},
		"no ranges":        {layout, noRange, "1", "does not give parts", nil},
		"another manifest": {layout, other, digest, "sha256 mismatch", artifact.ErrVerify},
		"no such tag":      {layout, nil, "2", "no such image", fs.ErrNotExist},
	} {
		r := imagetest.NewRegistry(t, test.layout, test.wrap)
		ref := r.Reference()
		ref.Name = test.tag
		_, _, err := remote(t, ref, t.TempDir(), 1<<20)
		if err == nil || !strings.Contains(err.Error(), test.want) || test.is != nil && !errors.Is(err, test.is) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Registries that send elsewhere, want a new login in between, and cut what they send.
func TestRemoteThroughTrouble(t *testing.T) {
	m, want := many(t, 6, 600_000)
	layout := m.Layout(t)
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("a login is sent to another host")
		}
		http.ServeContent(w, r, "", imagetest.Date, bytes.NewReader(layout[r.URL.Path[1:]]))
	}))
	defer store.Close()
	for name, wrap := range map[string]func(n int64, w http.ResponseWriter, r *http.Request) bool{
		"redirect": func(_ int64, w http.ResponseWriter, r *http.Request) bool {
			_, blob, is := strings.Cut(r.URL.Path, "/blobs/")
			if is {
				http.Redirect(w, r, store.URL+"/blobs/sha256/"+strings.TrimPrefix(blob, "sha256:"), http.StatusTemporaryRedirect)
			}
			return is
		},
		"busy": func(n int64, w http.ResponseWriter, r *http.Request) bool {
			if n%2 == 0 {
				http.Error(w, "busy", http.StatusServiceUnavailable)
			}
			return n%2 == 0
		},
		"logins end": func(n int64, w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/token" {
				io.WriteString(w, `{"token":"t"}`)
				return true
			}
			if n%5 == 0 || r.Header.Get("Authorization") == "" {
				w.Header().Set("WWW-Authenticate", `Bearer realm="http://`+r.Host+`/token",service="x"`)
				http.Error(w, "log in", http.StatusUnauthorized)
				return true
			}
			return false
		},
		"cut": func(n int64, w http.ResponseWriter, r *http.Request) bool {
			if n%3 == 0 && r.Header.Get("Range") != "" {
				panic(http.ErrAbortHandler)
			}
			return false
		},
	} {
		var n atomic.Int64
		r := imagetest.NewRegistry(t, layout, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !wrap(n.Add(1), w, r) {
					next.ServeHTTP(w, r)
				}
			})
		})
		img, closer, err := remote(t, r.Reference(), t.TempDir(), 16<<20)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		t.Run(name, func(t *testing.T) { holdsAll(t, img, want) })
		closer()
	}
}
