// Package attached describes what is attached to an image as an artifact of its own: lists of software, signatures, provenance. An artifact
// is a manifest (OCI image specification 1.1, "Guidelines for artifact usage") whose subject is the image; registries list the artifacts
// of an image as its referrers. A signature of cosign's first form has a tag instead.
//
//	Artifact ──Make──▶ Made: blobs and manifest ──▶ index of a layout (builder/buildkit), or a registry (package registry)
package attached

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A Blob is content, in memory or in a file.
type Blob struct {
	v1.Descriptor
	Data   []byte
	File   string // instead of Data
	Stored bool   // it is where the artifact goes, and has no content here
}

// NewBlob is a blob in memory.
func NewBlob(mediaType string, data []byte) Blob {
	return Blob{Descriptor: v1.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}, Data: data}
}

// Open opens the content.
func (b *Blob) Open() (io.ReadCloser, error) {
	if b.File != "" {
		return os.Open(b.File)
	}
	return io.NopCloser(bytes.NewReader(b.Data)), nil
}

// An Artifact is attached to an image.
type Artifact struct {
	Type        string            // artifactType of the manifest
	Annotations map[string]string // of the manifest
	Layers      []Blob
	// Tag is the tag at which the artifact is found. The manifest then has no subject, and a configuration like an image's, with Date. Empty: the
	// artifact is found by its subject.
	Tag  string
	Date time.Time
}

// Join joins artifacts that have the same tag: the first of them has the layers of all.
func Join(all []Artifact) (joined []Artifact) {
	at := make(map[string]int)
	for _, a := range all {
		first, found := at[a.Tag]
		if found && a.Tag != "" {
			joined[first].add(a.Layers)
			continue
		}
		at[a.Tag] = len(joined)
		a.Layers = slices.Clone(a.Layers)
		joined = append(joined, a)
	}
	return joined
}

// After returns the artifact with the layers of the manifest that is at its tag: these come first, and none is repeated. So a second signer adds
// a signature to the first one's, as cosign does.
func (a Artifact) After(manifest []byte) (Artifact, error) {
	var m v1.Manifest
	if err := json.Unmarshal(manifest, &m); err != nil || m.Config.MediaType != v1.MediaTypeImageConfig && len(m.Layers) == 0 {
		return a, artifact.Hint(fmt.Errorf("%s: this tag has something other than signatures", a.Tag), "remove the tag from the registry, or push to another repository")
	}
	layers := a.Layers
	a.Layers = nil
	for _, d := range m.Layers {
		a.Layers = append(a.Layers, Blob{Descriptor: d, Stored: true})
	}
	a.add(layers)
	return a, nil
}

// add adds the layers that the artifact does not have.
func (a *Artifact) add(layers []Blob) {
	for _, l := range layers {
		if !slices.ContainsFunc(a.Layers, func(has Blob) bool { return has.Digest == l.Digest && maps.Equal(has.Annotations, l.Annotations) }) {
			a.Layers = append(a.Layers, l)
		}
	}
}

// Made is an artifact as it is stored.
type Made struct {
	Manifest Blob   // its descriptor is as an index lists it
	Blobs    []Blob // that are not stored yet
	Tag      string
}

// Make describes the artifact of an image or index, which is the subject.
func (a Artifact) Make(subject v1.Descriptor) (*Made, error) {
	manifest := v1.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageManifest, Annotations: a.Annotations}
	config := NewBlob(v1.MediaTypeEmptyJSON, v1.DescriptorEmptyJSON.Data)
	if a.Tag == "" {
		manifest.ArtifactType = a.Type
		manifest.Subject = &v1.Descriptor{MediaType: subject.MediaType, Digest: subject.Digest, Size: subject.Size}
	} else {
		image := v1.Image{Created: new(a.Date.UTC()), RootFS: v1.RootFS{Type: "layers"}}
		for _, l := range a.Layers {
			image.RootFS.DiffIDs = append(image.RootFS.DiffIDs, l.Digest)
		}
		text, err := json.Marshal(image)
		if err != nil {
			return nil, err
		}
		config = NewBlob(v1.MediaTypeImageConfig, text)
	}
	manifest.Config = config.Descriptor
	made := &Made{Blobs: []Blob{config}, Tag: a.Tag}
	for _, l := range a.Layers {
		manifest.Layers = append(manifest.Layers, l.Descriptor)
		if !l.Stored {
			made.Blobs = append(made.Blobs, l)
		}
	}
	text, err := json.Marshal(manifest)
	if err != nil {
		return nil, err
	}
	made.Manifest = NewBlob(v1.MediaTypeImageManifest, text)
	made.Manifest.Annotations = a.Annotations
	if a.Tag != "" {
		made.Manifest.Annotations = map[string]string{v1.AnnotationRefName: a.Tag}
	}
	made.Manifest.ArtifactType = manifest.ArtifactType
	return made, nil
}

// Tag is the tag of what belongs to an image, where registries do not list referrers (OCI distribution specification 1.1, "Referrers tag
// schema"), and of cosign's signatures with the suffix ".sig".
func Tag(image digest.Digest, suffix string) string {
	algorithm, encoded, _ := strings.Cut(image.String(), ":")
	return algorithm + "-" + encoded[:min(64, len(encoded))] + suffix // a tag has at most 128 characters
}

// Is reports whether a descriptor in an index is not an image, but attached to one.
func Is(d v1.Descriptor) bool {
	name := d.Annotations[v1.AnnotationRefName]
	algorithm, rest, _ := strings.Cut(name, "-")
	sum, _, _ := strings.Cut(rest, ".")
	return d.ArtifactType != "" || digest.NewDigestFromEncoded(digest.Algorithm(algorithm), sum).Validate() == nil
}
