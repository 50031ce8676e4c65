package images

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"path/filepath"
	"slices"
	"testing"
	"time"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/imagetest"
	"github.com/minimirror/minimirror/internal/kinds/images/imagestest"
)

// A shelf is images that are put into a mirror by hand, as a lock would have them: what is served does not depend on Resolve.
type shelf struct {
	t     testing.TB
	items []artifact.Item
	files map[string]string // content, by artifact.Item.FileID
}

// An extra is what is attached to a manifest.
type extra struct {
	tag     string // empty: it is a referrer
	subject v1.Descriptor
	v1.Descriptor
}

// add adds the image of a registry under a tag or its digest: an item for each platform.
func (s *shelf) add(registry string, r *imagestest.Registry, name, version string, d v1.Descriptor, extras ...extra) {
	s.t.Helper()
	digest := string(d.Digest)
	root := r.Content(name, digest)
	if version == "" {
		version = digest
	}
	var index v1.Index
	noError(s.t, json.Unmarshal(root, &index))
	children := index.Manifests
	if children == nil {
		children = []v1.Descriptor{{}}
	}
	for _, child := range children {
		i := artifact.Item{Kind: Kind{}.Name(), Source: sourceName(registry), Name: name, Version: version, Requested: true}
		attributes := map[string][]string{attributeDigest: {digest}}
		s.file(&i, r, manifestFolder, digest, d.MediaType)
		manifest := root
		if child.Digest != "" {
			manifest = s.file(&i, r, manifestFolder, string(child.Digest), child.MediaType)
			attributes[attributeManifest] = []string{string(child.Digest)}
		}
		s.blobs(&i, r, manifest)
		platform := platformName(child.Platform)
		if platform != "" {
			attributes[attributePlatform], attributes[attributeArchitecture] = []string{platform}, []string{child.Platform.Architecture}
		}
		for _, e := range extras {
			if string(e.subject.Digest) != digest && e.subject.Digest != child.Digest {
				continue
			}
			s.blobs(&i, r, s.file(&i, r, manifestFolder, string(e.Digest), e.MediaType))
			if e.tag != "" {
				i.Metadata = append(i.Metadata, line(keyTag, e.tag+" "+string(e.Digest)))
				continue
			}
			text, err := referrerLine(string(e.subject.Digest), &e.Descriptor)
			noError(s.t, err)
			i.Metadata = append(i.Metadata, text)
		}
		i.Attributes, i.Key = artifact.NewAttributes(attributes), itemKey(name, version, platform)
		s.items = append(s.items, i)
	}
}

// file adds a file to an item, and returns its content. mediaType is that of a manifest.
func (s *shelf) file(i *artifact.Item, r *imagestest.Registry, folder, digest, mediaType string) []byte {
	s.t.Helper()
	data := r.Content(i.Name, digest)
	if data == nil {
		s.t.Fatalf("%s has no %s", i.Name, digest)
	}
	if mediaType != "" {
		i.Metadata = append(i.Metadata, line(keyType, digest+" "+mediaType))
	}
	f := artifact.File{Path: filePath(folder, digest), Size: int64(len(data)), SHA256: hex.EncodeToString(sha256Bytes(data)), URLs: []string{"https://" + i.Source + prefix + i.Name + "/" + folder + digest}}
	if !slices.ContainsFunc(i.Files, func(o artifact.File) bool { return o.Path == f.Path }) {
		i.Files = append(i.Files, f)
	}
	s.files[i.FileID(&f)] = string(data)
	return data
}

// blobs adds what a manifest has.
func (s *shelf) blobs(i *artifact.Item, r *imagestest.Registry, manifest []byte) {
	s.t.Helper()
	var m v1.Manifest
	noError(s.t, json.Unmarshal(manifest, &m))
	for _, d := range append([]v1.Descriptor{m.Config}, m.Layers...) {
		if d.Digest != "" {
			s.file(i, r, blobFolder, string(d.Digest), "")
		}
	}
}

// pins are those of a lock.
func (s *shelf) pins() artifact.Pins {
	p := artifact.Pins{Date: imagetest.Date, Items: s.items}
	slices.SortFunc(p.Items, func(a, b artifact.Item) int { return artifact.Compare(&a, &b) })
	for i := range p.Items {
		if n := len(p.Sources); n == 0 || p.Sources[n-1].Name != p.Items[i].Source {
			p.Sources = append(p.Sources, artifact.Source{Kind: Kind{}.Name(), Name: p.Items[i].Source, URLs: []string{"https://" + p.Items[i].Source}})
		}
	}
	return p
}

// write writes a mirror of it, an OCI layout, into a folder.
func (s *shelf) write(dir string) image.Reference {
	s.t.Helper()
	pins := s.pins()
	made, err := Kind{}.Publish(pins, nil)
	noError(s.t, err)
	spec := imagetest.Spec{Generated: map[string]string{}}
	for name, data := range s.files {
		spec.Generated[name] = data
	}
	for _, g := range made {
		spec.Generated[g.Path] = string(g.Data)
	}
	m := imagetest.New(s.t, spec)
	m.Catalog.Sources, m.Catalog.Items = pins.Sources, pins.Items
	for i := range m.Catalog.Files {
		if _, is := s.files[m.Catalog.Files[i].Path]; is {
			m.Catalog.Files[i].Modified = time.Time{}
		}
	}
	imagetest.WriteDir(s.t, dir, m.Layout(s.t))
	return image.Reference{Transport: image.OCI, Path: dir}
}

func (s *shelf) image() *image.Image {
	s.t.Helper()
	img, err := image.Open(s.write(filepath.Join(s.t.TempDir(), "image")))
	noError(s.t, err)
	s.t.Cleanup(func() { img.Close() })
	return img
}

func sha256Bytes(data []byte) []byte {
	sum := sha256.Sum256(data)
	return sum[:]
}

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
