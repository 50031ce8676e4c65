package diff

import (
	"encoding/xml"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
)

// made is a kind whose items are made from what their names begin with.
type made struct{ numbered }

func (made) Origin(i *artifact.Item) artifact.Origin {
	name, _, _ := strings.Cut(i.Name, "-")
	return artifact.Origin{MadeFrom: &artifact.Item{Name: name, Version: i.Version}}
}

// titles are those of the shapes in a picture, which must be well-formed.
func titles(t *testing.T, svg string) (all []string) {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(svg))
	inTitle := false
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			return all[1:] // without the picture's own
		}
		if err != nil {
			t.Fatalf("%v in %s", err, svg)
		}
		switch token := token.(type) {
		case xml.StartElement:
			if inTitle = token.Name.Local == "title"; inTitle {
				all = append(all, "")
			}
		case xml.EndElement:
			inTitle = false
		case xml.CharData:
			if inTitle {
				all[len(all)-1] += string(token)
			}
		}
	}
}

func TestSVG(t *testing.T) {
	a := side("numbered", "s x-a 1 amd64", "s x-b 1 amd64", "s one 1 amd64", "s one 1 arm64", "s gone 1 amd64", "s there 1 amd64")
	b := side("numbered", "s x-a 2 amd64", "s x-b 2 amd64", "s one 2 any", "s <new> 1 amd64", "t there 1 amd64")
	b.Catalog.Items[0].Security = true
	var svg strings.Builder
	if err := Compare(a, b, []artifact.Kind{made{}}).SVG(&svg, []artifact.Kind{made{}}); err != nil {
		t.Fatal(err)
	}
	got := titles(t, svg.String())
	want := []string{
		"upgraded: 4 items: security updates, 1.0 kB", "upgraded: 4 items: 2.0 kB", // one item has the place of two
		"added: 1 item: 1.0 kB", "removed: 1 item: 1.0 kB",
		"x: 2.0 kB", "<new>: 1.0 kB", "one: 1.0 kB",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for _, text := range []string{"4 upgraded, 1 added, 1 removed, 1 moved", "to ship: "} {
		if !strings.Contains(svg.String(), text) {
			t.Errorf("no %q in %s", text, svg.String())
		}
	}
	// Nothing has changed: the picture says so.
	svg.Reset()
	if err := Compare(a, a, []artifact.Kind{made{}}).SVG(&svg, nil); err != nil || len(titles(t, svg.String())) > 0 || !strings.Contains(svg.String(), "nothing has changed") {
		t.Errorf("%v: %s", err, svg.String())
	}
}
