package kindtest

import (
	"bytes"
	"net/http"
	"reflect"
	"slices"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/audit"
	"github.com/minimirror/minimirror/internal/sbom"
	"github.com/minimirror/minimirror/internal/sbom/sbomtest"
)

// softwareList shows that SBOMs list every item with its package URL and the digest of its file, in both formats, as the server does, and the
// same each time.
func (m *mirror) softwareList(t *testing.T) {
	purler, able := artifact.Able[artifact.PackageURLer](m.Kind)
	if !able {
		return
	}
	subject, err := sbom.FromImage(t.Context(), m.image, m.Program)
	must(t, err)
	s := m.serve(t)
	lists := map[sbom.Format][]sbomtest.Package{}
	for _, format := range sbom.Formats {
		var one, two bytes.Buffer
		must(t, subject.Write(t.Context(), &one, format))
		must(t, subject.Write(t.Context(), &two, format))
		a := s.get(t, "/sbom?format="+string(format))
		a.is(t, "/sbom", http.StatusOK, audit.Metadata)
		if !bytes.Equal(one.Bytes(), two.Bytes()) || !bytes.Equal(one.Bytes(), a.body) || a.Header.Get("Content-Type") != format.MediaType() {
			t.Errorf("%s: it differs from time to time, or from the server's, which is %s", format, a.Header.Get("Content-Type"))
		}
		lists[format] = sbomtest.Read(t, format, one.Bytes())
	}
	all := lists[sbom.SPDX]
	if !reflect.DeepEqual(all, lists[sbom.CycloneDX]) {
		t.Errorf("the formats differ:\n%+v\n%+v", all, lists[sbom.CycloneDX])
	}
	for _, item := range m.items() {
		want := sbomtest.Package{}
		for i := range m.lock.Sources {
			if m.lock.Sources[i].Name == item.Source {
				want.PURL = purler.PackageURL(&m.lock.Sources[i], item)
			}
		}
		if len(item.Files) == 1 {
			want.SHA256 = item.Files[0].SHA256
		}
		if !slices.ContainsFunc(all, func(p sbomtest.Package) bool { return p.PURL == want.PURL && p.SHA256 == want.SHA256 }) {
			t.Errorf("%s is not listed: %+v", item, want)
		}
	}
}
