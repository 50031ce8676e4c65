package lockfile

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
)

// TestMarshal compares what marshal writes item by item with what package json writes of the whole lock.
func TestMarshal(t *testing.T) {
	item := artifact.Item{Kind: "k", Source: "s", Name: "a<b>&\u2028", Version: "1", Metadata: []string{"A: \"x\"", "null"},
		Attributes: artifact.NewAttributes(map[string][]string{"architecture": {"amd64"}}),
		Files:      []artifact.File{{Path: "p", Size: 1, SHA256: "00", URLs: []string{"u"}}}}
	whole := item
	whole.Security, whole.Requested, whole.Key = true, true, "key"
	whole.Files = append(whole.Files, artifact.File{}, artifact.File{URLs: []string{}}, artifact.File{Path: "q", URLs: []string{"u", "v"}})
	for i, v := 0, reflect.ValueOf(whole); i < v.NumField(); i++ { // so that no new field is forgotten
		if v.Field(i).IsZero() {
			t.Errorf("%s is not set", v.Type().Field(i).Name)
		}
	}
	odd := artifact.Item{Files: []artifact.File{}, Metadata: []string{}}
	for _, text := range []string{"", "a<b>&c", `"\`, "\x00\t\n\x1b\x7f", "\u2028 ü", "\xff"} {
		odd.Metadata = append(odd.Metadata, text)
		odd.Attributes = append(odd.Attributes, artifact.Attribute{Name: text, Values: []string{text}}, artifact.Attribute{Name: "l" + text, Values: []string{text, text}})
	}
	odd.Attributes = append(odd.Attributes, artifact.Attribute{Name: "none"})
	for name, items := range map[string][]artifact.Item{"nil": nil, "none": {}, "one": {item}, "three": {item, {}, item}, "whole": {whole}, "odd": {odd, {Attributes: artifact.Attributes{}}}} {
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
