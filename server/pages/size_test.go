package pages_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/catalog"
	"github.com/minimirror/minimirror/internal/image/imagetest"
	"github.com/minimirror/minimirror/server"
	"github.com/minimirror/minimirror/server/servertest"
)

// A madeKind's items were made from what their names begin with.
type madeKind struct{ servertest.Kind }

var _ artifact.Originator = madeKind{}

func (madeKind) Origin(i *artifact.Item) artifact.Origin {
	name, _, _ := strings.Cut(i.Name, "-")
	return artifact.Origin{MadeFrom: &artifact.Item{Name: name, Version: i.Version}}
}

// sizeServer serves an image with unused files. change changes its catalog.
func sizeServer(t *testing.T, change func(*catalog.Catalog)) *server.Server {
	t.Helper()
	m := imagetest.New(t, imagetest.Spec{
		Artifacts: map[string]string{"one-a": strings.Repeat("a", 3000), "one-b": strings.Repeat("b", 2000), "two": strings.Repeat("c", 1000), "<script>-x": "x"},
		Unused:    map[string]string{"old": strings.Repeat("d", 1500)},
	})
	change(m.Catalog)
	dir := filepath.Join(t.TempDir(), "oci")
	imagetest.WriteDir(t, dir, m.Layout(t))
	img, err := image.Open(image.Reference{Transport: image.OCI, Path: dir})
	servertest.Must(t, err)
	t.Cleanup(func() { img.Close() })
	return servertest.New(t, server.Options{Image: img, Kinds: []artifact.Kind{madeKind{}}})
}

func TestSizePage(t *testing.T) {
	day := time.Date(2024, 2, 3, 4, 5, 6, 0, time.UTC)
	h := sizeServer(t, func(c *catalog.Catalog) {
		c.Layers = []catalog.LayerAbout{{Title: "</svg><script>"}, {Title: "update", Added: day}}
	}).Handler()
	for range 2 { // the second time it is known
		page := page(t, h, "/-/size", 200)
		text := inspect(page).text
		for _, want := range []string{
			"take 6.0 kB, and unused files 1.5 kB", "one plain 2 5.0 kB", "<script> plain 1 1 byte", "one: 5.0 kB", "two: 1.0 kB",
			"1: update 2024-02-03 6.0 kB 1.5 kB", "1: update: 1.5 kB unused", "2024-02 1 6.0 kB 1.5 kB", "2: program",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("no %q in %s", want, text)
			}
		}
		if strings.Count(page, "<svg xmlns") != 3 || strings.Contains(page, "<script") || strings.Contains(text, "does not say when") {
			t.Errorf("%s", page)
		}
	}
	// A layer that was added with the image's own lock is what an update brings.
	h = sizeServer(t, func(c *catalog.Catalog) {
		c.Layers = []catalog.LayerAbout{{Title: "kept", Added: day}, {Title: "update", Added: c.Date}}
	}).Handler()
	text := inspect(page(t, h, "/-/size", 200)).text
	for _, want := range []string{"One layer with 7.5 kB was added with this lock and is new", "7.5 kB, 1.5 kB unused, new", "0: kept 2024-02-03 2.0 kB"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
	h = sizeServer(t, func(c *catalog.Catalog) {
		c.Layers = []catalog.LayerAbout{{Title: "one", Added: c.Date}, {Title: "two", Added: c.Date}}
	}).Handler()
	if text := inspect(page(t, h, "/-/size", 200)).text; strings.Contains(text, "new") {
		t.Errorf("all layers of a first image are new: %s", text)
	}
	// Of an image that an earlier program built.
	if text := inspect(page(t, sizeServer(t, func(*catalog.Catalog) {}).Handler(), "/-/size", 200)).text; !strings.Contains(text, "This image does not say when its layers were added") {
		t.Errorf("%s", text)
	}
	// Of a kind that does not know origins, each item is by itself.
	if text := inspect(page(t, servertest.NewWordy(t, "").Handler(), "/-/size", 200)).text; !strings.Contains(text, "These are the largest of 137.") || !strings.Contains(text, servertest.OddNames[7]) {
		t.Errorf("%s", text)
	}
}

// An image without advisories says so.
func TestVulnerabilitiesPage(t *testing.T) {
	h := sizeServer(t, func(*catalog.Catalog) {}).Handler()
	if text := inspect(page(t, h, "/-/vulnerabilities", 200)).text; !strings.Contains(text, "This image carries no advisories") {
		t.Error(text)
	}
}
