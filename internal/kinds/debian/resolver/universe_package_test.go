package resolver

import (
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// TestPinnedAddresses: object stores have "a//b" under that very name.
func TestPinnedAddresses(t *testing.T) {
	for name, want := range map[string]string{
		"./pool/a.deb": "http://h/pool/a.deb", "/pool/a.deb": "http://h//pool/a.deb http://h/pool/a.deb",
		".//a+b.deb": "http://h/.//a+b.deb http://h/a+b.deb",
	} {
		p := &Package{Name: "a", Version: "1", Architecture: "all", Filename: name, SHA256: strings.Repeat("a", 64), Origins: []deb822.Origin{{Source: "s"}}, stanzas: []string{""}}
		a, err := p.Item("s", func(path string) []string { return []string{"http://h/" + path} })
		if got := strings.Join(a.Files[0].URLs, " "); got != want || err != nil {
			t.Errorf("%q: got %q, %v; want %q", name, got, err, want)
		}
	}
}
