package buildkit

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/image"
)

func TestBakeArchives(t *testing.T) {
	const pinned = "minimirror.local/tiny:20261130-1a2b3c4d"
	for output, names := range map[string][]string{ // of OCI's, the two annotations
		"oci-archive:%s/x.tar":                       {pinned, pinned},
		"oci-archive:%s/new/x.tar:v1":                {"v1", "minimirror.local/tiny:v1"},
		"oci-archive:%s/x.tar:h.example/a:2":         {"h.example/a:2", "h.example/a:2"},
		"docker-archive:%s/x.tar":                    {pinned, "minimirror.local/tiny:latest"},
		"docker-archive:%s/x.tar:site/docker":        {"site/docker:latest"},
		"docker-archive:%s/x.tar:h.example:5000/a:2": {"h.example:5000/a:2"},
	} {
		dir := t.TempDir()
		o, _ := options(t, fmt.Sprintf(output, dir))
		os.WriteFile(filepath.Join(dir, ".minimirror-part-x.tar"), []byte("by a killed run"), 0o644)
		for range 2 { // the second replaces the first
			if sum := bakeTo(t, o); sum != goldenDigest {
				t.Errorf("%s: digest %s, want %s", output, sum, goldenDigest)
			}
		}
		if info, err := os.Stat(o.Output.Path); err != nil || info.Mode().Perm() != 0o644 {
			t.Errorf("%s: %v, %v; want mode 644", output, info.Mode(), err)
		}
		if got := tree(t, filepath.Dir(o.Output.Path)); !slices.Equal(got, []string{"x.tar"}) {
			t.Errorf("%s: the folder has %q", output, got)
		}
		if o.Output.Transport == image.OCIArchive {
			checkArchive(t, o.Output.Path, names)
			continue
		}
		tag, err := name.NewTag(names[0])
		if err != nil {
			t.Fatal(err)
		}
		img, err := tarball.ImageFromPath(o.Output.Path, &tag)
		if err != nil {
			t.Fatal(err)
		}
		config, err := img.ConfigFile()
		if err != nil || config.Variant != "v8" || len(config.RootFS.DiffIDs) != 3 {
			t.Errorf("%s: %+v, %v", output, config, err)
		}
		manifest, err := tarball.LoadManifest(func() (io.ReadCloser, error) { return os.Open(o.Output.Path) })
		if err != nil || len(manifest) != 1 || !slices.Equal(manifest[0].RepoTags, names) {
			t.Errorf("%s: %+v, %v; want %q", output, manifest, err, names)
		}
	}
}

// checkArchive unpacks an OCI archive and reads its index.
func checkArchive(t *testing.T, file string, names []string) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	blobs := make(map[string][]byte)
	archive := tar.NewReader(f)
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if blobs[h.Name], err = io.ReadAll(archive); err != nil {
			t.Fatal(err)
		}
	}
	var index ocispec.Index
	if err := json.Unmarshal(blobs["index.json"], &index); err != nil {
		t.Fatal(err)
	}
	if len(index.Manifests) != 1 || blobs["manifest.json"] != nil || !maps.Equal(index.Manifests[0].Annotations,
		map[string]string{"org.opencontainers.image.ref.name": names[0], "io.containerd.image.name": names[1]}) {
		t.Errorf("%s: %+v", file, index)
	}
	for path, data := range blobs {
		if sum, ok := strings.CutPrefix(path, blobFolder+"/"); ok && sum != "" && digest.FromBytes(data).Encoded() != sum {
			t.Errorf("%s: %s has other content", file, path)
		}
	}
}

// Building a newer lock replaces the image in a folder, although its tag differs; an image that the user named is kept.
func TestReplaces(t *testing.T) {
	const pinned, later = "minimirror.local/tiny:20261130-1a2b3c4d", "minimirror.local/tiny:20261201-00000000"
	for _, c := range []struct {
		output, old string
		want        bool
	}{
		{"", pinned, true}, {"", later, true}, {"", "", true}, {"", "1", false}, {"", "minimirror.local/tiny:1", false},
		{"1", "1", true}, {"1", "2", false}, {"1", "", false}, {"1", pinned, false},
	} {
		a := layoutNames(Options{Output: image.Reference{Transport: image.OCI, Name: c.output}, Names: []string{pinned}})
		if a.replaces(c.old) != c.want {
			t.Errorf("%q, where %q is: %t", c.output, c.old, !c.want)
		}
	}
}
