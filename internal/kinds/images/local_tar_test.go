package images

import (
	"archive/tar"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// TestOddTars reads archives that are written in unusual ways. What is read is what tar would extract, or an error.
func TestOddTars(t *testing.T) {
	dir := t.TempDir()
	image := []byte(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{},"layers":[]}`)
	d := v1.Descriptor{MediaType: v1.MediaTypeImageManifest, Digest: digest.FromBytes(image), Size: int64(len(image)), Annotations: map[string]string{v1.AnnotationRefName: "acme/app:1"}}
	writeFiles(t, filepath.Join(dir, "x"), map[string][]byte{}, []v1.Descriptor{d})
	index, err := os.ReadFile(filepath.Join(dir, "x", "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	blob, long := blobName(d.Digest), strings.Repeat("long/", 60)
	file := func(name string, data []byte) *tar.Header {
		return &tar.Header{Name: name, Mode: 0o644, Size: int64(len(data)), Typeflag: tar.TypeReg}
	}
	link := func(kind byte, name, to string) *tar.Header {
		return &tar.Header{Name: name, Linkname: to, Typeflag: kind}
	}
	type one struct {
		header *tar.Header
		data   []byte
	}
	list := one{file("./index.json", index), index}
	for name, c := range map[string]struct {
		entries []one
		want    string // in an error
	}{
		"as it should be":         {[]one{list, {file(blob, image), image}}, ""},
		"the last counts":         {[]one{list, {file(blob, index), index}, {file("./"+blob, image), image}}, ""},
		"a link over a file":      {[]one{list, {file("a", image), image}, {file(blob, index), index}, {link(tar.TypeLink, blob, "a"), nil}}, ""},
		"a file over a link":      {[]one{list, {link(tar.TypeSymlink, blob, "none"), nil}, {file(blob, image), image}}, ""},
		"long names of GNU":       {[]one{list, {&tar.Header{Name: long + "x", Mode: 0o644, Size: int64(len(image)), Format: tar.FormatGNU}, image}, {link(tar.TypeLink, blob, long+"x"), nil}}, ""},
		"sizes of pax":            {[]one{list, {&tar.Header{Name: blob, Mode: 0o644, Size: int64(len(image)), Format: tar.FormatPAX, PAXRecords: map[string]string{"ACME.x": "y"}}, image}}, ""},
		"names that lead out":     {[]one{list, {file("../../"+blob, image), image}}, ""},
		"links in a circle":       {[]one{list, {link(tar.TypeSymlink, blob, "../../b"), nil}, {link(tar.TypeSymlink, "b", blob), nil}}, "is missing"},
		"a link that leads out":   {[]one{list, {link(tar.TypeSymlink, blob, "../../../../../../../../etc/hostname"), nil}}, "is missing"},
		"a link to an outer file": {[]one{list, {link(tar.TypeLink, blob, "/etc/hostname"), nil}}, "is missing"},
		"a folder":                {[]one{list, {&tar.Header{Name: blob + "/", Typeflag: tar.TypeDir}, nil}}, "is missing"},
	} {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, e := range c.entries {
			noError(t, w.WriteHeader(e.header))
			if _, err := w.Write(e.data); err != nil {
				t.Fatal(err)
			}
		}
		noError(t, w.Close())
		noError(t, os.WriteFile(filepath.Join(dir, "x.tar"), b.Bytes(), 0o600))
		l := mustFrom(t, dir, "registry.example.org", "oci-archive:x.tar")
		m, err := l.manifest(context.Background(), "acme/app", "1")
		if c.want == "" && (err != nil || !bytes.Equal(m.data, image)) || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestSparseTar refuses an archive whose files have holes: their bytes are not in it as a whole.
func TestSparseTar(t *testing.T) {
	dir := t.TempDir()
	noError(t, os.WriteFile(filepath.Join(dir, "index.json"), []byte("{}"), 0o600))
	noError(t, os.Truncate(filepath.Join(dir, "index.json"), 1<<20))
	for _, format := range []string{"gnu", "posix"} {
		command(t, dir, "tar", "--sparse", "--hole-detection=raw", "--format="+format, "-cf", "x.tar", "index.json")
		_, err := from(t, dir, "registry.example.org", "oci-archive:x.tar")
		if err == nil || !strings.Contains(err.Error(), "index.json is stored with holes") || !strings.Contains(err.Error(), "hint: write the archive again without --sparse") {
			t.Errorf("%s: %v", format, err)
		}
	}
}

// command runs a program.
func command(t *testing.T, dir, name string, arguments ...string) {
	t.Helper()
	c := exec.Command(name, arguments...)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}
