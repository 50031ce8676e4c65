package debian

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
)

// TestFilterForApt: what is absent is not there for the real apt, which takes the other alternative and says so
// of what has none; and it sees every change, back and forth.
func TestFilterForApt(t *testing.T) {
	key := debiantest.NewKey("k")
	suite := func(name string, components []string, packages ...*debiantest.Package) *debiantest.Suite {
		return &debiantest.Suite{Name: name, Components: components, SignedBy: []*debiantest.Key{key}, Packages: packages, Architectures: []string{"amd64"}}
	}
	depends := func(relations string) []string { return []string{"Depends: " + relations} }
	archive := &debiantest.Archive{Suites: []*debiantest.Suite{
		suite("stable", []string{"main"}, &debiantest.Package{Name: "app", Version: "1", Fields: depends("first | second, lib")},
			&debiantest.Package{Name: "first", Version: "1+b1"}, &debiantest.Package{Name: "second", Version: "1"}, &debiantest.Package{Name: "lib", Version: "1"}),
		suite("flat/", nil, &debiantest.Package{Name: "lib", Version: "2"}),
	}}
	r, err := resolve(t, archive, key, `sources:
- {name: d, urls: [URL], suites: [stable], components: [main], architectures: [amd64], signed-by: key.asc}
- {name: f, urls: [URL], suites: [flat/], architectures: [amd64], signed-by: key.asc}
packages: all`)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := archive.Build()
	if err != nil {
		t.Fatal(err)
	}
	pins := artifact.Pins{Date: debiantest.Today.Add(-time.Hour), Sources: r.Sources, Items: r.Items}
	image := debiantest.TestTree{}.With(t, published(t, pins))
	for _, a := range pins.Items {
		image[a.ID()] = tree.Files[a.Files[0].Path]
	}

	var served atomic.Pointer[debiantest.TestTree]
	served.Store(&image)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, found := (*served.Load())[strings.TrimPrefix(r.URL.Path, "/")]
		if !found {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(data)
	}))
	defer server.Close()
	apt := debiantest.NewApt(t, sourcesFile(artifact.Mirror{Pins: pins, PublicKey: key.Armored()}, server.URL))
	for i, c := range []struct{ deny, want string }{
		{"", "app 1, first 1+b1, lib 2"},
		{"first 1+b1", "app 1, lib 2, second 1"},
		{"first 1+b1, lib 2", "app 1, lib 1, second 1"},
		{"", "app 1, first 1+b1, lib 2"},
		{"lib 1, lib 2", "app : Depends: lib but it is not installable"},
		{"app 1, first 1+b1, second 1, lib 1, lib 2", "Unable to locate package app"},
		{"lib 1", "app 1, first 1+b1, lib 2"},
	} {
		denied := make(map[string]bool)
		for _, a := range pins.Items {
			denied[a.ID()] = strings.Contains(", "+c.deny+", ", ", "+a.Name+" "+a.Version+", ")
		}
		req := debiantest.FilterRequest(image, pins.Sources, func(id string) bool { return denied[id] })
		req.Date = pins.Date.Add(time.Duration(i+1) * time.Second)
		files, err := Kind{}.Filter(context.Background(), req)
		if err != nil {
			t.Fatal(err)
		}
		next := image.With(t, files)
		served.Store(&next)
		verifyByGpgv(t, key, next, "d/dists/stable")
		if out, err := apt.Get("--error-on=any", "update"); err != nil {
			t.Fatalf("without %q: %v\n%s", c.deny, err, out)
		}
		if err := os.RemoveAll(filepath.Join(apt.Dir, "cache/archives")); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(apt.Dir, "cache/archives/partial"), 0o755); err != nil {
			t.Fatal(err)
		}
		out, err := apt.Get("-y", "--download-only", "install", "app")
		if err != nil {
			if !strings.Contains(out, c.want) {
				t.Errorf("without %q: apt says\n%s\nwant %q", c.deny, out, c.want)
			}
			continue
		}
		debs, err := filepath.Glob(filepath.Join(apt.Dir, "cache/archives/*.deb"))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, deb := range debs {
			words := strings.Split(filepath.Base(deb), "_")
			got = append(got, words[0]+" "+words[1])
		}
		if text := strings.Join(got, ", "); text != c.want {
			t.Errorf("without %q: apt takes %s, want %s", c.deny, text, c.want)
		}
	}
}

// verifyByGpgv has gpgv verify a suite's Release.
func verifyByGpgv(t *testing.T, key *debiantest.Key, tree debiantest.TestTree, folder string) {
	t.Helper()
	dir := t.TempDir()
	files := map[string][]byte{"key.gpg": key.Binary(), "Release": tree[folder+"/Release"], "Release.gpg": tree[folder+"/Release.gpg"]}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("gpgv", "--keyring", filepath.Join(dir, "key.gpg"), "Release.gpg", "Release")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("gpgv: %v\n%s\nhint: apt-get install gpgv", err, out)
	}
}

func published(t testing.TB, pins artifact.Pins) []artifact.Generated {
	t.Helper()
	files, err := Kind{}.Publish(pins, debiantest.TestSigner{Key: debiantest.NewKey("k")})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
