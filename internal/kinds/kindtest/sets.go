package kindtest

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/bootstrap"
	"github.com/minimirror/minimirror/builder"
	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/audit"
	"github.com/minimirror/minimirror/internal/image"
)

// twoKinds shows that the kind minds no other in its image, nor the other it.
func (s *suite) twoKinds(t *testing.T) {
	m := s.made(t, s.Definition, s.defineNeighbour)
	m.catalog(t)
	m.everyFile(t)
	item, site := m.item(t), m.serve(t, "deny: { "+m.byName(m.item(t))+" }")
	if site.allowed(t, someClient, item) {
		t.Errorf("%s is allowed", item)
	}
	if list := site.get(t, m.List); strings.Contains(string(list.body), m.Listed) {
		t.Errorf("%s lists what is denied:\n%s", m.List, list.body)
	}
	site.get(t, "/"+neighbourName+"/one").is(t, "the other kind's item", 200, audit.Allowed)

	site = m.serve(t, "deny: { kind: "+neighbourName+" }")
	if !site.allowed(t, someClient, item) {
		t.Errorf("%s is denied by a rule about another kind", item)
	}
	site.get(t, "/"+neighbourName+"/one").is(t, "the other kind's item", 403, audit.Denied)
}

// sets shows that a set of two kinds is put on a bare node, or that it is said which kind cannot be.
func (s *suite) sets(t *testing.T) {
	_, able := artifact.Able[artifact.Installer](s.Kind)
	if able != (s.Set != "") {
		t.Fatalf("Set is %q; is the kind an Installer: %t", s.Set, able)
	}
	sets := func(testing.TB, string) string {
		return fmt.Sprintf("sets: { node: { %s: %s, %s: [two] } }\n", s.Kind.Name(), cmp.Or(s.Set, "[anything]"), neighbourName)
	}
	if !able {
		_, err := builder.ReadDefinition(s.write(t, s.own(s.Definition), s.defineNeighbour, sets), s.Program)
		var unable *artifact.UnableError
		if !errors.As(err, &unable) || unable.Kind != s.Kind.Name() {
			t.Errorf("a set of what cannot be installed: %v", err)
		}
		return
	}
	m := s.made(t, s.Definition, s.defineNeighbour, sets)
	m.catalog(t)
	for _, set := range m.lock.Sets {
		if set.Name == "node" {
			m.takeOut(t, set)
		}
	}
	if len(m.lock.Sets) == 0 {
		t.Error("the lock has no sets")
	}
}

// takeOut puts a set's files into a folder as a bare node gets them.
func (m *mirror) takeOut(t *testing.T, set artifact.Set) {
	t.Helper()
	if !slices.IsSorted(set.Requested) {
		t.Errorf("what the set %s requests is out of order: %s", set.Architecture, set.Requested)
	}
	r, err := image.OpenReader(t.Context(), m.reference, image.Options{})
	must(t, err)
	defer r.Close()
	plan, err := bootstrap.Select(t.Context(), r, m.Program, bootstrap.Request{Set: set.Name, Architecture: set.Architecture})
	must(t, err)
	kinds := map[string]bool{}
	for _, part := range plan.Parts {
		kinds[part.Kind] = true
	}
	if !kinds[m.Kind.Name()] || !kinds[neighbourName] {
		t.Errorf("the plan for %s has the kinds %v, want both", set.Architecture, kinds)
	}
	dir := t.TempDir()
	must(t, plan.Extract(t.Context(), r, dir, func(int64) {}))
	must(t, plan.Complete(dir))
	for i := range m.lock.Items {
		item := &m.lock.Items[i]
		for f := range item.Files {
			got, err := os.ReadFile(filepath.Join(dir, path.Base(item.Files[f].Path)))
			if slices.Contains(set.Items, item.ID()) && (err != nil || !bytes.Equal(got, m.content(t, &item.Files[f]))) {
				t.Errorf("%s is not in the folder: %v", item, err)
			}
		}
	}
	for _, name := range []string{"install.sh", "install-" + m.Kind.Name() + ".sh", "install-" + neighbourName + ".sh", "SHA256SUMS"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}
