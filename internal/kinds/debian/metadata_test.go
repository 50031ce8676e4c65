package debian

import (
	"bytes"
	"slices"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

func TestStanzaOf(t *testing.T) {
	stanza := " lost\nPackage: a\nMaintainer : Jos\xe9\x01\x1b[1m\r\nVersion: 1\n more\nX: \uf7e9\nphased-update-percentage: 10\nDescription: b\n\tc\x00  \n"
	want := []string{"Maintainer : Jos\uf7e9\uf701\uf71b[1m", "X: \uf7ef\uf79f\uf7a9", "Description: b", "\tc\uf700"}
	got := deb822.StanzaOf(stanza)
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	a := artifact.Item{Name: "a", Version: "1", Attributes: artifact.NewAttributes(map[string][]string{"architecture": {"all"}}), Files: []artifact.File{{Path: "p", Size: 2, SHA256: "s"}}, Metadata: got}
	var b bytes.Buffer
	deb822.WriteStanza(&b, &a)
	if got, want := b.String(), "Package: a\nVersion: 1\nArchitecture: all\nMaintainer : Jos\xe9\x01\x1b[1m\nX: \uf7e9\nDescription: b\n\tc\x00\nFilename: p\nSize: 2\nSHA256: s\n\n"; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if got := (Kind{}).Describe(&a).Fields[2].Value[0].Text; got != "José��[1m" {
		t.Errorf("people read %q", got)
	}
}
