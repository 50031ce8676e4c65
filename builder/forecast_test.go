package builder

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/cache"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/lockfile"
)

// A thousand files of 1 MB, one of them twice; the cache has one.
func TestForecast(t *testing.T) {
	dir := t.TempDir()
	store, err := cache.Open(filepath.Join(dir, "cache"))
	if err != nil {
		t.Fatal(err)
	}
	lock := &lockfile.Lock{}
	for i := range 1000 {
		lock.Items = append(lock.Items, artifact.Item{Source: "s", Name: fmt.Sprint(i), Key: fmt.Sprint(i), Files: []artifact.File{
			{Path: fmt.Sprintf("pool/%d", i), Size: 1_000_000, SHA256: fmt.Sprintf("%064x", i)}}})
	}
	lock.Items[999].Files[0].SHA256 = lock.Items[998].Files[0].SHA256
	if err := os.WriteFile(filepath.Join(store.Dir(), "sha256", fmt.Sprintf("%064x", 7)), make([]byte, 1_000_000), 0o644); err != nil {
		t.Fatal(err)
	}
	files := lockedFiles(lock)
	for _, test := range []struct {
		output image.Reference
		free   int64
		needs  int64 // bytes, about
		fits   bool
	}{
		{image.Reference{Transport: image.OCI, Path: filepath.Join(dir, "a/b/c")}, 2_100_000_000, 2_000_000_000, true},
		{image.Reference{Transport: image.OCI, Path: filepath.Join(dir, "a/b/c")}, 1_900_000_000, 2_000_000_000, false},
		{image.Reference{Transport: image.DockerArchive, Path: filepath.Join(dir, "a.tar")}, 1_900_000_000, 2_000_000_000, false},
		{image.Reference{Transport: image.Docker, Path: "registry.example.org/a", Name: "1"}, 1_100_000_000, 1_000_000_000, true},
		{image.Reference{Transport: image.Docker, Path: "registry.example.org/a", Name: "1"}, 900_000_000, 1_000_000_000, false},
	} {
		b := &Builder{Cache: store, Free: func(string) (int64, error) { return test.free, nil }}
		f, err := b.forecast(lock, files, []part{{lock: lock, items: files}}, nil, test.output)
		if err != nil {
			t.Fatal(err)
		}
		if f.Items != 1000 || f.Content != (Amount{999, 999_000_000}) || f.Cached != (Amount{1, 1_000_000}) || f.Fetch != (Amount{998, 998_000_000}) ||
			!slices.Equal(f.Sources, []Download{{"s", 998, 998_000_000}}) || f.Layers.New < 999_000_000 || f.Layers.Layers == 0 {
			t.Errorf("%+v", f)
		}
		if len(f.Disks) != 1 || f.Disks[0].Needs < test.needs*98/100 || f.Disks[0].Needs > test.needs*102/100 {
			t.Errorf("%s: %+v", test.output, f.Disks)
		}
		err = f.Fits()
		var hint *artifact.HintError
		switch {
		case test.fits && err != nil:
			t.Errorf("%s: %v", test.output, err)
		case !test.fits && (err == nil || !errors.As(err, &hint) || !strings.Contains(err.Error(), "are free")):
			t.Errorf("%s: %v", test.output, err)
		}
	}
}
