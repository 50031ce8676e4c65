// Package imagetest makes small images for tests: a catalog and layers from
// files in memory, in every form that package image reads. Tests change the
// Catalog or the files of a layout before they are written, to forge images.
package imagetest

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/catalog"
	"github.com/minimirror/minimirror/internal/image/layout"
	"github.com/minimirror/minimirror/internal/image/tarlayer"
)

// Date is the lock's date, and that of every generated file.
var Date = time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)

// A Spec says what an image holds. All of it is of one kind and one source, "files".
type Spec struct {
	Artifacts map[string]string // path below the source → content
	Unused    map[string]string // path below the source → content, beside the artifacts
	Generated map[string]string // path below the root → content
	Links     map[string]string // path below the root, after that of a generated file → that file's path
	Scripts   map[string]string // path below the image's root → content
	Sets      map[string][]string
}

// A Mirror is an image in memory.
type Mirror struct {
	Catalog *catalog.Catalog
	layers  [][]byte // all but the catalog's
	files   map[string]string
}

// Kind and Source of all that a Mirror holds.
const (
	Kind   = "plain"
	Source = "files"
)

// New makes an image: a layer for the program, one for the artifacts, one for
// what is generated, which always includes a public key, and the catalog's.
func New(t testing.TB, spec Spec) *Mirror {
	t.Helper()
	m := &Mirror{files: map[string]string{}, Catalog: &catalog.Catalog{
		Name:    "test",
		Date:    Date,
		Lock:    digest(nil),
		Sources: []artifact.Source{{Kind: Kind, Name: Source, URLs: []string{"http://mirror.example.org/files"}}},
	}}
	program, err := tarlayer.New([]tarlayer.Entry{{Path: layout.ProgramPath, Mode: 0o755, Data: []byte("#!program")}})
	must(t, err)
	m.layers = append(m.layers, bytesOf(t, program))

	artifacts := map[string]string{}
	for path, content := range spec.Artifacts {
		m.Catalog.Items = append(m.Catalog.Items, artifact.Item{Kind: Kind, Source: Source, Name: path, Version: "1", Attributes: artifact.Attributes{{Name: "architecture", Values: []string{"all"}}}, Files: []artifact.File{{Size: int64(len(content)), SHA256: strings.TrimPrefix(digest([]byte(content)), "sha256:"), Path: path, URLs: []string{"http://mirror.example.org/files/" + path}}}})
		artifacts[Source+"/"+path] = content
	}
	for path, content := range spec.Unused {
		artifacts[Source+"/"+path] = content
	}
	m.addLayer(t, Spec{Generated: artifacts}, time.Time{})
	m.Catalog.Files = slices.DeleteFunc(m.Catalog.Files, func(f catalog.File) bool {
		_, unused := spec.Unused[strings.TrimPrefix(f.Path, Source+"/")]
		if unused {
			m.Catalog.Unused = append(m.Catalog.Unused, f)
		}
		return unused
	})
	slices.SortFunc(m.Catalog.Unused, func(a, b catalog.File) int { return strings.Compare(a.Path, b.Path) })
	generated := map[string]string{layout.KeyPath: "-----BEGIN PGP PUBLIC KEY BLOCK-----\n"}
	maps.Copy(generated, spec.Generated)
	m.addLayer(t, Spec{Generated: generated, Links: spec.Links, Scripts: spec.Scripts}, Date)

	for name, paths := range spec.Sets {
		set := artifact.Set{Name: name, Architecture: "any"}
		for _, path := range paths {
			set.Items = append(set.Items, Source+"/"+path)
		}
		m.Catalog.Sets = append(m.Catalog.Sets, set)
	}
	slices.SortFunc(m.Catalog.Sets, artifact.CompareSets)
	slices.SortFunc(m.Catalog.Items, func(a, b artifact.Item) int { return artifact.Compare(&a, &b) })
	slices.SortFunc(m.Catalog.Files, func(a, b catalog.File) int { return strings.Compare(a.Path, b.Path) })
	return m
}

func (m *Mirror) addLayer(t testing.TB, spec Spec, modified time.Time) {
	var entries []tarlayer.Entry
	for path, content := range spec.Generated {
		entries = append(entries, tarlayer.Entry{Path: layout.Root + "/" + path, Data: []byte(content)})
	}
	for path, target := range spec.Links {
		entries = append(entries, tarlayer.Entry{Path: layout.Root + "/" + path, Link: layout.Root + "/" + target})
	}
	for path, content := range spec.Scripts {
		entries = append(entries, tarlayer.Entry{Path: path, Mode: 0o755, Data: []byte(content)})
	}
	layer, err := tarlayer.New(entries)
	must(t, err)
	add := func(path, target string) {
		content := spec.Generated[target]
		m.files[path] = content
		m.Catalog.Files = append(m.Catalog.Files, catalog.File{
			Path: path, Layer: len(m.layers), Offset: layer.Offset(layout.Root + "/" + target), Size: int64(len(content)),
			SHA256: strings.TrimPrefix(digest([]byte(content)), "sha256:"), Modified: modified,
		})
	}
	for path := range spec.Generated {
		add(path, path)
	}
	for path, target := range spec.Links {
		add(path, target)
	}
	m.layers = append(m.layers, bytesOf(t, layer))
}

