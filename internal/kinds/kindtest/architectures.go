package kindtest

import (
	"io"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/signing"
)

// architectures shows that what images for single architectures carry is, together, all that the lock has, and that clients can read each.
func (m *mirror) architectures(t *testing.T) {
	if _, able := artifact.Able[artifact.Splitter](m.Kind); !able {
		return
	}
	carried := m.lock.Architectures(m.Program)
	if len(carried) == 0 {
		carried = []string{"amd64"}
	}
	signer, err := signing.Keys{m.key}.At(m.lock.Date, nil)
	must(t, err)
	has := make(map[string]bool)
	for _, architecture := range carried {
		part := m.lock.ForArchitecture(m.Program, architecture)
		pins := artifact.Pins{Date: part.Date, Open: func(name string) (io.ReadCloser, error) { return m.image.OpenFile(name) }}
		for _, s := range part.Sources {
			if s.Kind == m.Kind.Name() {
				pins.Sources = append(pins.Sources, s)
			}
		}
		for _, i := range part.Items {
			if i.Kind == m.Kind.Name() {
				pins.Items = append(pins.Items, i)
			}
		}
		if _, err := m.Kind.Publish(pins, signer); err != nil {
			t.Errorf("%s: %v", architecture, err)
		}
		for i := range part.Items {
			has[part.Items[i].ID()] = true
		}
	}
	for i := range m.lock.Items {
		if !has[m.lock.Items[i].ID()] {
			t.Errorf("%s is in no image", m.lock.Items[i].ID())
		}
	}
}
