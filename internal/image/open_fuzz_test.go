package image_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/imagetest"
	"github.com/minimirror/minimirror/internal/image/layout"
	"github.com/minimirror/minimirror/internal/image/registry"
)

// readAll reads every file of an image that opened, which must neither panic nor
// give other than what the catalog says.
func readAll(t *testing.T, ref image.Reference) {
	exhaust(t, ref, image.Options{})
	img, err := image.Open(ref)
	if err != nil {
		return
	}
	defer img.Close()
	for i := range img.Catalog.Files {
		s, err := img.Open(&img.Catalog.Files[i])
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, s); err == nil && n != img.Catalog.Files[i].Size {
			t.Fatalf("%d bytes of %d", n, img.Catalog.Files[i].Size)
		}
		s.Close()
	}
}

func FuzzArchive(f *testing.F) {
	m := imagetest.New(f, imagetest.Spec{Artifacts: map[string]string{"a": "a"}})
	dir := f.TempDir()
	for _, files := range []map[string][]byte{m.Layout(f), m.Docker(f), {"manifest.json": []byte(`[{"Config":"manifest.json","Layers":["x"]}]`)}} {
		name := filepath.Join(dir, "seed.tar")
		imagetest.WriteTar(f, name, files)
		data, err := os.ReadFile(name)
		must(f, err)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		name := filepath.Join(t.TempDir(), "image.tar")
		must(t, os.WriteFile(name, data, 0o644))
		readAll(t, image.Reference{Transport: image.OCIArchive, Path: name})
		readAll(t, image.Reference{Transport: image.DockerArchive, Path: name})
	})
}

// FuzzLayout tries index, manifest and configuration: whatever the documents are, their digests agree.
func FuzzLayout(f *testing.F) {
	m := imagetest.New(f, imagetest.Spec{Artifacts: map[string]string{"a": "a"}})
	layout := m.Layout(f)
	var manifest, config []byte
	for _, data := range layout {
		switch {
		case bytes.Contains(data, []byte(`"diff_ids"`)):
			config = data
		case bytes.Contains(data, []byte(`"layers":[`)):
			manifest = data
		}
	}
	f.Add(layout["index.json"], manifest, config)
	f.Add([]byte(`{"manifests":[{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"DIGEST","size":1}]}`), []byte(`{}`), []byte(`{}`))
	f.Fuzz(func(t *testing.T, index, manifest, config []byte) {
		dir := t.TempDir()
		files := map[string][]byte{"oci-layout": layout["oci-layout"], "index.json": index}
		for name, data := range layout {
			if len(data) > 500 && name != "index.json" {
				files[name] = data
			}
		}
		files["blobs/sha256/"+hexOf(manifest)] = manifest
		files["blobs/sha256/"+hexOf(config)] = config
		imagetest.WriteDir(t, dir, files)
		readAll(t, image.Reference{Transport: image.OCI, Path: dir})
	})
}

// FuzzStdin tries what may come through a pipe: compressed, or not.
func FuzzStdin(f *testing.F) {
	m := imagetest.New(f, imagetest.Spec{Artifacts: map[string]string{"a": "a"}})
	name := filepath.Join(f.TempDir(), "seed.tar")
	imagetest.WriteTar(f, name, m.Docker(f))
	data, err := os.ReadFile(name)
	must(f, err)
	f.Add(data)
	f.Add(gzipOf(f)(data))
	f.Add(zstdOf(f)(data))
	f.Add(xzOf(f)(data))
	f.Fuzz(func(t *testing.T, data []byte) {
		exhaust(t, image.Reference{Transport: image.Stdin}, image.Options{Stdin: bytes.NewReader(data), TempDir: t.TempDir()})
	})
}

