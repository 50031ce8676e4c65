package receipt_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/minimirror/minimirror/internal/content"
)

func path(dir string, d digest.Digest) string {
	return filepath.Join(dir, filepath.FromSlash(content.BlobPath(d)))
}

func manifest(t testing.TB, dir string, d digest.Digest) *content.Manifest {
	t.Helper()
	data, err := os.ReadFile(path(dir, d))
	if err != nil {
		t.Fatal(err)
	}
	m, err := content.ReadManifest(data)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// flip changes a bit of a blob.
func flip(t testing.TB, dir string, d digest.Digest) {
	t.Helper()
	data, err := os.ReadFile(path(dir, d))
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(path(dir, d), data, 0o600); err != nil {
		t.Fatal(err)
	}
}
