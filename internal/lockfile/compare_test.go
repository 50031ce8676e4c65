package lockfile

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Each part of an image must be as it was locked.
func TestCompare(t *testing.T) {
	fresh := func() *Lock {
		item := func(name string) artifact.Item {
			return artifact.Item{Kind: "k", Source: "s", Name: name, Version: "1", Metadata: []string{"to: /opt"}, Files: []artifact.File{{Path: name, Size: 1, SHA256: "aa"}}}
		}
		return &Lock{Name: "n", Date: time.Unix(1, 0).UTC(), Items: []artifact.Item{item("a"), item("b")}, Sets: []artifact.Set{{Name: "set", Architecture: "amd64", Items: []string{"s/a"}}},
			Sources: []artifact.Source{{Kind: "k", Name: "s", Releases: []artifact.Release{{Name: "r", SHA256: "cc", Proofs: []artifact.Proof{{Path: "p", SHA256: "bb", Data: []byte("x"), Kept: true}}}}}}}
	}
	for name, c := range map[string]struct {
		change func(*Lock)
		want   string // empty: it is the same
	}{
		"nothing":          {func(*Lock) {}, ""},
		"the proof itself": {func(l *Lock) { p := &l.Sources[0].Releases[0].Proofs[0]; p.Data, p.Kept = nil, false }, ""},
		"a proof":          {func(l *Lock) { l.Sources[0].Releases[0].Proofs[0].SHA256 = "dd" }, "source s: the lock says otherwise"},
		"a release":        {func(l *Lock) { l.Sources[0].Releases[0].SHA256 = "dd" }, "source s: the lock says otherwise"},
		"a source":         {func(l *Lock) { l.Sources[0].Name = "other" }, "source other: the lock does not have it"},
		"a set":            {func(l *Lock) { l.Sets[0].Items = []string{"s/b"} }, "set set for amd64: the lock says otherwise"},
		"a file":           {func(l *Lock) { l.Items[1].Files[0].SHA256 = "dd" }, "item s/b: the lock says otherwise"},
		"metadata":         {func(l *Lock) { l.Items[0].Metadata[0] = "to: /etc" }, "item s/a: the lock says otherwise"},
		"an item less":     {func(l *Lock) { l.Items = l.Items[:1] }, "item s/b: the image does not have it"},
		"an item more": {func(l *Lock) {
			l.Items = slices.Concat(l.Items, []artifact.Item{{Source: "s", Files: []artifact.File{{Path: "c"}}}})
		}, "item s/c: the lock does not have it"},
		"an item twice": {func(l *Lock) { l.Items = append(l.Items, l.Items[0]) }, "item s/a: the lock does not have it"},
		"the date":      {func(l *Lock) { l.Date = time.Unix(2, 0) }, "the image is of the lock of n of 1970-01-01T00:00:02Z, not of n of 1970-01-01T00:00:01Z"},
	} {
		image := fresh()
		c.change(image)
		err := fresh().Compare(image)
		if c.want == "" && err != nil || c.want != "" && (!errors.Is(err, artifact.ErrVerify) || !strings.HasSuffix(err.Error(), c.want)) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}
