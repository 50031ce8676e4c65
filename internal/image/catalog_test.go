package image_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/imagetest"
)

// Every lie of a catalog is an error, in an image and in a tree.
func TestCatalogLies(t *testing.T) {
	file := func(c *image.Catalog, path string) *image.File {
		for i := range c.Files {
			if c.Files[i].Path == path {
				return &c.Files[i]
			}
		}
		t.Fatalf("no %s", path)
		return nil
	}
	for _, test := range []struct {
		name string
		lie  func(*image.Catalog)
		want string
		tree bool // shows in a tree, too
	}{
		{"version", func(c *image.Catalog) { c.Version = 2 }, "this program reads 1", true},
		{"name", func(c *image.Catalog) { c.Name = "../x" }, "name", true},
		{"lock", func(c *image.Catalog) { c.Lock = "md5:1" }, "lock", true},
		{"size", func(c *image.Catalog) { file(c, "files/index").Size = -1 }, "below zero", true},
		{"offset", func(c *image.Catalog) { file(c, "files/index").Offset = -512 }, "below zero", true},
		{"layer", func(c *image.Catalog) { file(c, "files/index").Layer = -1 }, "below zero", true},
		{"layer too high", func(c *image.Catalog) { file(c, "files/index").Layer = 4 }, "layer 4 of 4", false},
		{"outside", func(c *image.Catalog) { file(c, "files/index").Offset = 1 << 40 }, "lie outside layer 2", false},
		{"beyond the end", func(c *image.Catalog) { file(c, "files/index").Size = 1 << 40 }, "lie outside layer 2", false},
		{"overflow", func(c *image.Catalog) {
			file(c, "files/index").Size, file(c, "files/index").Offset = 1<<63-1, 1<<63-1
		}, "lie outside layer 2", false},
		{"digest", func(c *image.Catalog) { file(c, "files/index").SHA256 = strings.Repeat("A", 64) }, "sha256", true},
		{"short digest", func(c *image.Catalog) { file(c, "files/index").SHA256 = "" }, "sha256", true},
		{"path", func(c *image.Catalog) { c.Files[0].Path = "../etc/passwd" }, "not a valid path", true},
		{"absolute path", func(c *image.Catalog) { c.Files[0].Path = "/etc/passwd" }, "not a valid path", true},
		{"path with NUL", func(c *image.Catalog) { c.Files[0].Path = "a\x00b" }, "not a valid path", true},
		{"no path", func(c *image.Catalog) { c.Files[0].Path = "" }, "not a valid path", true},
		{"path twice", func(c *image.Catalog) { c.Files[1] = c.Files[0] }, "there twice", true},
		{"order", func(c *image.Catalog) { c.Files[0], c.Files[1] = c.Files[1], c.Files[0] }, "out of order", true},
		{"no date", func(c *image.Catalog) { file(c, "files/index").Modified = time.Time{} }, "neither an artifact", true},
		{"artifact's date", func(c *image.Catalog) { file(c, "files/pool/empty").Modified = imagetest.Date }, "disagree", true},
		{"artifact's size", func(c *image.Catalog) { c.Artifacts[0].Size++ }, "disagree", true},
		{"artifact's digest", func(c *image.Catalog) { c.Artifacts[0].SHA256 = strings.Repeat("0", 64) }, "disagree", true},
		{"artifact without file", func(c *image.Catalog) { c.Artifacts[0].Path = "none" }, "not among the files", true},
		{"artifact's kind", func(c *image.Catalog) { c.Artifacts[0].Kind = "other" }, "no source", true},
		{"artifact's source", func(c *image.Catalog) { c.Artifacts[0].Source = "other" }, "no source", true},
		{"artifact twice", func(c *image.Catalog) { c.Artifacts[1] = c.Artifacts[0] }, "there twice", true},
		{"artifact under two names", func(c *image.Catalog) {
			c.Artifacts[1] = c.Artifacts[0]
			c.Artifacts[1].Name += "2"
		}, "there twice", true},
		{"artifacts' order", func(c *image.Catalog) { c.Artifacts[0], c.Artifacts[1] = c.Artifacts[1], c.Artifacts[0] }, "out of order", true},
		{"source's name", func(c *image.Catalog) { c.Sources[0].Name = "a/b" }, "not a valid name", true},
		{"source's kind", func(c *image.Catalog) { c.Sources[0].Kind = "" }, "not a valid name", true},
		{"source twice", func(c *image.Catalog) { c.Sources = append(c.Sources, c.Sources[0]) }, "there twice", true},
		{"set's name", func(c *image.Catalog) { c.Sets[0].Name = "a b" }, "not a valid name", true},
		{"set twice", func(c *image.Catalog) { c.Sets = append(c.Sets, c.Sets[0]) }, "there twice", true},
		{"set's artifact", func(c *image.Catalog) { c.Sets[0].Artifacts[0] = "files/none" }, "no artifact", true},
		{"set of generated", func(c *image.Catalog) { c.Sets[0].Artifacts[0] = "files/index" }, "no artifact", true},
		{"set's artifact twice", func(c *image.Catalog) {
			c.Sets[0].Artifacts = append(c.Sets[0].Artifacts, c.Sets[0].Artifacts[0])
		}, "there twice", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			m, dir := imagetest.New(t, spec), t.TempDir()
			test.lie(m.Catalog)
			imagetest.WriteDir(t, filepath.Join(dir, "oci"), m.Layout(t))
			img, err := image.Open(image.Reference{Transport: image.OCI, Path: filepath.Join(dir, "oci")})
			if err == nil {
				img.Close()
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || test.name != "version" && !errors.Is(err, artifact.ErrVerify) {
				t.Errorf("image: %v", err)
			}
			m.WriteRoot(t, filepath.Join(dir, "root"))
			img, err = image.OpenRoot(filepath.Join(dir, "root"))
			if err == nil {
				img.Close()
			}
			if (err != nil) != test.tree || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("tree: %v", err)
			}
		})
	}
}

