package image_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	ulikunitz "github.com/ulikunitz/xz"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/imagetest"
	"github.com/minimirror/minimirror/internal/image/registry"
)

// A desk takes deliveries.
type desk struct {
	mu      sync.Mutex
	files   map[string]string
	aborted int
	limit   int64 // bytes of a file, after which writing fails; 0: none
}

type parcel struct {
	bytes.Buffer
	desk *desk
	path string
}

func (d *desk) take(f image.File) (image.Delivery, error) {
	return &parcel{desk: d, path: f.Path}, nil
}

func (p *parcel) Write(b []byte) (int, error) {
	if p.desk.limit > 0 && int64(p.Len()+len(b)) > p.desk.limit {
		return 0, errors.New("the disk is full")
	}
	return p.Buffer.Write(b)
}

func (p *parcel) Commit() error {
	p.desk.mu.Lock()
	defer p.desk.mu.Unlock()
	if _, again := p.desk.files[p.path]; again {
		return fmt.Errorf("%s: delivered twice", p.path)
	}
	p.desk.files[p.path] = p.String()
	return nil
}

func (p *parcel) Abort() {
	p.desk.mu.Lock()
	defer p.desk.mu.Unlock()
	p.desk.aborted++
}

func newDesk() *desk { return &desk{files: map[string]string{}} }

// noise is content that does not compress.
func noise(t testing.TB, size int) string {
	data := make([]byte, size)
	_, err := rand.Read(data)
	must(t, err)
	return string(data)
}

// many is a mirror of n artifacts of a given size.
func many(t testing.TB, n, size int) (*imagetest.Mirror, map[string]string) {
	artifacts := map[string]string{}
	for i := range n {
		artifacts[fmt.Sprintf("pool/%04d.bin", i)] = noise(t, size)
	}
	m := imagetest.New(t, imagetest.Spec{Artifacts: artifacts, Generated: map[string]string{"files/index": "a\nb\n"}})
	want := map[string]string{}
	for path, content := range artifacts {
		want["files/"+path] = content
	}
	return m, want
}

func reader(t testing.TB, ref image.Reference, o image.Options) *image.Reader {
	t.Helper()
	r, err := image.OpenReader(t.Context(), ref, o)
	must(t, err)
	t.Cleanup(func() { must(t, r.Close()) })
	return r
}

// records finds artifacts by path below the source.
func records(t testing.TB, r *image.Reader, paths ...string) (files []image.File) {
	t.Helper()
	found, _, err := r.Find(t.Context(), imagetest.Kind, paths)
	must(t, err)
	for _, path := range paths {
		if len(found[path]) != 1 {
			t.Fatalf("%s: %v", path, found[path])
		}
		files = append(files, found[path][0].File())
	}
	return files
}

// packed returns the layout with its layers compressed, as skopeo does when it copies.
func packed(t testing.TB, m *imagetest.Mirror, pack func([]byte) []byte) map[string][]byte {
	layout := m.Layout(t)
	layers := m.Layers(t)
	manifest, _ := imagetest.Descriptor(t, layout)
	name := "blobs/sha256/" + strings.TrimPrefix(manifest, "sha256:")
	text := layout[name]
	for _, layer := range layers {
		smaller := pack(layer)
		layout["blobs/sha256/"+hexOf(smaller)] = smaller
		text = bytes.Replace(text, fmt.Appendf(nil, `"sha256:%s","mediaType":"application/vnd.oci.image.layer.v1.tar","size":%d`, hexOf(layer), len(layer)),
			fmt.Appendf(nil, `"sha256:%s","mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","size":%d`, hexOf(smaller), len(smaller)), 1)
		delete(layout, "blobs/sha256/"+hexOf(layer))
	}
	delete(layout, name)
	layout["blobs/sha256/"+hexOf(text)] = text
	index := bytes.Replace(layout["index.json"], []byte(manifest), []byte("sha256:"+hexOf(text)), 1)
	layout["index.json"] = []byte(strings.Replace(string(index), sizeField(index), fmt.Sprintf(`"size":%d`, len(text)), 1))
	return layout
}

func sizeField(index []byte) string {
	text := string(index[bytes.Index(index, []byte(`"size":`)):])
	return text[:strings.IndexAny(text, ",}")]
}

func zstdOf(t testing.TB) func([]byte) []byte {
	e, err := zstd.NewWriter(nil)
	must(t, err)
	return func(data []byte) []byte { return e.EncodeAll(data, nil) }
}

func gzipOf(t testing.TB) func([]byte) []byte {
	return func(data []byte) []byte {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, err := w.Write(data)
		must(t, errors.Join(err, w.Close()))
		return b.Bytes()
	}
}

