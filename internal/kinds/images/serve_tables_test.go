package images

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	digests "github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
)

// An openTable is the file of a table.
type openTable struct{ *strings.Reader }

func (openTable) Close() error { return nil }

// manyReferrers are two items of one image, each with the same attached artifacts, and the table of their source.
func manyReferrers(t testing.TB, count int) ([]artifact.Item, func(string) (io.ReadSeekCloser, error)) {
	subject := string(digests.FromString("subject"))
	var items []artifact.Item
	var rows []itemTable
	for _, platform := range []string{"linux/amd64", "linux/arm64"} {
		item := artifact.Item{Kind: Kind{}.Name(), Source: "registry.example.org", Name: "app", Version: "1.0", Key: itemKey("app", "1.0", platform),
			Attributes: artifact.NewAttributes(map[string][]string{attributeDigest: {subject}})}
		row := itemTable{Key: item.Key, Types: map[string]string{subject: v1.MediaTypeImageIndex}}
		for i := range count {
			row.Referrers = append(row.Referrers, attachedManifest{subject, v1.Descriptor{MediaType: v1.MediaTypeImageManifest, ArtifactType: "example/sbom", Digest: digests.FromString(fmt.Sprint(i)), Size: int64(i)}})
		}
		items, rows = append(items, item), append(rows, row)
	}
	text, err := json.Marshal(table{[]repositoryTable{{"app", rows}}})
	if err != nil {
		t.Fatal(err)
	}
	return items, func(string) (io.ReadSeekCloser, error) { return openTable{strings.NewReader(string(text))}, nil }
}

// TestManyReferrers: what several items have attached is in the list once, in its order, for each of them.
func TestManyReferrers(t *testing.T) {
	const count = 20_000
	items, open := manyReferrers(t, count)
	s, err := newServed("registry.example.org", items, open)
	if err != nil {
		t.Fatal(err)
	}
	list := s.repositories["app"].attached[string(digests.FromString("subject"))]
	if len(list) != count {
		t.Fatalf("%d of %d", len(list), count)
	}
	for i, one := range list {
		if !strings.Contains(string(one.descriptor), string(digests.FromString(fmt.Sprint(i)))) || len(one.items) != 2 {
			t.Fatalf("%d: %s of %d items", i, one.descriptor, len(one.items))
		}
	}
}

// BenchmarkReferrers is the start of a server with many artifacts attached to one image. The time per artifact must not depend on their number.
func BenchmarkReferrers(b *testing.B) {
	for _, count := range []int{1000, 10_000} {
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			items, open := manyReferrers(b, count)
			for b.Loop() {
				if _, err := newServed("registry.example.org", items, open); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*count), "ns/artifact")
		})
	}
}
