package imagestest

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// Docker's media types of what the OCI image specification has, too.
const (
	DockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	DockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
	DockerConfig   = "application/vnd.docker.container.image.v1+json"
	DockerLayer    = "application/vnd.docker.image.rootfs.diff.tar"
)

// An Image is what Registry.Image makes an image of.
type Image struct {
	Platform    string   // "linux/arm64/v8"; empty: linux/amd64
	Layers      [][]byte // nil: one, with a file that names the platform
	Labels      map[string]string
	Annotations map[string]string
	Created     time.Time // zero: 1 March 2025
	Docker      bool      // Docker's schema 2, not OCI
}

// Layer is an uncompressed layer with these files.
func Layer(files map[string]string) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(files[name])), Format: tar.FormatUSTAR}); err != nil {
			panic(err)
		}
		if _, err := w.Write([]byte(files[name])); err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// ParsePlatform reads "linux/arm64/v8".
func ParsePlatform(text string) v1.Platform {
	parts := append(strings.Split(text, "/"), "", "")
	return v1.Platform{OS: parts[0], Architecture: parts[1], Variant: parts[2]}
}

// Image adds an image for one platform. Its descriptor has the platform, as an index needs it.
func (r *Registry) Image(name string, i Image) v1.Descriptor {
	if i.Platform == "" {
		i.Platform = "linux/amd64"
	}
	if i.Layers == nil {
		i.Layers = [][]byte{Layer(map[string]string{"etc/" + strings.ReplaceAll(name, "/", "-"): i.Platform + "\n"})}
	}
	if i.Created.IsZero() {
		i.Created = time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC)
	}
	manifestType, configType, layerType := v1.MediaTypeImageManifest, v1.MediaTypeImageConfig, v1.MediaTypeImageLayer
	if i.Docker {
		manifestType, configType, layerType = DockerManifest, DockerConfig, DockerLayer
	}
	platform := ParsePlatform(i.Platform)
	config := v1.Image{Created: &i.Created, Platform: platform, Config: v1.ImageConfig{Labels: i.Labels}, RootFS: v1.RootFS{Type: "layers"}}
	m := v1.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: manifestType, Annotations: i.Annotations}
	for _, layer := range i.Layers {
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, digest.FromBytes(layer))
		m.Layers = append(m.Layers, r.Blob(name, layerType, layer))
	}
	m.Config = r.Blob(name, configType, r.json(config))
	d := r.Manifest(name, manifestType, r.json(m))
	d.Platform = &platform
	return d
}

// Index adds an index of manifests that the repository has.
func (r *Registry) Index(name string, manifests ...v1.Descriptor) v1.Descriptor {
	mediaType := v1.MediaTypeImageIndex
	if len(manifests) > 0 && manifests[0].MediaType == DockerManifest {
		mediaType = DockerList
	}
	return r.Manifest(name, mediaType, r.json(v1.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: mediaType, Manifests: manifests}))
}

// MultiImage adds an index of images, one for each platform, under a tag.
func (r *Registry) MultiImage(name, tag string, platforms ...string) v1.Descriptor {
	var manifests []v1.Descriptor
	for _, p := range platforms {
		manifests = append(manifests, r.Image(name, Image{Platform: p, Layers: [][]byte{Layer(map[string]string{"etc/" + tag: name + " " + p + "\n"})}}))
	}
	return r.Tag(name, tag, r.Index(name, manifests...))
}

// An Artifact is what Registry.Artifact makes a manifest of that is not an image.
type Artifact struct {
	Type        string // artifactType; may be empty
	Config      Blob   // without a type: the empty one of the specification
	Layers      []Blob
	Annotations map[string]string
	Subject     *v1.Descriptor // nil: it is not attached
}

// A Blob is content and its media type.
type Blob struct {
	MediaType   string
	Data        []byte
	Annotations map[string]string
}

// Artifact adds an artifact.
func (r *Registry) Artifact(name string, a Artifact) v1.Descriptor {
	if a.Config.MediaType == "" {
		a.Config = Blob{MediaType: v1.MediaTypeEmptyJSON, Data: []byte("{}")}
	}
	m := v1.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageManifest, ArtifactType: a.Type, Annotations: a.Annotations, Layers: []v1.Descriptor{}}
	m.Config = r.Blob(name, a.Config.MediaType, a.Config.Data)
	for _, layer := range a.Layers {
		d := r.Blob(name, layer.MediaType, layer.Data)
		d.Annotations = layer.Annotations
		m.Layers = append(m.Layers, d)
	}
	if a.Subject != nil {
		m.Subject = &v1.Descriptor{MediaType: a.Subject.MediaType, Digest: a.Subject.Digest, Size: a.Subject.Size}
	}
	return r.Manifest(name, v1.MediaTypeImageManifest, r.json(m))
}

// Chart adds a Helm chart under a tag.
func (r *Registry) Chart(name, tag string) v1.Descriptor {
	return r.Tag(name, tag, r.Artifact(name, Artifact{
		Config: Blob{MediaType: "application/vnd.cncf.helm.config.v1+json", Data: []byte(`{"name":"` + name[strings.LastIndexByte(name, '/')+1:] + `","version":"` + strings.ReplaceAll(tag, "_", "+") + `"}`)},
		Layers: []Blob{{MediaType: "application/vnd.cncf.helm.chart.content.v1.tar+gzip", Data: []byte("the chart " + name + " " + tag)}},
	}))
}

// SBOM attaches a list of software to a manifest.
func (r *Registry) SBOM(name string, subject v1.Descriptor) v1.Descriptor {
	return r.Artifact(name, Artifact{Type: "application/spdx+json", Subject: &subject,
		Layers: []Blob{{MediaType: "application/spdx+json", Data: []byte(`{"spdxVersion":"SPDX-2.3","name":"` + subject.Digest.String() + `"}`)}}})
}

func (r *Registry) json(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		r.t.Fatal(err)
	}
	return data
}
