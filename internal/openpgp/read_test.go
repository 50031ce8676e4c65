package openpgp

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestKeyText(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.asc"), []byte("key"), 0o644); err != nil {
		t.Fatal(err)
	}
	const armored = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n"
	for value, want := range map[string][2]string{
		"a.asc": {"key", filepath.Join(dir, "a.asc")}, filepath.Join(dir, "a.asc"): {"key", filepath.Join(dir, "a.asc")}, armored: {armored, "signed-by"},
	} {
		if data, where, err := KeyText(value, dir); err != nil || string(data) != want[0] || where != want[1] {
			t.Errorf("%q: %q, %q, %v", value, data, where, err)
		}
	}
	if _, where, err := KeyText("b.asc", dir); !errors.Is(err, fs.ErrNotExist) || where != filepath.Join(dir, "b.asc") {
		t.Errorf("%q, %v", where, err)
	}
}
