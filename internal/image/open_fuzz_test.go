package image_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/imagetest"
)

// readAll reads every file of an image that opened, which must neither panic nor
// give other than what the catalog says.
func readAll(t *testing.T, ref image.Reference) {
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
