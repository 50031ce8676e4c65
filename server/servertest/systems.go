package servertest

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/imagetest"
	"github.com/minimirror/minimirror/server"
)

// NewSystems makes a server of an image for two systems: in "old", helper needs only; in "new", tool would need it, which is not there.
func NewSystems(t testing.TB) *server.Server {
	t.Helper()
	needs := map[string]string{"old/helper": "only", "old/only": "", "new/tool": "only"}
	spec := imagetest.Spec{Generated: map[string]string{}}
	for name := range needs {
		spec.Generated[name] = "content of " + name
	}
	m := imagetest.New(t, spec)
	m.Catalog.Sources = nil
	for _, name := range []string{"new", "old"} {
		m.Catalog.Sources = append(m.Catalog.Sources, artifact.Source{Kind: imagetest.Kind, Name: name, System: name, URLs: []string{"http://mirror.example.org/" + name}})
	}
	for i := range m.Catalog.Files {
		f := &m.Catalog.Files[i]
		source, name, _ := strings.Cut(f.Path, "/")
		needed, is := needs[f.Path]
		if !is {
			continue
		}
		f.Modified = time.Time{} // a file of an item
		item := artifact.Item{Kind: imagetest.Kind, Source: source, Name: name, Version: "1", Requested: name != "only", Files: []artifact.File{{Path: name, Size: f.Size, SHA256: f.SHA256}}}
		if needed != "" {
			item.Metadata = []string{"Needs: " + needed}
		}
		m.Catalog.Items = append(m.Catalog.Items, item)
	}
	slices.SortFunc(m.Catalog.Items, func(a, b artifact.Item) int { return artifact.Compare(&a, &b) })
	dir := filepath.Join(t.TempDir(), "oci")
	imagetest.WriteDir(t, dir, m.Layout(t))
	img, err := image.Open(image.Reference{Transport: image.OCI, Path: dir})
	Must(t, err)
	t.Cleanup(func() { img.Close() })
	return New(t, server.Options{Image: img, Kinds: []artifact.Kind{WordyKind{}}, Version: "1.2.3"})
}