func TestReadCatalog(t *testing.T) {
	for text, want := range map[string]string{
		"":                                 "unexpected EOF",
		"{":                                "unexpected EOF",
		"[]":                               "[ where { belongs",
		"{}":                               "hint:",
		`{"name":"x","version":1}`:         "hint:",
		`{"version":2}`:                    "hint:",
		`{"version":"1"}`:                  "version: json",
		`{"version":1,"version":1}`:        "twice",
		`{"version":1} x`:                  "more follows",
		`{"version":1,"files":{}}`:         "files: { where [ belongs",
		`{"version":1,"files":null}`:       "",
		`{"version":1,"files":[{},{"a"}]}`: "files: 1: ",
		`{"version":1,"files":[{"offset":1e40}]}`:    "files: 0: json",
		`{"version":1,"artifacts":[1]}`:              "artifacts: 0: json",
		`{"version":1,"later":[{"a":1}],"name":"x"}`: "",
	} {
		_, err := image.ReadCatalog(strings.NewReader(text))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// What a catalog says survives being written and read.
func TestCatalogRoundTrip(t *testing.T) {
	m := imagetest.New(t, spec)
	m.Catalog.Artifacts[0].Metadata = []string{"Depends: a (>= 1)", " folded"}
	m.Catalog.Artifacts[0].Channels = []string{"x/main"}
	want, err := json.Marshal(m.Catalog)
	must(t, err)
	c, err := image.ReadCatalog(bytes.NewReader(want))
	must(t, err)
	got, err := json.Marshal(c)
	must(t, err)
	if !bytes.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}

	for form, img := range forms(t, m) {
		full, err := img.FullCatalog()
		must(t, err)
		if got, err := json.Marshal(full); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: full catalog: %v\n%s", form, err, got)
		}
		brief := img.Catalog.Artifacts[0]
		if brief.URLs != nil || brief.Metadata != nil || len(brief.Channels) != 1 || brief.SHA256 != full.Artifacts[0].SHA256 {
			t.Errorf("%s: brief artifact: %+v", form, brief)
		}
	}
}

func FuzzReadCatalog(f *testing.F) {
	m := imagetest.New(f, imagetest.Spec{Artifacts: map[string]string{"a": "a"}, Sets: map[string][]string{"s": {"a"}}})
	text, err := json.Marshal(m.Catalog)
	must(f, err)
	f.Add(text)
	f.Add([]byte(`{"version":1,"files":[{"path":"a","layer":9,"offset":9223372036854775807,"size":1}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		dir := t.TempDir()
		imagetest.WriteDir(t, dir, map[string][]byte{image.CatalogName: text})
		img, err := image.OpenRoot(dir)
		if err != nil {
			return
		}
		defer img.Close()
		for i := range img.Catalog.Files {
			if s, err := img.Open(&img.Catalog.Files[i]); err == nil {
				s.Close()
			}
		}
	})
}
