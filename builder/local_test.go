package builder

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/cache"
	"github.com/minimirror/minimirror/internal/lockfile"
)

func TestAddressesOfParts(t *testing.T) {
	dir := t.TempDir()
	got := resolved([]string{"a%20b.tar#offset=3&size=4", "/x/y", "http://h/p#x", "data:,a"}, dir)
	want := []string{"file://" + dir + "/a%20b.tar#offset=3&size=4", "file:///x/y", "http://h/p#x", "data:,a"}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%s, want %s", got[i], want[i])
		}
	}
}

// TestChangedParts reads parts of a file again, as build does.
func TestChangedParts(t *testing.T) {
	dir := t.TempDir()
	store, err := cache.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	d := &Definition{File: filepath.Join(dir, "mirror.yaml")}
	check := func(data, fragment string) error {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "x.tar"), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
		item := artifact.Item{Kind: "k", Source: "s", Name: "n", Files: []artifact.File{{Path: "p", Size: 3, SHA256: lockfile.Digest([]byte("345"))[len("sha256:"):], URLs: []string{"x.tar#" + fragment}}}}
		return checkLocal(context.Background(), lockedFiles(&lockfile.Lock{Items: []artifact.Item{item}}), d, store)
	}
	if err := check("0123456789", "offset=3&size=3"); err != nil {
		t.Error(err)
	}
	for data, fragment := range map[string]string{"012X456789": "offset=3&size=3", "01234": "offset=3&size=3", "0123456789 ": "offset=4&size=3"} {
		if err := check(data, fragment); !errors.Is(err, artifact.ErrStale) {
			t.Errorf("%s#%s: %v", data, fragment, err)
		}
	}
	if err := check("0123456789", "bytes=3-6"); err == nil || errors.Is(err, artifact.ErrStale) {
		t.Error(err)
	}
}
