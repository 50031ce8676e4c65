package artifact

import (
	"errors"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"testing"
)

func TestParts(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a #b%.tar")
	if err := os.WriteFile(file, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, p := range map[string]Part{"0123456789": {0, 10}, "345": {3, 3}, "": {10, 0}, "9": {9, 1}} {
		u, err := url.Parse(PartAddress(file, p))
		if err != nil || u.Path != file {
			t.Fatalf("%s: %v, %q", PartAddress(file, p), err, u)
		}
		part, err := OpenPart(u.Path, u.Fragment)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(part)
		if err := errors.Join(err, part.Close()); err != nil || string(data) != want {
			t.Errorf("%v: %q, %v, want %q", p, data, err, want)
		}
	}
	if part, err := OpenPart(file, ""); err != nil || part.Size() != 10 || part.Close() != nil {
		t.Error("the whole file:", err)
	}
	for _, beyond := range []string{"offset=0&size=11", "offset=10&size=1", "offset=11&size=0", "offset=9223372036854775807&size=0"} {
		if _, err := OpenPart(file, beyond); !errors.Is(err, ErrVerify) {
			t.Errorf("%s: %v", beyond, err)
		}
	}
	if _, err := OpenPart(file+"x", "offset=0&size=1"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := OpenPart(t.TempDir(), "offset=0&size=1"); err == nil {
		t.Error("a folder was opened")
	}
}

func TestHostileParts(t *testing.T) {
	for _, fragment := range []string{"x", "offset=1", "size=1", "size=1&offset=1", "offset=-1&size=2", "offset=1&size=-2", "offset=+1&size=2", "offset=01&size=2", "offset=0x1&size=2",
		"offset=1&size=2&size=3", "offset=1&size=", "offset=9223372036854775807&size=1", "offset=9223372036854775808&size=1", "offset=1 &size=1", "offset=1&size=1\n", "offset=1;size=1"} {
		if p, err := ParsePart(fragment); err == nil {
			t.Errorf("%q: %v", fragment, p)
		}
	}
}
