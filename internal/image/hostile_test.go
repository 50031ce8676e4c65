package image_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/imagetest"
)

// exhaust does all that can be done with an image. It returns the first error.
func exhaust(t testing.TB, ref image.Reference, o image.Options) error {
	r, err := image.OpenReader(t.Context(), ref, o)
	if err != nil {
		return err
	}
	defer r.Close()
	c, err := r.Load(t.Context())
	if err != nil {
		return err
	}
	d := newDesk()
	if err := r.Fetch(t.Context(), c.Files, d.take); err != nil {
		return err
	}
	for _, f := range c.Files {
		if digestOf([]byte(d.files[f.Path])) != "sha256:"+f.SHA256 {
			t.Errorf("%s was delivered wrong", f.Path)
		}
	}
	return r.Verify(t.Context())
}

// archiveOf writes a tar file entry by entry; write may do anything.
func archiveOf(t testing.TB, write func(*tar.Writer)) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	write(w)
	must(t, w.Close())
	return b.Bytes()
}

func add(t testing.TB, w *tar.Writer, h tar.Header, data string) {
	h.Mode = 0o644
	if h.Typeflag == 0 {
		h.Typeflag = tar.TypeReg
	}
	if h.Typeflag == tar.TypeReg {
		h.Size = int64(len(data))
	}
	must(t, w.WriteHeader(&h))
	if h.Typeflag == tar.TypeReg {
		_, err := io.WriteString(w, data)
		must(t, err)
	}
}

func addAll(t testing.TB, w *tar.Writer, files map[string][]byte) {
	for _, name := range slices.Sorted(maps.Keys(files)) {
		add(t, w, tar.Header{Name: name}, string(files[name]))
	}
}

// bomb is a lot of zeros, compressed.
func bomb(t testing.TB, size int64) []byte {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	must(t, err)
	for block := make([]byte, 1<<20); size > 0; size -= int64(len(block)) {
		_, err := w.Write(block)
		must(t, err)
	}
	must(t, w.Close())
	return b.Bytes()
}

