package buildkit

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/image"
)

func TestBakeArchives(t *testing.T) {
	for output, tag := range map[string]string{
		"oci-archive:%s/x.tar":                       "",
		"oci-archive:%s/new/x.tar:v1":                "v1",
		"docker-archive:%s/x.tar":                    "minimirror/tiny:latest",
		"docker-archive:%s/x.tar:site/docker":        "site/docker:latest",
		"docker-archive:%s/x.tar:h.example:5000/a:2": "h.example:5000/a:2",
	} {
		dir := t.TempDir()
		o, _ := options(t, fmt.Sprintf(output, dir))
		os.WriteFile(filepath.Join(dir, ".x.tar.minimirror-left"), []byte("by a killed run"), 0o644)
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
			checkArchive(t, o.Output.Path, tag)
			continue
		}
		img, err := tarball.ImageFromPath(o.Output.Path, nil)
		if err != nil {
			t.Fatal(err)
		}
		config, err := img.ConfigFile()
		if err != nil || config.Variant != "v8" || len(config.RootFS.DiffIDs) != 3 {
			t.Errorf("%s: %+v, %v", output, config, err)
		}
		manifest, err := tarball.LoadManifest(func() (io.ReadCloser, error) { return os.Open(o.Output.Path) })
		if err != nil || len(manifest) != 1 || !slices.Equal(manifest[0].RepoTags, []string{tag}) {
			t.Errorf("%s: %+v, %v; want tag %s", output, manifest, err, tag)
		}
	}
}

// checkArchive unpacks an OCI archive and reads its index.
func checkArchive(t *testing.T, file, name string) {
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
	if len(index.Manifests) != 1 || index.Manifests[0].Annotations[ocispec.AnnotationRefName] != name || blobs["manifest.json"] != nil {
		t.Errorf("%s: %+v", file, index)
	}
	for path, data := range blobs {
		if sum, ok := strings.CutPrefix(path, blobFolder+"/"); ok && sum != "" && digest.FromBytes(data).Encoded() != sum {
			t.Errorf("%s: %s has other content", file, path)
		}
	}
}
