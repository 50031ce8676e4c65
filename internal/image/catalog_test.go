package image_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/catalog"
	"github.com/minimirror/minimirror/internal/image/imagetest"
	"github.com/minimirror/minimirror/internal/image/layout"
)

// Every lie of a catalog is an error, in an image and in a tree.
func TestCatalogLies(t *testing.T) {
	file := func(c *catalog.Catalog, path string) *catalog.File {
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
		lie  func(*catalog.Catalog)
		want string
		tree bool // shows in a tree, too
	}{
		{"name", func(c *catalog.Catalog) { c.Name = "../x" }, "name", true},
		{"lock", func(c *catalog.Catalog) { c.Lock = "md5:1" }, "lock", true},
		{"size", func(c *catalog.Catalog) { file(c, "files/index").Size = -1 }, "below zero", true},
		{"offset", func(c *catalog.Catalog) { file(c, "files/index").Offset = -512 }, "below zero", true},
		{"layer", func(c *catalog.Catalog) { file(c, "files/index").Layer = -1 }, "below zero", true},
		{"layer too high", func(c *catalog.Catalog) { file(c, "files/index").Layer = 4 }, "layer 4 of 4", false},
		{"outside", func(c *catalog.Catalog) { file(c, "files/index").Offset = 1 << 40 }, "lie outside layer 2", false},
		{"beyond the end", func(c *catalog.Catalog) { file(c, "files/index").Size = 1 << 40 }, "lie outside layer 2", false},
		{"overflow", func(c *catalog.Catalog) {
			file(c, "files/index").Size, file(c, "files/index").Offset = 1<<63-1, 1<<63-1
		}, "lie outside layer 2", false},
		{"digest", func(c *catalog.Catalog) { file(c, "files/index").SHA256 = strings.Repeat("A", 64) }, "sha256", true},
		{"short digest", func(c *catalog.Catalog) { file(c, "files/index").SHA256 = "" }, "sha256", true},
		{"path", func(c *catalog.Catalog) { c.Files[0].Path = "../etc/passwd" }, "not a valid path", true},
		{"absolute path", func(c *catalog.Catalog) { c.Files[0].Path = "/etc/passwd" }, "not a valid path", true},
		{"path with NUL", func(c *catalog.Catalog) { c.Files[0].Path = "a\x00b" }, "not a valid path", true},
		{"no path", func(c *catalog.Catalog) { c.Files[0].Path = "" }, "not a valid path", true},
		{"path twice", func(c *catalog.Catalog) { c.Files = slices.Insert(c.Files, 0, *file(c, "files/index")) }, "twice", true},
		{"item without file", func(c *catalog.Catalog) { c.Items[0].Files[0].Path = "none" }, "not among the files", true},
		{"no date", func(c *catalog.Catalog) { file(c, "files/index").Modified = time.Time{} }, "belongs to no item", true},
		{"item's kind", func(c *catalog.Catalog) { c.Items[0].Kind = "other" }, "no source", true},
		{"item's source", func(c *catalog.Catalog) { c.Items[0].Source = "other" }, "not among the files", true},
		{"item twice", func(c *catalog.Catalog) { c.Items[1] = c.Items[0] }, "twice", true},
		{"item under two names", func(c *catalog.Catalog) {
			again := c.Items[1]
			again.Name += "2"
			c.Items = append(c.Items, again)
		}, "two items are the same", true},
		{"source's name", func(c *catalog.Catalog) { c.Sources[0].Name = "a/b" }, "not a valid name", true},
		{"source's kind", func(c *catalog.Catalog) { c.Sources[0].Kind = "" }, "not a valid name", true},
		{"source twice", func(c *catalog.Catalog) { c.Sources = append(c.Sources, c.Sources[0]) }, "repeated", true},
		{"set's name", func(c *catalog.Catalog) { c.Sets[0].Name = "a b" }, "not a valid name", true},
		{"set twice", func(c *catalog.Catalog) { c.Sets = append(c.Sets, c.Sets[0]) }, "repeated", true},
		{"set's item", func(c *catalog.Catalog) { c.Sets[0].Items[0] = "files/none" }, "no item", true},
		{"set of generated", func(c *catalog.Catalog) { c.Sets[0].Items[0] = "files/index" }, "no item", true},
		{"set's item twice", func(c *catalog.Catalog) {
			c.Sets[0].Items = append(c.Sets[0].Items, c.Sets[0].Items[0])
		}, "repeated", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			m, dir := imagetest.New(t, spec), t.TempDir()
			test.lie(m.Catalog)
			if _, _, err := m.Catalog.Encode(); err != nil { // it cannot even be told
				if !strings.Contains(err.Error(), test.want) {
					t.Error(err)
				}
				return
			}
			imagetest.WriteDir(t, filepath.Join(dir, "oci"), m.Layout(t))
			img, err := image.Open(image.Reference{Transport: image.OCI, Path: filepath.Join(dir, "oci")})
			if err == nil {
				img.Close()
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || !errors.Is(err, artifact.ErrVerify) {
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

// What a catalog says survives being written and read.
func TestCatalogRoundTrip(t *testing.T) {
	m := imagetest.New(t, spec)
	m.Catalog.Items[0].Metadata = []string{"Depends: a (>= 1)", " folded"}
	m.Catalog.Items[0].Attributes = artifact.NewAttributes(map[string][]string{"channel": {"x/main"}, "flavor": {"a", "b"}})
	m.Catalog.Aliases = []catalog.Alias{{Kind: imagetest.Kind, Name: "letter", Of: []string{"pool/a_1.0.bin"}}}
	want, err := json.Marshal(m.Catalog)
	must(t, err)
	for form, img := range forms(t, m) {
		full, err := img.FullCatalog()
		must(t, err)
		if got, err := json.Marshal(full); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: full catalog: %v\n%s", form, err, got)
		}
		brief := img.Catalog.Items[0]
		if brief.Files[0].URLs != nil || brief.Metadata != nil || len(brief.Attributes.Values("channel")) != 1 || brief.Files[0].SHA256 != full.Items[0].Files[0].SHA256 {
			t.Errorf("%s: brief artifact: %+v", form, brief)
		}
	}
}

// Single parts of a catalog are read alone.
func TestFind(t *testing.T) {
	m := imagetest.New(t, spec)
	m.Catalog.Aliases = []catalog.Alias{{Kind: imagetest.Kind, Name: "letter", Of: []string{"pool/a_1.0.bin"}}}
	for form, img := range forms(t, m) {
		records, aliases, err := img.Find(t.Context(), imagetest.Kind, []string{"letter", "pool/empty", "none", "pool/a_1.0.bin"})
		must(t, err)
		a := records["pool/a_1.0.bin"]
		if len(records) != 2 || len(a) != 1 || a[0].Files[0].Size != 12 || a[0].Files[0].URLs == nil || len(aliases) != 1 || aliases["letter"][0] != "pool/a_1.0.bin" {
			t.Errorf("%s: %v, %v", form, records, aliases)
		}
		if f := a[0].Stored()[0]; *img.Lookup(f.Path) != f {
			t.Errorf("%s: %v", form, f)
		}
		if len(img.Sets) != 1 || img.Sets[0].Name != "letters" || img.Sets[0].Count != 1 || img.Sets[0].Size != 12 {
			t.Errorf("%s: %+v", form, img.Sets)
		}
		set, err := img.Set(t.Context(), "letters", "any")
		if err != nil || len(set) != 1 || set[0].Stored()[0] != a[0].Stored()[0] || set[0].Version != "1" {
			t.Errorf("%s: %v, %v", form, set, err)
		}
		if _, err := img.Set(t.Context(), "letters", "other"); err == nil || !strings.Contains(err.Error(), "hint: it has: letters (any)") {
			t.Errorf("%s: %v", form, err)
		}
		files, err := img.Files(t.Context(), []string{"files/index", "files/none", "files/pool/empty"})
		if err != nil || len(files) != 1 || files["files/index"] != *img.Lookup("files/index") {
			t.Errorf("%s: %v, %v", form, files, err)
		}
	}
}

func FuzzCatalog(f *testing.F) {
	m := imagetest.New(f, imagetest.Spec{Artifacts: map[string]string{"a": "a"}, Sets: map[string][]string{"s": {"a"}}})
	head, records, err := m.Catalog.Encode()
	must(f, err)
	f.Add(head, records)
	f.Fuzz(func(t *testing.T, head, records []byte) {
		dir := t.TempDir()
		imagetest.WriteDir(t, dir, map[string][]byte{layout.HeadName: head, layout.RecordsName: records})
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
