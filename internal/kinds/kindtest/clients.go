package kindtest

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kit"
)

// clients shows that what the kind says of clients is usable: the home page has it, the kit takes it, and a probe of the
// running mirror succeeds.
func (m *mirror) clients(t *testing.T) {
	s := m.serve(t)
	if guide, able := artifact.Able[artifact.Guide](m.Kind); able {
		const address = "http://mirror.example.org:8080"
		key, err := m.image.ReadFile("minimirror.asc")
		must(t, err)
		part := artifact.Mirror{Pins: m.pins(), PublicKey: key}
		usage := guide.Usage(part, address)
		if !strings.Contains(usage, address) {
			t.Errorf("the usage does not have the mirror's address:\n%s", usage)
		}
		first, _, _ := strings.Cut(usage, "\n")
		if home := s.get(t, "/"); !strings.Contains(string(home.body), first) {
			t.Errorf("the home page does not have %q:\n%s", first, home.body)
		}
		for _, prefer := range []bool{false, true} {
			clients := guide.Clients(part, artifact.ClientOptions{Base: address, Prefer: prefer})
			for _, client := range clients {
				if len(client.Files) == 0 {
					t.Errorf("a client without files: %+v", client)
				}
			}
			made, err := kit.New(kit.Kit{Name: "suite", Image: "minimirror.local/suite:1", Address: address, Key: key, Clients: clients})
			must(t, err)
			_, err = made.Files()
			must(t, err)
		}
	}
	if prober, able := artifact.Able[artifact.Prober](m.Kind); able {
		must(t, prober.Probe(t.Context(), func(_ context.Context, path string) ([]byte, error) {
			a := s.get(t, path)
			if a.StatusCode != http.StatusOK {
				return nil, fmt.Errorf("%s: %s", path, a.Status)
			}
			return a.body, nil
		}))
	}
}