func xzOf(t testing.TB) func([]byte) []byte {
	return func(data []byte) []byte {
		var b bytes.Buffer
		w, err := ulikunitz.NewWriter(&b)
		must(t, err)
		_, err = w.Write(data)
		must(t, errors.Join(err, w.Close()))
		return b.Bytes()
	}
}

// sources are one mirror in every place that a Reader reads from.
func sources(t *testing.T, m *imagetest.Mirror) map[string]func() *image.Reader {
	dir := t.TempDir()
	layout := m.Layout(t)
	imagetest.WriteDir(t, filepath.Join(dir, "oci"), layout)
	imagetest.WriteDir(t, filepath.Join(dir, "gzip"), packed(t, m, gzipOf(t)))
	imagetest.WriteTar(t, filepath.Join(dir, "oci.tar"), layout)
	imagetest.WriteTar(t, filepath.Join(dir, "zstd.tar"), packed(t, m, zstdOf(t)))
	imagetest.WriteTar(t, filepath.Join(dir, "docker.tar"), m.Docker(t))
	m.WriteRoot(t, filepath.Join(dir, "rootfs/mirror"))
	pack := func(name string, pack func([]byte) []byte) {
		data, err := os.ReadFile(filepath.Join(dir, "docker.tar"))
		must(t, err)
		must(t, os.WriteFile(filepath.Join(dir, name), pack(data), 0o644))
	}
	pack("docker.tar.gz", gzipOf(t))
	pack("docker.tar.zst", zstdOf(t))
	pack("docker.tar.xz", xzOf(t))
	plain := imagetest.NewRegistry(t, layout, nil)
	packedOne := imagetest.NewRegistry(t, packed(t, m, gzipOf(t)), nil)
	noRange := imagetest.NewRegistry(t, layout, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Header.Del("Range")
			next.ServeHTTP(w, r)
		})
	})
	all := map[string]func() *image.Reader{
		"registry":            func() *image.Reader { return reader(t, plain.Reference(), image.Options{}) },
		"registry, packed":    func() *image.Reader { return reader(t, packedOne.Reference(), image.Options{}) },
		"registry, no ranges": func() *image.Reader { return reader(t, noRange.Reference(), image.Options{}) },
	}
	for _, text := range []string{"oci:oci", "oci:gzip", "oci-archive:oci.tar", "oci-archive:zstd.tar", "docker-archive:docker.tar",
		"docker-archive:docker.tar.gz", "docker-archive:docker.tar.zst", "docker-archive:docker.tar.xz", "root:rootfs", "root:rootfs/mirror"} {
		transport, path, _ := strings.Cut(text, ":")
		all[text] = func() *image.Reader {
			ref, err := image.ParseReadable(transport + ":" + filepath.Join(dir, path))
			must(t, err)
			return reader(t, ref, image.Options{})
		}
	}
	for _, path := range []string{"oci", "oci.tar", "docker.tar", "docker.tar.gz", "rootfs", "rootfs/mirror"} {
		all[path] = func() *image.Reader {
			ref, err := image.ParseReadable(filepath.Join(dir, path))
			must(t, err)
			return reader(t, ref, image.Options{})
		}
	}
	for _, path := range []string{"oci.tar", "docker.tar", "docker.tar.xz"} {
		all["piped "+path] = func() *image.Reader {
			data, err := os.ReadFile(filepath.Join(dir, path))
			must(t, err)
			return reader(t, image.Reference{Transport: image.Stdin}, image.Options{Stdin: bytes.NewReader(data)})
		}
		all["redirected "+path] = func() *image.Reader {
			file, err := os.Open(filepath.Join(dir, path))
			must(t, err)
			defer file.Close()
			return reader(t, image.Reference{Transport: image.Stdin}, image.Options{Stdin: file})
		}
	}
	return all
}

// Wherever an image is, the same files come out of it.
func TestFetchFromEverywhere(t *testing.T) {
	m, want := many(t, 30, 5000)
	index := "files/index"
	for name, open := range sources(t, m) {
		t.Run(name, func(t *testing.T) {
			r := open()
			var files []image.File
			for path := range want {
				files = append(files, records(t, r, strings.TrimPrefix(path, "files/"))...)
			}
			found, err := r.Files(t.Context(), []string{index})
			must(t, err)
			d := newDesk()
			must(t, r.Fetch(t.Context(), append(files, found[index]), d.take))
			expect := maps.Clone(want)
			expect[index] = "a\nb\n"
			if !maps.Equal(d.files, expect) || d.aborted != 0 {
				t.Errorf("%d files of %d, %d aborted", len(d.files), len(expect), d.aborted)
			}
			if key, err := r.ReadFile(t.Context(), image.KeyPath); err != nil || !bytes.HasPrefix(key, []byte("-----BEGIN")) {
				t.Errorf("%q, %v", key, err)
			}
			if _, err := r.ReadFile(t.Context(), "files/none"); !errors.Is(err, fs.ErrNotExist) {
				t.Error(err)
			}
			body, err := r.OpenFile(t.Context(), files[7])
			must(t, err)
			if data, err := io.ReadAll(body); err != nil || string(data) != want[files[7].Path] {
				t.Errorf("%d bytes, %v", len(data), err)
			}
			must(t, body.Close())
			must(t, r.Verify(t.Context()))
			c, err := r.Load(t.Context())
			if err != nil || len(c.Artifacts) != 30 || c.Artifacts[0].URLs == nil {
				t.Error(err)
			}
		})
	}
}

