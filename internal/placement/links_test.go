package placement

import (
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
)

// copied is the wanted files of a mirror with two sources: the second has some contents of the first, under other paths.
func copied(first []Wanted, share int) []Wanted {
	all := append([]Wanted(nil), first...)
	for i, w := range first {
		if i%share == 0 {
			w.Path = strings.Replace(w.Path, "mirror/debian/", "mirror/another/", 1)
			all = append(all, w)
		}
	}
	return all
}

// checkLinks fails unless links are as Layer.Links says, and new layers have each large content once. It counts links, and the bytes of
// wanted contents that other layers have, too.
func checkLinks(t *testing.T, layers []Layer) (links int, copies int64) {
	t.Helper()
	stored, stores := make(map[artifact.Content]bool), make(map[artifact.Content]bool)
	for i, l := range layers {
		files, used := make(map[string]File), make(map[string]bool)
		for _, f := range l.Files {
			used[f.Path], used[l.Links[f.Path]] = true, true
		}
		for _, f := range append(append([]File(nil), l.Files...), l.Unused...) {
			files[f.Path] = f
			if l.Links[f.Path] != "" || f.Size <= linkAbove {
				continue
			}
			if !l.Kept && stores[f.content()] {
				t.Errorf("layer %d: a new layer has the content of %s, which another new file has", i, f.Path)
			}
			stores[f.content()] = stores[f.content()] || !l.Kept
			if used[f.Path] {
				if stored[f.content()] {
					copies += f.Size
				}
				stored[f.content()] = true
			}
		}
		for name, target := range l.Links {
			links++
			if files[name].content() != files[target].content() || files[target].Path == "" || target >= name || l.Links[target] != "" {
				t.Errorf("layer %d: %s is a link to %s", i, name, target)
			}
		}
	}
	return links, copies
}

// A content that several sources have is stored once, whatever group and folder each path belongs to.
func TestLinks(t *testing.T) {
	a := newArchive(3, 400)
	wanted := copied(a.packages, 2)
	for i := 0; i < len(wanted); i += 3 {
		wanted[i].Group = "another group"
	}
	o := Options{LayerSize: 8 << 20, MaxLayers: 40, MaxUnused: 25}
	layers, err := Place(nil, wanted, o)
	if err != nil {
		t.Fatal(err)
	}
	check(t, nil, layers, wanted, o)
	if links, copies := checkLinks(t, layers); links < 180 || copies > 0 {
		t.Errorf("%d links, %d bytes are stored twice", links, copies)
	}
}

// Whatever changes, kept layers keep their links, and what is stored twice stays within the limit for unused files.
func TestLinksOverUpdates(t *testing.T) {
	for seed := range uint64(4) {
		a := newArchive(seed, 250)
		o := Options{LayerSize: 32 << 20, MaxLayers: 40, MaxUnused: 25}
		var layers []Layer
		for month := range 20 {
			a.month(0.06)
			wanted := copied(a.packages, 1+(month/3+int(seed))%4) // the second source takes other contents of the first every three months
			if month%5 == 4 {
				wanted = wanted[20:] // the first source no longer has what the second still has
			}
			before := layers
			var err error
			if layers, err = Place(before, wanted, o); err != nil {
				t.Fatal(err)
			}
			_, unused, all := check(t, before, layers, wanted, o)
			_, copies := checkLinks(t, layers)
			if (unused+copies)*100 > all*int64(o.MaxUnused) {
				t.Errorf("seed %d, month %d: %d bytes of %d are unused, %d are stored twice", seed, month, unused, all, copies)
			}
		}
	}
}

// mirror.layers has the links.
func TestFileWithLinks(t *testing.T) {
	a := newArchive(5, 60)
	wanted := copied(a.packages, 2)
	layers, err := Place(nil, wanted, Options{})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "mirror.layers")
	if err := Write(file, layers); err != nil {
		t.Fatal(err)
	}
	read, err := Read(file)
	if err != nil {
		t.Fatal(err)
	}
	if links, _ := checkLinks(t, read); links == 0 || !reflect.DeepEqual(read, layers) {
		t.Errorf("%d links, or other layers", links)
	}
}

// A link that the layer cannot have is refused.
func TestWrongLinks(t *testing.T) {
	line := func(size int, path string) string { return fmt.Sprintf("%d %064d mirror/%s", size, 1, path) }
	l := func(name, target string) string {
		return fmt.Sprintf(`{"version":2,"layers":[{"title":"x","files":["%s","%s","%s","%s"],"links":{"mirror/b":"mirror/a","mirror/%s":"mirror/%s"}}]}`,
			line(9, "a"), line(9, "b"), line(9, "c"), line(8, "d"), name, target)
	}
	for _, c := range []struct{ name, target, problem string }{
		{"c", "a", ""},
		{"c", "b", "cannot be a link"},
		{"c", "d", "cannot be a link"},
		{"d", "a", "cannot be a link"},
		{"a", "c", "cannot be a link"},
		{"c", "c", "cannot be a link"},
		{"c", "x", "cannot be a link"},
		{"x", "a", "cannot be a link"},
	} {
		_, err := decode(gzipped(t, l(c.name, c.target)))
		if c.problem == "" && err != nil || c.problem != "" && (err == nil || !strings.Contains(err.Error(), c.problem)) {
			t.Errorf("%s → %s: %v", c.name, c.target, err)
		}
	}
}
