package image_test

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"
	ulikunitz "github.com/ulikunitz/xz"

	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/catalog"
	"github.com/minimirror/minimirror/internal/image/imagetest"
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

func (d *desk) take(f catalog.File) (image.Delivery, error) {
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
func records(t testing.TB, r *image.Reader, paths ...string) (files []catalog.File) {
	t.Helper()
	found, _, err := r.Find(t.Context(), imagetest.Kind, paths)
	must(t, err)
	for _, path := range paths {
		if len(found[path]) != 1 {
			t.Fatalf("%s: %v", path, found[path])
		}
		files = append(files, found[path][0].Stored()[0])
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
