package buildkit

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/image/tarlayer"
)

// past is put on files to see which are written anew.
var past = time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)

// age makes every file below dir old.
func age(t *testing.T, dir string) {
	t.Helper()
	for _, name := range tree(t, dir) {
		if err := os.Chtimes(filepath.Join(dir, name), past, past); err != nil {
			t.Fatal(err)
		}
	}
}

// young lists the files below dir that were written since.
func young(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	for _, name := range tree(t, dir) {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().IsRegular() && !info.ModTime().Equal(past) {
			names = append(names, name)
		}
	}
	return names
}

func TestRebuildWritesNothingAgain(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	o, _ := options(t, "oci:"+out)
	bakeTo(t, o)
	before := tree(t, out)
	age(t, out)
	bakeTo(t, o)
	if names := young(t, out); len(names) != 0 {
		t.Errorf("written again: %q", names)
	}
	if after := tree(t, out); !slices.Equal(before, after) {
		t.Errorf("%q, was %q", after, before)
	}
}

func TestRebuildWritesWhatChanged(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	o, dir := options(t, "oci:"+out)
	first := bakeTo(t, o)
	var old ocispec.Manifest
	read(t, blobFile(out, first), &old)
	if err := os.WriteFile(filepath.Join(out, "README"), []byte("not ours"), 0o644); err != nil {
		t.Fatal(err)
	}
	age(t, out)

	o.Layers = []*tarlayer.Layer{o.Layers[0], layer(t, dir, "mirror/other.deb"), o.Layers[2]}
	second := bakeTo(t, o)
	var manifest ocispec.Manifest
	read(t, blobFile(out, second), &manifest)
	written := []string{"index.json", blobFile("", second), blobFile("", manifest.Config.Digest), blobFile("", manifest.Layers[1].Digest)}
	slices.Sort(written)
	if names := young(t, out); !slices.Equal(names, written) {
		t.Errorf("written: %q, want %q", names, written)
	}
	want := append(written, "README", "blobs", "blobs/sha256", "oci-layout", blobFile("", old.Layers[0].Digest), blobFile("", old.Layers[2].Digest))
	slices.Sort(want)
	if got := tree(t, out); !slices.Equal(got, want) {
		t.Errorf("the folder has %q, want %q", got, want)
	}
}

func TestRebuildMendsADamagedBlob(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	o, _ := options(t, "oci:"+out)
	bakeTo(t, o)
	var manifest ocispec.Manifest
	read(t, blobFile(out, goldenDigest), &manifest)
	for _, d := range append(manifest.Layers, manifest.Config) {
		name := blobFile(out, d.Digest)
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		data[len(data)/2] ^= 1
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if sum := bakeTo(t, o); sum != goldenDigest {
		t.Errorf("digest %s", sum)
	}
	for i, l := range o.Layers {
		checkLayer(t, blobFile(out, manifest.Layers[i].Digest), l)
	}
	var config ocispec.Image
	read(t, blobFile(out, manifest.Config.Digest), &config)
}

// TestKilledRunsAreSweptAway leaves what SIGKILL would, and what a living run needs.
func TestKilledRunsAreSweptAway(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	o, _ := options(t, "oci:"+out)
	for name, data := range map[string]string{
		filepath.Join(o.StateDir, "minimirror-bake-dead", "cache.db"): "state",
		filepath.Join(o.StateDir, "other"):                            "not ours",
		filepath.Join(out, "oci-layout"):                              `{"imageLayoutVersion":"1.0.0"}`,
		filepath.Join(out, ".minimirror-part-index.json"):             "half",
		filepath.Join(out, blobFolder, ".minimirror-part-abc"):        "half a blob",
		filepath.Join(out, blobFolder, strings.Repeat("a", 64)):       "an old blob",
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	living, err := newScratchDir(o.StateDir, "minimirror-bake-")
	if err != nil {
		t.Fatal(err)
	}
	defer living.remove()
	if _, err := Bake(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	want := []string{filepath.Base(living.Name()), "other"}
	slices.Sort(want)
	if got := tree(t, o.StateDir); !slices.Equal(got, want) {
		t.Errorf("the state folder has %q, want %q", got, want)
	}
	fresh, _ := options(t, "oci:"+filepath.Join(t.TempDir(), "fresh"))
	bakeTo(t, fresh)
	if got, want := tree(t, out), tree(t, fresh.Output.Path); !slices.Equal(got, want) {
		t.Errorf("the folder has %q, want %q", got, want)
	}
}

// TestBakesIntoOneFolder run at once, and one after another.
func TestBakesIntoOneFolder(t *testing.T) {
	parent := t.TempDir()
	done := make(chan error)
	for range 4 {
		o, _ := options(t, "oci:"+filepath.Join(parent, "new", "out"))
		o.StateDir = filepath.Join(parent, "state")
		go func() {
			_, err := Bake(t.Context(), o)
			done <- err
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	var index ocispec.Index
	read(t, filepath.Join(parent, "new", "out", "index.json"), &index)
	if index.Manifests[0].Digest != goldenDigest {
		t.Errorf("index.json: %+v", index)
	}
	if left := tree(t, filepath.Join(parent, "state")); len(left) != 0 {
		t.Errorf("left in the state folder: %q", left)
	}
}
