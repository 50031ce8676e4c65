package lockfile

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
)

// TestMarshal compares what marshal writes item by item with what package json writes of the whole lock.
func TestMarshal(t *testing.T) {
	item := artifact.Item{Kind: "k", Source: "s", Name: "a<b>&\u2028", Version: "1", Metadata: []string{"A: \"x\"", "null"},
		Attributes: artifact.NewAttributes(map[string][]string{"architecture": {"amd64"}}),
		Files:      []artifact.File{{Path: "p", Size: 1, SHA256: "00", URLs: []string{"u"}}}}
	for name, items := range map[string][]artifact.Item{"nil": nil, "none": {}, "one": {item}, "three": {item, {}, item}} {
		l := &Lock{Format: 3, Name: name, Items: items}
		var want bytes.Buffer
		enc := json.NewEncoder(&want)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(l); err != nil {
			t.Fatal(err)
		}
		got, err := marshal(l)
		if err != nil || string(got) != want.String() {
			t.Errorf("%s: %v\ngot\n%s\nwant\n%s", name, err, got, &want)
		}
	}
}
