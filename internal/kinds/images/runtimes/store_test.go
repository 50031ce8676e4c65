package runtimes

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/images/imagestest"
)

// carried has the files of images, made from a registry of the tests.
type carried struct {
	*imagestest.Registry
	t     testing.TB
	files map[string][]byte // by digest
}

func newCarried(t testing.TB) *carried {
	return &carried{imagestest.New(t), t, make(map[string][]byte)}
}

// image is what a tag or a digest of a repository names, for one platform.
func (c *carried) image(registry, repository, version, platform string) Image {
	c.t.Helper()
	var list struct {
		MediaType string
		Manifests []v1.Descriptor
		Config    v1.Descriptor
		Layers    []v1.Descriptor
	}
	read := func(reference string) string {
		data := c.Content(repository, reference)
		if err := json.Unmarshal(data, &list); err != nil {
			c.t.Fatalf("%s: %s: %v", repository, reference, err)
		}
		return digest.FromBytes(data).String()
	}
	i := Image{Root: read(version), Platform: platform, Tagged: !strings.Contains(version, ":")}
	i.MediaType, i.Manifest = list.MediaType, i.Root
	byDigest := registry + "/" + repository + "@" + i.Root
	if i.Names = []string{byDigest}; i.Tagged {
		i.Names = []string{registry + "/" + repository + ":" + version, byDigest}
	}
	c.put(&i, repository, i.Root)
	for _, d := range list.Manifests {
		if d.Platform.OS+"/"+d.Platform.Architecture == platform {
			i.Manifest = read(d.Digest.String())
			c.put(&i, repository, i.Manifest)
		}
	}
	i.Config = list.Config.Digest.String()
	c.put(&i, repository, i.Config)
	for _, layer := range list.Layers {
		c.put(&i, repository, layer.Digest.String())
	}
	return i
}

func (c *carried) put(i *Image, repository, digest string) {
	data := c.Content(repository, digest)
	sum := sha256.Sum256(data)
	c.files[digest] = data
	if !slices.ContainsFunc(i.Files, func(f File) bool { return f.Digest == digest }) {
		i.Files = append(i.Files, File{Digest: digest, Size: int64(len(data)), SHA256: hex.EncodeToString(sum[:])})
	}
}

// below writes the files of images below a root, as bootstrap does, and says so in the images.
func (c *carried) below(root string, images ...Image) []Image {
	c.t.Helper()
	dir := c.t.TempDir()
	if root != "/" {
		dir = filepath.Join(root, "var/cache/minimirror")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			c.t.Fatal(err)
		}
	}
	for n := range images {
		images[n].Files = slices.Clone(images[n].Files)
		for f := range images[n].Files {
			file := &images[n].Files[f]
			name := filepath.Join(dir, path.Base(layoutPath(file.Digest)))
			if err := os.WriteFile(name, c.files[file.Digest], 0o644); err != nil {
				c.t.Fatal(err)
			}
			file.Name = strings.TrimPrefix(strings.TrimPrefix(name, root), "/")
		}
	}
	return images
}

func job(root string) artifact.InstallJob { return artifact.InstallJob{Root: root} }
