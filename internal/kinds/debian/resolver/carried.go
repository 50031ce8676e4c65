package resolver

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// UniverseOf makes a universe of what pins carry: an index of each source, with
// the lines that upstream's index had.
func UniverseOf(pins artifact.Pins) (*Universe, error) {
	u := NewUniverse()
	for _, src := range pins.Sources {
		for _, r := range src.Releases {
			for _, line := range r.Metadata {
				if list, found := strings.CutPrefix(line, "Architectures: "); found {
					for _, architecture := range strings.Fields(list) {
						u.AddNode(architecture)
					}
				}
			}
		}
	}
	indexes, order := make(map[string]*bytes.Buffer), []string(nil)
	for i := range pins.Items {
		a := &pins.Items[i]
		if indexes[a.Source] == nil {
			indexes[a.Source], order = new(bytes.Buffer), append(order, a.Source)
		}
		u.AddNode(a.Architecture())
		deb822.WriteStanza(indexes[a.Source], a)
	}
	for _, source := range order {
		if err := u.addOwn(deb822.Origin{Source: source, Suite: source}, indexes[source].Bytes()); err != nil {
			return nil, fmt.Errorf("debian: source %s: %w", source, err)
		}
	}
	u.BuildIndex()
	return u, nil
}
