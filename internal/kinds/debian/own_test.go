package debian

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
	"github.com/minimirror/minimirror/internal/strictyaml"
)

// TestOwnVerified: what an image says of own packages is compared with their control data.
func TestOwnVerified(t *testing.T) {
	dir := t.TempDir()
	deb, err := (&debiantest.Package{Name: "good", Version: "1:1.0", Fields: []string{"Depends: other"}}).Deb()
	if err != nil {
		t.Fatal(err)
	}
	other, err := (&debiantest.Package{Name: "other", Version: "2.0", Architecture: "amd64", Size: 100}).Deb()
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"good.deb": deb, "other.deb": other} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	section, err := strictyaml.Parse("mirror.yaml", []byte("sources: [{ name: own, debs: \"*.deb\" }]\npackages: [good]\n"))
	if err != nil {
		t.Fatal(err)
	}
	spec, err := Kind{}.Parse(section, nil, dir)
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	r, err := Kind{}.Resolve(context.Background(), artifact.ResolveRequest{Spec: spec, Upstream: debiantest.Web{}, Now: debiantest.Today, Log: slog.New(slog.NewTextHandler(&said, nil))})
	if err != nil || said.Len() > 0 {
		t.Fatalf("%v\n%s", err, said.String())
	}
	if !r.Date.IsZero() {
		t.Errorf("date %s, though nobody upstream has published anything", r.Date)
	}
	image := make(map[string][]byte)
	for i := range r.Items {
		a := &r.Items[i]
		image[a.FileID(&a.Files[0])] = map[string][]byte{"good": deb, "other": other}[a.Name]
	}
	if len(image) != 2 || image["own/pool/main/g/good/good_1.0_all.deb"] == nil {
		t.Fatalf("items %v", r.Items)
	}
	verify := func(change func(items []artifact.Item)) error {
		items := slices.Clone(r.Items)
		for i := range items {
			items[i].Metadata = slices.Clone(items[i].Metadata)
			items[i].Files = slices.Clone(items[i].Files)
		}
		change(items)
		vouched, err := Kind{}.VerifyUpstream(context.Background(), artifact.Pins{Sources: r.Sources, Items: items}, nil, func(name string) (io.ReadCloser, error) {
			if image[name] == nil {
				return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
			}
			return io.NopCloser(bytes.NewReader(image[name])), nil
		})
		want := "own: the definition vouches for these packages, not an upstream key: 2 packages of this site, by their digests when they were locked"
		if err == nil && (len(vouched.Items) != 2 || !slices.Equal(vouched.Report, []string{want})) {
			t.Errorf("vouched %+v", vouched)
		}
		return err
	}
	if err := verify(func([]artifact.Item) {}); err != nil {
		t.Error(err)
	}
	at := slices.IndexFunc(r.Items, func(a artifact.Item) bool { return a.Name == "good" })
	for name, change := range map[string]func(items []artifact.Item){
		"a dependency": func(items []artifact.Item) {
			for i, line := range items[at].Metadata {
				items[at].Metadata[i] = strings.Replace(line, "Depends: other", "Depends: evil", 1)
			}
		},
		"the version":  func(items []artifact.Item) { items[at].Version = "1:2.0" },
		"the name":     func(items []artifact.Item) { items[at].Name = "better" },
		"another file": func(items []artifact.Item) { items[at].Files[0] = items[1-at].Files[0] },
		"the digest":   func(items []artifact.Item) { items[at].Files[0].SHA256 = strings.Repeat("0", 64) },
	} {
		if err := verify(change); !errors.Is(err, artifact.ErrVerify) || !strings.HasPrefix(err.Error(), "debian: own/pool/main/") {
			t.Errorf("%s changed: %v", name, err)
		}
	}
}