// Neighbours come with one request, and little else does.
func TestFetchReadsLittle(t *testing.T) {
	m, want := many(t, 300, 50_000)
	server := imagetest.NewRegistry(t, m.Layout(t), nil)
	for name, chosen := range map[string][]string{
		"one":        {"pool/0123.bin"},
		"neighbours": {"pool/0010.bin", "pool/0011.bin", "pool/0012.bin", "pool/0013.bin"},
		"scattered":  {"pool/0000.bin", "pool/0100.bin", "pool/0200.bin", "pool/0299.bin"},
	} {
		server.Sent.Store(0)
		r := reader(t, server.Reference(), image.Options{})
		files := records(t, r, chosen...)
		asked := server.Asked.Load()
		d := newDesk()
		must(t, r.Fetch(t.Context(), files, d.take))
		for _, f := range files {
			if d.files[f.Path] != want[f.Path] {
				t.Errorf("%s: %s", name, f.Path)
			}
		}
		needed := int64(len(chosen) * 50_000)
		if sent := server.Sent.Load(); sent > needed*102/100+256<<10 || sent != r.Received() {
			t.Errorf("%s: %d bytes, counted %d, for %d", name, sent, r.Received(), needed)
		}
		if n := server.Asked.Load() - asked; name != "scattered" && n != 1 {
			t.Errorf("%s: %d requests", name, n)
		}
	}
}

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
		"always cut": {func(n int, w http.ResponseWriter, r *http.Request, next http.Handler) { cut(w, r, next, 0) }, "broken off"},
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
			o := image.Options{Parallel: 1, Registry: registry.Options{Stall: 200 * time.Millisecond, Wait: func(_ context.Context, d time.Duration) error {
				waited = append(waited, d)
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
			if name == "busy" && (len(waited) != 3 || slices.Min(waited) < 7*time.Second) {
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

// What the caller cannot take ends the rest.
func TestFetchOntoAFullDisk(t *testing.T) {
	m, _ := many(t, 30, 5000)
	for name, open := range sources(t, m) {
		r := open()
		d := newDesk()
		d.limit = 4000
		err := r.Fetch(t.Context(), records(t, r, "pool/0001.bin", "pool/0002.bin", "pool/0020.bin"), d.take)
		if err == nil || !strings.Contains(err.Error(), "the disk is full") || len(d.files) != 0 || d.aborted == 0 {
			t.Errorf("%s: %v, %d files, %d aborted", name, err, len(d.files), d.aborted)
		}
	}
}

// A Reader, too, only gives what the catalog states.
func TestFetchRefusesLies(t *testing.T) {
	for name, lie := range map[string]func(*image.File){
		"digest":  func(f *image.File) { f.SHA256 = strings.Repeat("0", 64) },
		"offset":  func(f *image.File) { f.Offset++ },
		"size":    func(f *image.File) { f.Size-- },
		"layer":   func(f *image.File) { f.Layer = 0 },
		"outside": func(f *image.File) { f.Offset = 1 << 40 },
		"huge":    func(f *image.File) { f.Size = 1 << 62 },
	} {
		m, _ := many(t, 10, 1000)
		for i := range m.Catalog.Files {
			if f := &m.Catalog.Files[i]; f.Path == "files/pool/0003.bin" {
				lie(f)
				m.Catalog.Artifacts[3].Size, m.Catalog.Artifacts[3].SHA256 = f.Size, f.SHA256
			}
		}
		for form, open := range sources(t, m) {
			if strings.Contains(form, "root") && name != "digest" && name != "size" {
				continue // a tree has no layers
			}
			r := open()
			found, _, err := r.Find(t.Context(), imagetest.Kind, []string{"pool/0003.bin"})
			d := newDesk()
			if err == nil {
				err = r.Fetch(t.Context(), []image.File{found["pool/0003.bin"][0].File()}, d.take)
			}
			if !errors.Is(err, artifact.ErrVerify) || len(d.files) != 0 {
				t.Errorf("%s, %s: %v", name, form, err)
			}
			if err := r.Verify(t.Context()); !errors.Is(err, artifact.ErrVerify) {
				t.Errorf("%s, %s: Verify: %v", name, form, err)
			}
		}
	}
}

func noWait(context.Context, time.Duration) error { return nil }
