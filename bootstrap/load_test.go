package bootstrap_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/bootstrap"
	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
)

func TestImageName(t *testing.T) {
	for given, want := range map[string]string{
		"minimirror.local/site":               "minimirror.local/site:latest",
		"minimirror.local/site:2":             "minimirror.local/site:2",
		"registry.example.org:5000/a/b_c:1-x": "registry.example.org:5000/a/b_c:1-x",
		"localhost/site":                      "localhost/site:latest",
		"site:2":                              "docker.io/library/site:2",
		"team/site":                           "docker.io/team/site:latest",
		"minimirror.local/" + strings.Repeat("a", 200): "minimirror.local/" + strings.Repeat("a", 200) + ":latest",
	} {
		if got, err := bootstrap.ImageName(given); err != nil || got != want {
			t.Errorf("%q: %q, %v, want %q", given, got, err, want)
		}
	}
	for _, given := range []string{
		"", "Site", "site:", ":2", "a b", "site:-2", "site\n", "docker://site:2", "/site", "site/", "a//b", "-x",
		"minimirror.local/site@sha256:" + strings.Repeat("a", 64), "minimirror.local/site:2@sha256:" + strings.Repeat("a", 64),
		strings.Repeat("a", 64), "minimirror.local/" + strings.Repeat("a", 300), "site:" + strings.Repeat("a", 129),
	} {
		var hint *artifact.HintError
		if got, err := bootstrap.ImageName(given); !errors.Is(err, artifact.ErrUsage) || !errors.As(err, &hint) {
			t.Errorf("%q: %q, %v, want wrong usage with a hint", given, got, err)
		}
	}
}

func FuzzImageName(f *testing.F) {
	for _, seed := range []string{"site", "minimirror.local/site:2", "localhost:5000/a__b:x", "site@sha256:aa", "Site"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, given string) {
		name, err := bootstrap.ImageName(given)
		if err != nil {
			return
		}
		if again, err := bootstrap.ImageName(name); err != nil || again != name {
			t.Errorf("%q is %q, and that is %q, %v", given, name, again, err)
		}
	})
}

// TestLoadByName has a program that keeps what it is given instead of a container runtime; those themselves are in
// test/e2e.
func TestLoadByName(t *testing.T) {
	dir := t.TempDir()
	kept := filepath.Join(dir, "kept.tar")
	must(t, os.WriteFile(filepath.Join(dir, "docker"), []byte("#!/bin/sh\nexec cat >'"+kept+"'\n"), 0o755))
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	r, err := image.OpenReader(t.Context(), archive(t, mirror(t)), image.Options{})
	must(t, err)
	defer r.Close()
	pinned, latest := r.LocalNames()
	for given, want := range map[string][]string{"": {pinned, latest}, "registry.example.org/site:2": {"registry.example.org/site:2"}} {
		names, err := bootstrap.Load(t.Context(), r, "docker", given)
		must(t, err)
		if !slices.Equal(names, want) {
			t.Errorf("%q: loaded as %q, want %q", given, names, want)
		}
		for _, name := range want {
			again, err := image.OpenReader(t.Context(), image.Reference{Transport: image.DockerArchive, Path: kept, Name: name}, image.Options{})
			must(t, err)
			must(t, again.Verify(t.Context()))
			again.Close()
		}
	}
	if _, err := bootstrap.Load(t.Context(), r, "docker", "Site"); !errors.Is(err, artifact.ErrUsage) {
		t.Errorf("a wrong name: %v", err)
	}
}
