package simple_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/kinds/pypi/simple"
)

// tarball packs names and contents, in turn.
func tarball(t testing.TB, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for i := 0; i < len(files); i += 2 {
		err := w.WriteHeader(&tar.Header{Name: files[i], Size: int64(len(files[i+1])), Mode: 0o644, Typeflag: tar.TypeReg})
		if err == nil {
			_, err = w.Write([]byte(files[i+1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestParseSource(t *testing.T) {
	const old, final = "Metadata-Version: 2.1\nName: a\nVersion: 1\n", "Metadata-Version: 2.2\nName: a\nVersion: 1\nRequires-Dist: b\n"
	for _, c := range []struct {
		name            string
		data            []byte
		requires, build []string
		fails           string
	}{
		{name: "a-1.tar.gz", data: tarball(t, "a-1/PKG-INFO", final, "a-1/pyproject.toml", "[build-system]\nrequires = [\"flit-core>=3\"]\n"), requires: []string{"b"}, build: []string{"flit-core>=3"}},
		{name: "a-1.zip", data: archive(t, "a-1/PKG-INFO", final, "a-1/sub/PKG-INFO", "x"), requires: []string{"b"}, build: []string{"setuptools>=40.8.0", "wheel"}},
		{name: "a-1.tar.gz", data: tarball(t, "a-1/PKG-INFO", old, "a-1/a.egg-info/requires.txt", "c>1\n\n[x]\nd\n\n[:python_version < \"3.9\"]\ne\n[y:os_name == 'nt']\nf\n"),
			requires: []string{"c>1", `d ; extra == "x"`, `e ; (python_version < "3.9")`, `f ; extra == "y" and (os_name == 'nt')`}, build: []string{"setuptools>=40.8.0", "wheel"}},
		{name: "a-1.tar.gz", data: tarball(t, "a-1/PKG-INFO", old, "a-1/src/a.egg-info/SOURCES.txt", ""), build: []string{"setuptools>=40.8.0", "wheel"}},
		{name: "a-1.tar.gz", data: tarball(t, "a-1/PKG-INFO", old), fails: "only known after"},
		{name: "a-1.tar.gz", data: tarball(t, "a-1/PKG-INFO", strings.Replace(final, "Requires-Dist: b", "Dynamic: Requires-Dist", 1)), fails: "only known after"},
		{name: "a-1.tar.gz", data: tarball(t, "PKG-INFO", final), fails: "no PKG-INFO"},
		{name: "a-1.tar.gz", data: []byte("x"), fails: "gzip"},
		{name: "a-1.zip", data: []byte("x"), fails: "not a zip"},
		{name: "a-1.tar.gz", data: tarball(t, "a-1/PKG-INFO", final, "a-1/pyproject.toml", "]"), fails: "pyproject.toml"},
	} {
		m, build, err := simple.ParseSource(c.name, bytes.NewReader(c.data), int64(len(c.data)))
		switch {
		case c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)):
			t.Errorf("%v, want %q", err, c.fails)
		case c.fails == "" && (err != nil || !slices.Equal(m.RequiresDist, c.requires) || !slices.Equal(build, c.build)):
			t.Errorf("%+v, %q, %v; want %q, %q", m, build, err, c.requires, c.build)
		}
	}
}

func FuzzParseSource(f *testing.F) {
	f.Add("a-1.tar.gz", tarball(f, "a-1/PKG-INFO", "Metadata-Version: 2.1\nName: a\nVersion: 1\n", "a-1/a.egg-info/requires.txt", "[x:y]\nz\n"))
	f.Add("a-1.zip", archive(f, "a-1/PKG-INFO", "Metadata-Version: 2.2\nName: a\nVersion: 1\n", "a-1/pyproject.toml", "[build-system]\nrequires=[]"))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		m, _, err := simple.ParseSource(name, bytes.NewReader(data), int64(len(data)))
		if err == nil && m.Name == "" {
			t.Error("no name")
		}
	})
}
