package debian

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/minimirror/minimirror/internal/artifact"
)

func TestStanzaOf(t *testing.T) {
	stanza := " lost\nPackage: a\nMaintainer : Jos\xe9\x01\x1b[1m\r\nVersion: 1\n more\nX: \uf7e9\nphased-update-percentage: 10\nDescription: b\n\tc\x00  \n"
	want := []string{"Maintainer : Jos\uf7e9\uf701\uf71b[1m", "X: \uf7ef\uf79f\uf7a9", "Description: b", "\tc\uf700"}
	got := stanzaOf([]byte(stanza))
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	a := artifact.Item{Name: "a", Version: "1", Attributes: artifact.NewAttributes(map[string][]string{"architecture": {"all"}}), Files: []artifact.File{{Path: "p", Size: 2, SHA256: "s"}}, Metadata: got}
	var b bytes.Buffer
	writeStanza(&b, &a)
	if got, want := b.String(), "Package: a\nVersion: 1\nArchitecture: all\nMaintainer : Jos\xe9\x01\x1b[1m\nX: \uf7e9\nDescription: b\n\tc\x00\nFilename: p\nSize: 2\nSHA256: s\n\n"; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if got := (Kind{}).Describe(&a).Fields[2].Value[0].Text; got != "José��[1m" {
		t.Errorf("people read %q", got)
	}
}

// FuzzMetadata: whatever a stanza holds, a lock can hold, and clients get its very bytes.
func FuzzMetadata(f *testing.F) {
	f.Add([]byte("Package: a\nMaintainer: \xe9\x00\x01\r\n\x7f: x\n \uf70a\nX\xff :\uf7ff"))
	f.Fuzz(func(t *testing.T, stanza []byte) {
		lines := stanzaOf(stanza)
		for _, line := range lines {
			if !utf8.ValidString(line) || strings.ContainsFunc(line, isControl) {
				t.Errorf("%q", line)
			}
			if decoded := decodeText(line); encodeText(decoded) != line || !bytes.Contains(stanza, []byte(decoded)) || strings.Contains(decoded, "\n") {
				t.Errorf("%q becomes %q", line, decoded)
			}
		}
		if text := metadataText(&artifact.Item{Metadata: lines}); !slices.Equal(stanzaOf(text), lines) {
			t.Errorf("%q becomes %q", lines, stanzaOf(text))
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
		if got, err := filePath(name); (err == nil) != (want != "") || err == nil && got != want {
			t.Errorf("%q: got %q, %v; want %q", name, got, err, want)
		}
	}
}
