package kindtest

import (
	"fmt"
	"io"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
)

// changes shows that versions have the same order both ways, that an item replaces itself, that its origin has a name, and that a changelog is
// read from the item's files and has no entries since the item itself.
func (m *mirror) changes(t *testing.T) {
	items := m.items()
	if comparer, able := artifact.Able[artifact.Comparer](m.Kind); able {
		for _, a := range items {
			if !comparer.Replaces(a, a) {
				t.Errorf("%s does not replace itself", a)
			}
			for _, b := range items {
				order, ok := comparer.CompareVersions(a.Version, b.Version)
				back, okBack := comparer.CompareVersions(b.Version, a.Version)
				if ok != okBack || ok && (order < 0) != (back > 0) || a.Version == b.Version && (!ok || order != 0) {
					t.Errorf("%q and %q: %d, %v; the other way round %d, %v", a.Version, b.Version, order, ok, back, okBack)
				}
			}
		}
	}
	originator, able := artifact.Able[artifact.Originator](m.Kind)
	if !able {
		return
	}
	changelogger, reads := artifact.Able[artifact.Changelogger](m.Kind)
	for _, item := range items {
		origin := originator.Origin(item)
		if name, _ := origin.Of(item); name == "" {
			t.Errorf("%s: its origin has no name", item)
		}
		if !reads {
			continue
		}
		changelog, err := changelogger.Changelog(t.Context(), item, item, func(f *artifact.File) (io.ReadCloser, error) {
			for i := range item.Files {
				if &item.Files[i] == f {
					return m.image.OpenFile(item.FileID(f))
				}
			}
			return nil, fmt.Errorf("%s is not a file of the item", f.Path)
		})
		if err != nil || changelog != nil && len(changelog.Entries) > 0 {
			t.Errorf("%s: %+v, %v", item, changelog, err)
		}
	}
}
