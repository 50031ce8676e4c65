package images

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/images/imagestest"
)

// carried is what an image of the mirror would hold, made by hand from a registry of the tests.
type carried struct {
	*imagestest.Registry
	t     testing.TB
	pins  artifact.Pins
	files map[string][]byte
}

func newCarried(t testing.TB) *carried {
	return &carried{Registry: imagestest.New(t), t: t, files: make(map[string][]byte)}
}

// add makes items of what a tag or digest names: one for each of the platforms of an index, and of "" what has no platform. The attached manifests
// belong to all.
func (c *carried) add(registry, repository, version string, platforms []string, attached ...v1.Descriptor) {
	c.t.Helper()
	source := sourceName(registry)
	if !slices.ContainsFunc(c.pins.Sources, func(s artifact.Source) bool { return s.Name == source }) {
		c.pins.Sources = append(c.pins.Sources, artifact.Source{Kind: "images", Name: source, URLs: []string{"https://" + registry}})
	}
	root := c.read(repository, version)
	for _, p := range platforms {
		item := artifact.Item{Kind: "images", Source: source, Name: repository, Version: version, Key: itemKey(repository, version, p)}
		setAttribute(&item, attributeDigest, root.digest)
		c.put(&item, manifestFolder, root.digest, root.data)
		m := root
		for _, d := range root.list.Manifests {
			switch name := platformName(d.Platform); {
			case name == p:
				m = c.read(repository, d.Digest.String())
				setAttribute(&item, attributeManifest, m.digest)
				c.put(&item, manifestFolder, m.digest, m.data)
			case !slices.Contains(platforms, name):
				item.Metadata = append(item.Metadata, line(keyAbsent, d.Digest.String()+" "+name))
			}
		}
		if p != "" {
			setAttribute(&item, attributePlatform, p)
			setAttribute(&item, attributeArchitecture, strings.TrimPrefix(p, "linux/"))
		} else {
			item.Metadata = append(item.Metadata, line(keyMedia, m.list.Config.MediaType))
		}
		c.blobs(&item, repository, m)
		for _, d := range attached {
			a := c.read(repository, d.Digest.String())
			c.put(&item, manifestFolder, a.digest, a.data)
			c.blobs(&item, repository, a)
			var about struct {
				Subject      *v1.Descriptor
				ArtifactType string
			}
			if err := json.Unmarshal(a.data, &about); err != nil {
				c.t.Fatal(err)
			}
			if d.ArtifactType = about.ArtifactType; about.Subject != nil {
				referrer, err := referrerLine(about.Subject.Digest.String(), &d)
				if err != nil {
					c.t.Fatal(err)
				}
				item.Metadata = append(item.Metadata, referrer)
			}
		}
		c.pins.Items = append(c.pins.Items, item)
	}
	slices.SortFunc(c.pins.Items, func(a, b artifact.Item) int { return artifact.Compare(&a, &b) })
}

type readManifest struct {
	digest string
	data   []byte
	list   document
}

func (c *carried) read(repository, version string) (m readManifest) {
	c.t.Helper()
	if m.data = c.Content(repository, version); m.data == nil {
		c.t.Fatalf("%s: no %s", repository, version)
	}
	m.digest = sha256Of(m.data)
	if err := json.Unmarshal(m.data, &m.list); err != nil {
		c.t.Fatal(err)
	}
	return m
}

func (c *carried) blobs(item *artifact.Item, repository string, m readManifest) {
	for _, d := range append([]v1.Descriptor{*m.list.Config}, m.list.Layers...) {
		c.put(item, blobFolder, d.Digest.String(), c.Content(repository, d.Digest.String()))
	}
}

// put adds a file to an item, once, and its type if it is a manifest.
func (c *carried) put(item *artifact.Item, folder, digest string, data []byte) {
	sum := sha256.Sum256(data)
	f := artifact.File{Path: filePath(folder, digest), Size: int64(len(data)), SHA256: hex.EncodeToString(sum[:])}
	if slices.ContainsFunc(item.Files, func(o artifact.File) bool { return o.Path == f.Path }) {
		return
	}
	item.Files = append(item.Files, f)
	c.files[item.FileID(&f)] = data
	if folder == manifestFolder {
		var m document
		if err := json.Unmarshal(data, &m); err != nil {
			c.t.Fatal(err)
		}
		item.Metadata = append(item.Metadata, line(keyType, digest+" "+m.MediaType))
	}
}

func (c *carried) open(name string) (io.ReadCloser, error) {
	data, found := c.files[name]
	if !found {
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

// item finds one by its ID.
func (c *carried) item(id string) *artifact.Item {
	c.t.Helper()
	for i := range c.pins.Items {
		if c.pins.Items[i].ID() == id {
			return &c.pins.Items[i]
		}
	}
	c.t.Fatalf("no item %s", id)
	return nil
}

func setAttribute(i *artifact.Item, name, value string) {
	all := map[string][]string{name: {value}}
	for _, a := range i.Attributes {
		if a.Name != name {
			all[a.Name] = a.Values
		}
	}
	i.Attributes = artifact.NewAttributes(all)
}
