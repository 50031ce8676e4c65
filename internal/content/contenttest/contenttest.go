// Package contenttest makes images in OCI layouts, for tests: of random bytes, with everything that real images have beside them.
package contenttest

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// A Layout is a folder in the OCI image layout that a test fills.
type Layout struct {
	t      testing.TB
	Dir    string
	Index  v1.Index
	random *rand.ChaCha8
}

// New begins a layout in a new folder. The same seed makes the same blobs.
func New(t testing.TB, seed byte) *Layout {
	t.Helper()
	l := &Layout{t: t, Dir: t.TempDir(), random: rand.NewChaCha8([32]byte{seed})}
	l.Index = v1.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageIndex}
	if err := os.MkdirAll(filepath.Join(l.Dir, "blobs", "sha256"), 0o755); err != nil {
		t.Fatal(err)
	}
	l.write("oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`))
	l.save()
	return l
}

func (l *Layout) write(name string, data []byte) {
	l.t.Helper()
	if err := os.WriteFile(filepath.Join(l.Dir, name), data, 0o644); err != nil { //nolint:gosec // a test's own folder
		l.t.Fatal(err)
	}
}

func (l *Layout) save() {
	l.t.Helper()
	text, err := json.Marshal(l.Index)
	if err != nil {
		l.t.Fatal(err)
	}
	l.write("index.json", text)
}

// Blob stores bytes.
func (l *Layout) Blob(mediaType string, data []byte) v1.Descriptor {
	l.t.Helper()
	d := v1.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
	l.write("blobs/sha256/"+d.Digest.Encoded(), data)
	return d
}

// JSON stores a document.
func (l *Layout) JSON(mediaType string, document any) v1.Descriptor {
	l.t.Helper()
	text, err := json.Marshal(document)
	if err != nil {
		l.t.Fatal(err)
	}
	return l.Blob(mediaType, text)
}

// Image stores an image with layers of these sizes, which no index lists yet.
func (l *Layout) Image(sizes ...int) v1.Descriptor {
	l.t.Helper()
	m := v1.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageManifest}
	config := v1.Image{Platform: v1.Platform{OS: "linux", Architecture: "amd64"}, RootFS: v1.RootFS{Type: "layers"}}
	for _, size := range sizes {
		data := make([]byte, size)
		l.random.Read(data) //nolint:errcheck // it never fails
		m.Layers = append(m.Layers, l.Blob(v1.MediaTypeImageLayer, data))
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, m.Layers[len(m.Layers)-1].Digest)
	}
	m.Config = l.JSON(v1.MediaTypeImageConfig, config)
	return l.JSON(m.MediaType, m)
}

// Attach stores an artifact with one layer whose subject is the image, and lists it.
func (l *Layout) Attach(subject v1.Descriptor, artifactType string, data []byte) v1.Descriptor {
	l.t.Helper()
	config := l.Blob(v1.MediaTypeEmptyJSON, []byte("{}"))
	d := l.JSON(v1.MediaTypeImageManifest, v1.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageManifest, ArtifactType: artifactType,
		Config: config, Layers: []v1.Descriptor{l.Blob(artifactType, data)}, Subject: &subject})
	d.ArtifactType = artifactType
	l.List("", d)
	return d
}

// List adds an image to index.json, under a name unless that is empty.
func (l *Layout) List(name string, d v1.Descriptor) {
	l.t.Helper()
	if name != "" {
		annotations := map[string]string{v1.AnnotationRefName: name}
		maps.Copy(annotations, d.Annotations)
		d.Annotations = annotations
	}
	l.Index.Manifests = append(l.Index.Manifests, d)
	l.save()
}

// Remove removes a blob.
func (l *Layout) Remove(d v1.Descriptor) {
	l.t.Helper()
	if err := os.Remove(filepath.Join(l.Dir, "blobs", "sha256", d.Digest.Encoded())); err != nil {
		l.t.Fatal(err)
	}
}
