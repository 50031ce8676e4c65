package kindtest

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"testing"

	"github.com/package-url/packageurl-go"

	"github.com/minimirror/minimirror/internal/artifact"
)

// packageURLs shows that the items' package URLs are valid, canonical and different, that they depend on nothing that a server lacks, and
// that the API has them.
func (m *mirror) packageURLs(t *testing.T) {
	purler, able := artifact.Able[artifact.PackageURLer](m.Kind)
	sources := make(map[string]*artifact.Source)
	for i := range m.lock.Sources {
		sources[m.lock.Sources[i].Name] = &m.lock.Sources[i]
	}
	s := m.serve(t)
	known := make(map[string]*artifact.Item)
	for _, item := range m.items() {
		var api struct {
			Carried []struct {
				Key   string
				Files []artifact.File
				PURL  string
			}
		}
		target := "/api/v1/artifacts/" + item.Kind + "/" + escape(item.Name)
		a := s.get(t, target)
		if a.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", target, a.Status)
		}
		must(t, json.Unmarshal(a.body, &api))
		want := ""
		if able {
			served := *item
			served.Metadata, served.Files = nil, append([]artifact.File(nil), item.Files...)
			for f := range served.Files {
				served.Files[f].URLs = nil
			}
			want = purler.PackageURL(sources[item.Source], &served)
			if whole := purler.PackageURL(sources[item.Source], item); whole != want {
				t.Errorf("%s: %s, and without addresses and metadata %s", item, whole, want)
			}
			read, err := packageurl.FromString(want)
			if err != nil || read.ToString() != want || read.Version != item.Version && !isAttribute(item, read.Version) {
				t.Errorf("%s: %s: %+v, %v", item, want, read, err)
			}
			if other := known[want]; other != nil && !reflect.DeepEqual(other.Files, item.Files) {
				t.Errorf("%s and %s are both %s", item.ID(), other.ID(), want)
			}
			known[want] = item
		}
		found := false
		for _, c := range api.Carried {
			if c.Key == item.Key && c.Files[0].SHA256 == item.Files[0].SHA256 {
				found = true
				if c.PURL != want {
					t.Errorf("%s: the API says %q, want %q", item, c.PURL, want)
				}
			}
		}
		if !found {
			t.Errorf("%s does not have %s:\n%s", target, item.ID(), a.body)
		}
	}
}

// isAttribute reports whether an item has an attribute of the value: what package URLs of its type call the version, such as a digest.
func isAttribute(item *artifact.Item, value string) bool {
	return slices.ContainsFunc(item.Attributes, func(a artifact.Attribute) bool { return slices.Contains(a.Values, value) })
}
