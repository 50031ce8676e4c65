package buildkit

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/image/tarlayer"
)

func TestBakeFolder(t *testing.T) {
	out := filepath.Join(t.TempDir(), "new", "out")
	o, _ := options(t, "oci:"+out+":tiny")
	if sum := bakeTo(t, o); sum != goldenDigest {
		t.Errorf("digest %s, want %s", sum, goldenDigest)
	}
	var index ocispec.Index
	read(t, filepath.Join(out, "index.json"), &index)
	if len(index.Manifests) != 1 || index.Manifests[0].Digest != goldenDigest || index.Manifests[0].Annotations[ocispec.AnnotationRefName] != "tiny" {
		t.Errorf("index.json: %+v", index)
	}
	var manifest ocispec.Manifest
	read(t, blobFile(out, goldenDigest), &manifest)
	want := []string{"blobs", "blobs/sha256", "index.json", "oci-layout",
		blobFile("", goldenDigest), blobFile("", manifest.Config.Digest)}
	for i, d := range manifest.Layers {
		want = append(want, blobFile("", d.Digest))
		if d.MediaType != ocispec.MediaTypeImageLayer || d.Size != o.Layers[i].Size() || len(d.Annotations) != 0 {
			t.Errorf("layer %d: %+v", i, d)
		}
		checkLayer(t, blobFile(out, d.Digest), o.Layers[i])
	}
	slices.Sort(want)
	if got := tree(t, out); !slices.Equal(got, want) {
		t.Errorf("the folder has %q, want %q", got, want)
	}
	var config ocispec.Image
	read(t, blobFile(out, manifest.Config.Digest), &config)
	if !config.Created.Equal(created) || config.Platform.Architecture != "arm64" || config.Variant != "v8" || config.Config.User != "65532" {
		t.Errorf("config: %+v", config)
	}
	if len(config.History) != 3 || len(config.RootFS.DiffIDs) != 3 {
		t.Errorf("history %+v, diff ids %v", config.History, config.RootFS.DiffIDs)
	}
	for i, h := range config.History {
		if !h.Created.Equal(created) || config.RootFS.DiffIDs[i] != manifest.Layers[i].Digest {
			t.Errorf("history %d: %+v, diff id %s", i, h, config.RootFS.DiffIDs[i])
		}
	}
}

// checkLayer compares a blob with the layer: archive/tar reads its files.
func checkLayer(t *testing.T, blob string, l *tarlayer.Layer) {
	t.Helper()
	f, err := os.Open(blob)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	archive := tar.NewReader(f)
	for files := 0; ; files++ {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			if files == 0 {
				t.Errorf("%s is empty", blob)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		if got, err := io.ReadAll(archive); err != nil || !bytes.Equal(got, contentOf(h.Name)) {
			t.Errorf("%s: %d bytes, %v", h.Name, len(got), err)
		}
	}
}
