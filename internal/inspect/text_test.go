package inspect_test

import (
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/inspect"
)

// TestAttributes shows that a summary counts the items by their attributes, but for digests, of which each item has another.
func TestAttributes(t *testing.T) {
	hex := strings.Repeat("a", 64)
	summary := inspect.Summary{Sources: []inspect.Source{{Kind: "boxes", Name: "site", Items: 3, Attributes: map[string]map[string]int{
		"digest":  {"sha256:" + hex: 1, "sha512:" + hex + hex: 2},
		"colour":  {"red": 2, "blue": 1},
		"content": {"sha256:" + hex: 1, "none": 2},
	}}}}
	var text strings.Builder
	if err := summary.Text(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"\n  colour: red 2, blue 1\n", "\n  content: none 2, sha256:" + hex + " 1\n"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("there is no %q in:\n%s", want, &text)
		}
	}
	if strings.Contains(text.String(), "  digest:") {
		t.Errorf("digests are counted:\n%s", &text)
	}
}
