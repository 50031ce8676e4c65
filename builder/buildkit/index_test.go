package buildkit

import (
	"net/http"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/image/tarlayer"
)

// both adds an image for amd64 that has another program.
func both(t *testing.T, o *Options, dir string) {
	t.Helper()
	other := Image{Layers: slices.Clone(o.Layers), Config: o.Config}
	other.Layers[0] = layer(t, dir, "minimirror-amd64")
	other.Config.Platform = ocispec.Platform{OS: "linux", Architecture: "amd64"}
	o.Others = []Image{other}
}

// An index is the same wherever it is written, and each of its manifests is the one that is made when its platform is built alone.
func TestIndexHasTheImagesOfBothPlatforms(t *testing.T) {
	r := newRegistry(t)
	dir := t.TempDir()
	alone, _ := options(t, "oci:"+filepath.Join(dir, "alone"))
	both(t, &alone, dir)
	alone.Image, alone.Others = alone.Others[0], nil
	amd64 := bakeTo(t, alone)

	out := filepath.Join(dir, "out")
	var sums []digest.Digest
	daemon, _ := startDaemon(t)
	for _, addr := range []string{"", daemon} {
		for _, output := range []string{"oci:" + out, "oci-archive:" + filepath.Join(dir, "out.tar"), "docker://" + r.host + "/site/tiny:1", "oci:" + out} {
			o, _ := options(t, output)
			o.Addr = addr
			both(t, &o, dir)
			sums = append(sums, bakeTo(t, o))
		}
	}
	if slices.ContainsFunc(sums, func(sum digest.Digest) bool { return sum != sums[0] }) {
		t.Errorf("digests differ: %v", sums)
	}
	var top, index ocispec.Index
	read(t, filepath.Join(out, "index.json"), &top)
	if len(top.Manifests) != 1 || top.Manifests[0].Digest != sums[0] || top.Manifests[0].MediaType != ocispec.MediaTypeImageIndex {
		t.Fatalf("index.json: %+v", top.Manifests)
	}
	read(t, blobFile(out, sums[0]), &index)
	var got []string
	for _, d := range index.Manifests {
		got = append(got, d.Platform.Architecture+d.Platform.Variant+" "+d.Digest.String())
		var manifest ocispec.Manifest
		read(t, blobFile(out, d.Digest), &manifest)
		for _, blob := range append(manifest.Layers, manifest.Config) {
			if intact, err := (&directory{}).intact(t.Context(), blobFile(out, blob.Digest), blob, &meter{}); !intact || err != nil {
				t.Errorf("%s: %v", blob.Digest, err)
			}
		}
	}
	if want := []string{"arm64 " + goldenDigest.String(), "amd64 " + amd64.String()}; !slices.Equal(got, want) {
		t.Errorf("images: %q, want %q", got, want)
	}
	if blobs := tree(t, filepath.Join(out, blobFolder)); len(blobs) != 4+2+2+1 { // two layers are shared
		t.Errorf("%d blobs: %q", len(blobs), blobs)
	}

	ref, err := name.ParseReference(r.host + "/site/tiny:1")
	if err != nil {
		t.Fatal(err)
	}
	pushed, err := remote.Index(ref, remote.WithTransport(http.DefaultTransport))
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := pushed.IndexManifest()
	if err != nil || len(manifest.Manifests) != 2 {
		t.Errorf("in the registry: %+v, %v", manifest, err)
	}
}

// The same image alone takes the place of an index, and the blobs of the other platform go.
func TestOnePlatformReplacesIndex(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	o, _ := options(t, "oci:"+out)
	both(t, &o, dir)
	bakeTo(t, o)
	o.Others = nil
	if sum := bakeTo(t, o); sum != goldenDigest {
		t.Errorf("digest %s, want %s", sum, goldenDigest)
	}
	if blobs := tree(t, filepath.Join(out, blobFolder)); len(blobs) != 3+1+1 {
		t.Errorf("%d blobs: %q", len(blobs), blobs)
	}
}

// A platform without layers is an error, as the first is.
func TestIndexNeedsLayersOfEachPlatform(t *testing.T) {
	o, dir := options(t, "oci:"+filepath.Join(t.TempDir(), "out"))
	both(t, &o, dir)
	o.Others[0].Layers = []*tarlayer.Layer{}
	if _, err := Bake(t.Context(), o); err == nil {
		t.Error("no error")
	}
}
