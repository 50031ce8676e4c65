package deb822

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/minimirror/minimirror/internal/artifact"
)

// FuzzMetadata: whatever a stanza holds, a lock can hold, and clients get its very bytes.
func FuzzMetadata(f *testing.F) {
	f.Add([]byte("Package: a\nMaintainer: \xe9\x00\x01\r\n\x7f: x\n \uf70a\nX\xff :\uf7ff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		stanza := string(data)
		lines := StanzaOf(stanza)
		for _, line := range lines {
			if !utf8.ValidString(line) || strings.ContainsFunc(line, isControl) {
				t.Errorf("%q", line)
			}
			if decoded := DecodeText(line); EncodeText(decoded) != line || !strings.Contains(stanza, decoded) || strings.Contains(decoded, "\n") {
				t.Errorf("%q becomes %q", line, decoded)
			}
		}
		if text := MetadataText(&artifact.Item{Metadata: lines}); !slices.Equal(StanzaOf(text), lines) {
			t.Errorf("%q becomes %q", lines, StanzaOf(text))
		}
	})
}

func TestFilePath(t *testing.T) {
	for name, want := range map[string]string{
		"pool/a.deb": "pool/a.deb", "/pool/a.deb": "pool/a.deb", ".//a.deb": "a.deb", "./a.deb": "a.deb", "a//b": "a/b", "a/../b": "b",
		"pool/a_1%3a2.deb": "pool/a_1%3a2.deb", "pool/50%.deb": "pool/50%.deb", "pool/a b.deb": "pool/a b.deb", "a..b/...": "a..b/...",
		"dists/s/pool/a.deb": "dists/s/pool/a.deb",

		"": "", ".": "", "/": "", "..": "", "../x": "", "/../x": "", "a/../../x": "", "a/..": "", "x/": "", "http://h/x": "", "file:///x": "",
		"%2e%2e/x": "", "a/%2E%2e/x": "", "a/.%2e/b": "", "%252e%252e/x": "", "%25252e./x": "", "a%2f..%2f..%2fx": "", "a%5c..%5cx": "", `a\..\x`: "",
		"a\x00b": "", "a\nb": "", "a\xe9b": "", "dists": "", "dists/s/InRelease": "", "./dists//s/main/Packages": "",
	} {
		if got, err := FilePath(name); (err == nil) != (want != "") || err == nil && got != want {
			t.Errorf("%q: got %q, %v; want %q", name, got, err, want)
		}
	}
}