// FuzzRecords tries what a catalog says, which its compression would hide from FuzzCatalog: the text
// of the head, and of one block of each table.
func FuzzRecords(f *testing.F) {
	pack := zstdOf(f)
	f.Add(`"sets":[{"name":"s","architecture":"any","count":1,"size":1}]`, "s/any", `{"set":"s/any","kind":"k","source":"x","name":"n","path":"a","size":1,"sha256":"ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"}`,
		"k/n", `{"kind":"k","source":"x","name":"n","path":"a","size":1,"sha256":"ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"}`,
		"x", `{"kind":"k","name":"x"}`)
	f.Add(`"lock":"x"`, "", "", "k/n", `{"kind":"k","name":"n","alias_of":["x"]}`, "", "{}")
	f.Fuzz(func(t *testing.T, more, setKey, set, key, rows, sourceKey, sources string) {
		var records bytes.Buffer
		table := func(first, rows string, count int) string {
			if rows == "" {
				return `{}`
			}
			block := pack([]byte(rows))
			ref := fmt.Sprintf(`{"rows":%d,"blocks":[{"first":%q,"offset":%d,"size":%d,"sha256":"%s"}]}`, count, first, records.Len(), len(block), hexOf(block))
			records.Write(block)
			return ref
		}
		count := func(rows string) int { return len(strings.Split(strings.TrimSuffix(rows, "\n"), "\n")) }
		head := fmt.Sprintf(`{"version":1,"name":"x","lock":"sha256:%s",%s,"tables":{"sets":%s,"artifacts":%s,"files":{},"sources":%s}}`, hexOf(nil), more,
			table(setKey, set, count(set)), table(key, rows, count(rows)), table(sourceKey, sources, count(sources)))
		dir := t.TempDir()
		imagetest.WriteDir(t, dir, map[string][]byte{layout.HeadName: pack([]byte(head)), layout.RecordsName: records.Bytes(), "x/a": []byte("a")})
		r, err := image.OpenReader(t.Context(), image.Reference{Transport: image.Unpacked, Path: dir}, image.Options{})
		if err != nil {
			return
		}
		defer r.Close()
		for _, s := range r.Sets {
			r.Set(t.Context(), s.Name, s.Architecture)
		}
		kind, name, _ := strings.Cut(key, "/")
		r.Find(t.Context(), kind, []string{name})
		exhaust(t, r.Reference, image.Options{})
	})
}

// FuzzRegistry tries what a registry answers: a manifest, a configuration, and headers about ranges.
func FuzzRegistry(f *testing.F) {
	m := imagetest.New(f, imagetest.Spec{Artifacts: map[string]string{"a": "a"}})
	layout := m.Layout(f)
	digest, mediaType := imagetest.Descriptor(f, layout)
	manifest := layout["blobs/sha256/"+strings.TrimPrefix(digest, "sha256:")]
	f.Add(manifest, mediaType, 206, "", []byte("x"))
	f.Add(manifest, mediaType, 206, "bytes 0-9/*", []byte("x"))
	f.Add(manifest, mediaType, 503, "bytes 1024-2000/99999", []byte(""))
	f.Add([]byte(`{"manifests":[{}]}`), "application/vnd.oci.image.index.v1+json", 200, "", []byte("{}"))
	var answer atomic.Pointer[http.HandlerFunc]
	server := imagetest.NewRegistry(f, layout, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			(*answer.Load())(w, r.WithContext(context.WithValue(r.Context(), nextKey{}, next)))
		})
	})
	f.Fuzz(func(t *testing.T, manifest []byte, mediaType string, status int, contentRange string, blob []byte) {
		handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case strings.Contains(r.URL.Path, "/manifests/"):
				w.Header().Set("Content-Type", mediaType)
				w.Write(manifest)
			case r.Header.Get("Range") != "" && contentRange != "" && status >= 200 && status < 600:
				w.Header().Set("Content-Range", contentRange)
				w.WriteHeader(status)
				w.Write(blob)
			default:
				r.Context().Value(nextKey{}).(http.Handler).ServeHTTP(w, r)
			}
		})
		answer.Store(&handler)
		exhaust(t, server.Reference(), image.Options{Registry: registry.Options{Wait: noWait, Stall: time.Second}})
	})
}

type nextKey struct{}
