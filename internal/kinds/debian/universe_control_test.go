package debian

import (
	"strings"
	"testing"
)

// TestPinnedAddresses: object stores have "a//b" under that very name.
func TestPinnedAddresses(t *testing.T) {
	src := &source{name: "s", urls: []string{"http://h/debian"}}
	for name, want := range map[string]string{
		"./pool/a.deb": "http://h/debian/pool/a.deb", "/pool/a.deb": "http://h/debian//pool/a.deb http://h/debian/pool/a.deb",
		".//a+b.deb": "http://h/debian/.//a%2bb.deb http://h/debian/a%2bb.deb",
	} {
		a, err := (&Package{Name: "a", Version: "1", Architecture: "all", Filename: name, SHA256: strings.Repeat("a", 64), Origins: []Origin{{Source: "s"}}, stanzas: [][]byte{nil}}).item(src.name, src.addresses)
		if got := strings.Join(a.Files[0].URLs, " "); got != want || err != nil {
			t.Errorf("%q: got %q, %v; want %q", name, got, err, want)
		}
	}
}