// Layers returns the uncompressed layers, with the catalog as it is now.
func (m *Mirror) Layers(t testing.TB) [][]byte {
	t.Helper()
	last, _ := m.catalog(t)
	return append(slices.Clone(m.layers), bytesOf(t, last))
}

// Label says in the configuration where the catalog is.
func (m *Mirror) Label(t testing.TB) string {
	t.Helper()
	_, label := m.catalog(t)
	return label
}

func (m *Mirror) catalog(t testing.TB) (*tarlayer.Layer, string) {
	t.Helper()
	layer, label, err := catalog.NewLayer(m.Catalog)
	must(t, err)
	return layer, label
}

// Layout returns the files of an OCI image layout by name.
func (m *Mirror) Layout(t testing.TB) map[string][]byte {
	t.Helper()
	return LayoutOf(t, m.Layers(t), m.Label(t))
}

// LayoutOf returns the files of an OCI image layout with these layers and this label, if any.
func LayoutOf(t testing.TB, layers [][]byte, label string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	blob := func(mediaType string, data []byte) map[string]any {
		files["blobs/sha256/"+strings.TrimPrefix(digest(data), "sha256:")] = data
		return map[string]any{"mediaType": mediaType, "digest": digest(data), "size": len(data)}
	}
	var descriptors []any
	for _, layer := range layers {
		descriptors = append(descriptors, blob("application/vnd.oci.image.layer.v1.tar", layer))
	}
	manifest := blob("application/vnd.oci.image.manifest.v1+json", encode(t, map[string]any{
		"schemaVersion": 2,
		"mediaType":     "application/vnd.oci.image.manifest.v1+json",
		"config":        blob("application/vnd.oci.image.config.v1+json", config(t, layers, label)),
		"layers":        descriptors,
	}))
	manifest["annotations"] = map[string]string{"org.opencontainers.image.ref.name": "1.0"}
	files["index.json"] = encode(t, map[string]any{"schemaVersion": 2, "manifests": []any{manifest}})
	files["oci-layout"] = []byte(`{"imageLayoutVersion":"1.0.0"}`)
	return files
}

// Docker returns the files of a docker-archive as BuildKit names them.
func (m *Mirror) Docker(t testing.TB) map[string][]byte {
	t.Helper()
	layers := m.Layers(t)
	files := map[string][]byte{}
	name := func(data []byte) string {
		name := "blobs/sha256/" + strings.TrimPrefix(digest(data), "sha256:")
		files[name] = data
		return name
	}
	var names []string
	for _, layer := range layers {
		names = append(names, name(layer))
	}
	files["manifest.json"] = encode(t, []any{map[string]any{
		"Config": name(config(t, layers, m.Label(t))), "RepoTags": []string{"mirror.example.org/site/test:1.0"}, "Layers": names,
	}})
	return files
}

func config(t testing.TB, layers [][]byte, label string) []byte {
	var diffIDs []string
	for _, layer := range layers {
		diffIDs = append(diffIDs, digest(layer))
	}
	return encode(t, map[string]any{
		"os": "linux", "architecture": "amd64",
		"config": map[string]any{"User": "65532:65532", "Entrypoint": []string{"/minimirror", "serve"},
			"Labels": map[string]string{layout.CatalogLabel: label, layout.Revision: digest(nil)}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": diffIDs},
	})
}

// WriteDir writes files below dir.
func WriteDir(t testing.TB, dir string, files map[string][]byte) {
	t.Helper()
	for name, data := range files {
		name = filepath.Join(dir, filepath.FromSlash(name))
		must(t, os.MkdirAll(filepath.Dir(name), 0o755))
		must(t, os.WriteFile(name, data, 0o644))
	}
}

// WriteTar writes a tar file of files, in the order of their names.
func WriteTar(t testing.TB, name string, files map[string][]byte) {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		must(t, w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(files[name]))}))
		_, err := w.Write(files[name])
		must(t, err)
	}
	must(t, w.Close())
	must(t, os.WriteFile(name, b.Bytes(), 0o644))
}

// WriteRoot writes the mirror below dir as a running container sees it.
func (m *Mirror) WriteRoot(t testing.TB, dir string) {
	t.Helper()
	head, records, err := m.Catalog.Encode()
	must(t, err)
	files := map[string][]byte{layout.HeadName: head, layout.RecordsName: records}
	for path, content := range m.files {
		files[path] = []byte(content)
	}
	WriteDir(t, dir, files)
}

func bytesOf(t testing.TB, layer *tarlayer.Layer) []byte {
	t.Helper()
	r := layer.NewReader(context.Background())
	defer r.Close()
	data, err := io.ReadAll(r)
	must(t, err)
	return data
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	must(t, err)
	return data
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