// Each of these archives is refused with an error: quickly, in little memory, with nothing left behind.
func TestHostileArchives(t *testing.T) {
	m := imagetest.New(t, spec)
	layout, docker := m.Layout(t), m.Docker(t)
	var good bytes.Buffer
	{
		name := filepath.Join(t.TempDir(), "good.tar")
		imagetest.WriteTar(t, name, layout)
		data, err := os.ReadFile(name)
		must(t, err)
		good.Write(data)
	}
	// changed is the docker-archive with another manifest.json.
	changed := func(old, new string) []byte {
		files := maps.Clone(docker)
		text := strings.Replace(string(files["manifest.json"]), old, new, 1)
		if text == string(files["manifest.json"]) {
			t.Fatalf("no %s", old)
		}
		files["manifest.json"] = []byte(text)
		return archiveOf(t, func(w *tar.Writer) { addAll(t, w, files) })
	}
	// labeled is the layout with another label.
	labeled := func(label string) []byte {
		return archiveOf(t, func(w *tar.Writer) { addAll(t, w, imagetest.LayoutOf(t, m.Layers(t), label)) })
	}
	var place struct{ Head struct{ Offset, Size int64 } }
	must(t, json.Unmarshal([]byte(m.Label(t)), &place))
	// with is a layout of these layers with a head of its own in the last.
	withHead := func(head []byte) []byte {
		layers := m.Layers(t)
		layers[len(layers)-1] = head
		label := fmt.Sprintf(`{"sha256":"%s","head":{"offset":0,"size":%d},"records":{"offset":0,"size":0}}`, hexOf(head), len(head))
		return archiveOf(t, func(w *tar.Writer) { addAll(t, w, imagetest.LayoutOf(t, layers, label)) })
	}
	zstd := zstdOf(t)
	deep := strings.Repeat(`{"manifests":[`, 100_000)
	firstLayer := `"Layers":["`

	cases := map[string][]byte{
		"empty":          nil,
		"one byte":       {0},
		"garbage":        []byte(noise(t, 100_000)),
		"only zeros":     make([]byte, 1<<20),
		"no image":       archiveOf(t, func(w *tar.Writer) { add(t, w, tar.Header{Name: "x"}, "x") }),
		"gzip's start":   {0x1f, 0x8b, 8},
		"zstd's start":   []byte("\x28\xb5\x2f\xfd"),
		"xz's start":     []byte("\xfd7zXZ\x00"),
		"bomb":           bomb(t, 128<<20),
		"zstd bomb":      zstd(make([]byte, 128<<20)),
		"huge window":    []byte("\x28\xb5\x2f\xfd\x00\xf8\x01\x00\x00"),
		"truncated gzip": gzipOf(t)(good.Bytes())[:200],

		"device": archiveOf(t, func(w *tar.Writer) {
			addAll(t, w, layout)
			add(t, w, tar.Header{Name: "blobs/x", Typeflag: tar.TypeChar}, "")
		}),
		"fifo": archiveOf(t, func(w *tar.Writer) { add(t, w, tar.Header{Name: "index.json", Typeflag: tar.TypeFifo}, "") }),
		"link out": archiveOf(t, func(w *tar.Writer) {
			add(t, w, tar.Header{Name: "manifest.json", Typeflag: tar.TypeSymlink, Linkname: "../../../../etc/passwd"}, "")
		}),
		"absolute link": archiveOf(t, func(w *tar.Writer) {
			add(t, w, tar.Header{Name: "oci-layout", Typeflag: tar.TypeSymlink, Linkname: "/etc/hostname"}, "")
		}),
		"hard link out": archiveOf(t, func(w *tar.Writer) {
			add(t, w, tar.Header{Name: "manifest.json", Typeflag: tar.TypeLink, Linkname: "/etc/passwd"}, "")
		}),
		"links in a circle": archiveOf(t, func(w *tar.Writer) {
			add(t, w, tar.Header{Name: "manifest.json", Typeflag: tar.TypeSymlink, Linkname: "b"}, "")
			add(t, w, tar.Header{Name: "b", Typeflag: tar.TypeSymlink, Linkname: "manifest.json"}, "")
		}),
		"too many entries": archiveOf(t, func(w *tar.Writer) {
			for i := range 10_001 {
				add(t, w, tar.Header{Name: fmt.Sprint(i)}, "")
			}
		}),
		"huge manifest": archiveOf(t, func(w *tar.Writer) { add(t, w, tar.Header{Name: "manifest.json"}, strings.Repeat(" ", 9<<20)) }),
		"deep index": archiveOf(t, func(w *tar.Writer) {
			add(t, w, tar.Header{Name: "oci-layout"}, string(layout["oci-layout"]))
			add(t, w, tar.Header{Name: "index.json"}, deep)
		}),
		"replaced index": archiveOf(t, func(w *tar.Writer) { addAll(t, w, layout); add(t, w, tar.Header{Name: "./blobs/../index.json"}, "{}") }),

		"layer outside":    changed(firstLayer, firstLayer+`../../../../etc/passwd","`),
		"absolute layer":   changed(firstLayer, firstLayer+`/etc/passwd","`),
		"layer twice":      changed(firstLayer, firstLayer+strings.Split(strings.SplitAfter(string(docker["manifest.json"]), firstLayer)[1], `"`)[0]+`","`),
		"thousands":        changed(firstLayer, firstLayer+strings.Repeat(`x","`, 5000)),
		"config outside":   changed(`"Config":"`, `"Config":"../`),
		"no configuration": changed(`"Config":"`, `"Gifnoc":"`),

		"no label":          labeled(""),
		"label is no JSON":  labeled("{"),
		"label is deep":     labeled(strings.Repeat("[", 100_000)),
		"label, no digest":  labeled(`{"sha256":"../x"}`),
		"head elsewhere":    labeled(strings.Replace(m.Label(t), `"offset":`, `"offset":1`, 1)),
		"head outside":      labeled(strings.Replace(m.Label(t), `"offset":`, `"offset":9999999999`, 1)),
		"head before":       labeled(strings.Replace(m.Label(t), `"offset":`, `"offset":-`, 1)),
		"head overflows":    labeled(`{"sha256":"` + hexOf(nil) + `","head":{"offset":9223372036854775807,"size":9223372036854775807}}`),
		"head is empty":     labeled(`{"sha256":"` + hexOf(nil) + `","head":{"offset":0,"size":0}}`),
		"huge head":         withHead([]byte(noise(t, 5<<20))),
		"head is a bomb":    withHead(zstd(make([]byte, 64<<20))),
		"head is no zstd":   withHead([]byte("{}")),
		"head is no JSON":   withHead(zstd([]byte("{"))),
		"head is deep":      withHead(zstd([]byte(`{"version":1,"x":` + strings.Repeat("[", 1<<20)))),
		"head of the later": withHead(zstd([]byte(`{"version":2}`))),
	}
	for n := 0; n < good.Len(); n += good.Len()/16 + 1 {
		cases[fmt.Sprintf("cut at %d", n)] = good.Bytes()[:n]
	}
	for i := range 4 { // a byte of each layer
		data := bytes.Clone(good.Bytes())
		at := bytes.Index(data, m.Layers(t)[i])
		data[at+len(m.Layers(t)[i])/2] ^= 0x40
		cases[fmt.Sprintf("changed layer %d", i)] = data
	}

	dir, temporary := t.TempDir(), t.TempDir()
	for name, data := range cases {
		file := filepath.Join(dir, "image.tar")
		must(t, os.WriteFile(file, data, 0o644))
		for _, ref := range []image.Reference{{Transport: image.OCIArchive, Path: file}, {Transport: image.DockerArchive, Path: file}, {Path: file}, {Transport: image.Stdin}} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := exhaust(t, ref, image.Options{Stdin: bytes.NewReader(data), TempDir: temporary})
			runtime.ReadMemStats(&after)
			if err == nil {
				t.Errorf("%s, %s: no error", name, ref)
			}
			if err != nil && (len(err.Error()) > 2000 || strings.Contains(err.Error(), "root:x")) {
				t.Errorf("%s, %s: %.3000s", name, ref, err)
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > 256<<20 {
				t.Errorf("%s, %s: %d MB of memory", name, ref, used>>20)
			}
		}
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if open, err := os.ReadDir("/proc/self/fd"); err == nil && len(open) > 100 {
		t.Errorf("%d files are open", len(open))
	}
}

// A layer that is compressed is refused, too, when it is far too large.
func TestLayerBomb(t *testing.T) {
	m := imagetest.New(t, spec)
	layers := m.Layers(t)
	layers[1] = bomb(t, 128<<20)
	// The catalog says that a file lies far behind.
	for i := range m.Catalog.Files {
		if m.Catalog.Files[i].Layer == 1 {
			m.Catalog.Files[i].Offset += 120 << 20
		}
	}
	layers[3] = m.Layers(t)[3]
	layout := imagetest.LayoutOf(t, layers, m.Label(t))
	dir := t.TempDir()
	imagetest.WriteDir(t, dir, layout)
	if err := exhaust(t, image.Reference{Transport: image.OCI, Path: dir}, image.Options{}); !errors.Is(err, artifact.ErrVerify) || !strings.Contains(err.Error(), "refused") {
		t.Error(err)
	}
	server := imagetest.NewRegistry(t, layout, nil)
	if err := exhaust(t, server.Reference(), image.Options{}); err == nil {
		t.Error("no error from a registry")
	}
}

// What is no image, and what is no tree, is said in words that help.
func TestNothingThere(t *testing.T) {
	dir := t.TempDir()
	for ref, want := range map[string]string{
		filepath.Join(dir, "none"):               "no such file",
		dir:                                      "hint: an image is a folder in the OCI layout",
		"root:" + dir:                            "hint: minimirror build makes one",
		"oci:" + dir:                             "not an OCI image layout",
		"docker://127.0.0.1:1/site/mirror:1":     "connection refused",
		"oci-archive:" + filepath.Join(dir, "x"): "no such file",
	} {
		parsed, err := image.ParseReadable(ref)
		must(t, err)
		o := image.Options{}
		o.Registry.Wait = noWait
		if err := exhaust(t, parsed, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", ref, err)
		}
	}
	_, err := image.OpenReader(t.Context(), image.Reference{Path: filepath.Join(dir, "none")}, image.Options{})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
