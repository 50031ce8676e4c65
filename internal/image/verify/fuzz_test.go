package verify

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/catalog"
	"github.com/minimirror/minimirror/internal/image/tarlayer"
)

// memoryLayer is a layer that has its digest, whatever it is.
// Whatever the bytes of a layer are, Verify ends, and passes none but those that Layer writes.
func FuzzVerifyLayer(f *testing.F) {
	entries := []tarlayer.Entry{
		{Path: "mirror/s/a", Data: []byte("a")}, {Path: "mirror/s/b", Data: bytes.Repeat([]byte("b"), 512)},
		{Path: "mirror/s/c", Link: "mirror/s/a"}, {Path: "mirror/s/" + strings.Repeat("long-", 40), Data: nil},
	}
	layer, err := tarlayer.New(entries)
	if err != nil {
		f.Fatal(err)
	}
	c := &catalog.Catalog{}
	for _, e := range entries {
		content := e
		if e.Link != "" {
			content = entries[0]
		}
		c.Files = append(c.Files, catalog.File{Path: strings.TrimPrefix(e.Path, "mirror/"), Layer: 1, Offset: layer.Offset(content.Path),
			Size: int64(len(content.Data)), SHA256: strings.TrimPrefix(catalog.DigestOf(content.Data), "sha256:")})
	}
	v, err := New(c, nil, nil, 4)
	if err != nil {
		f.Fatal(err)
	}
	good, err := io.ReadAll(layer.NewReader(f.Context()))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(append(bytes.Clone(good), make([]byte, 512)...))
	f.Add(good[:len(good)-tarlayer.TarTrailer])
	f.Fuzz(func(t *testing.T, data []byte) {
		err := v.Layer(1, bytes.NewReader(data))
		same := len(data) >= len(good) && bytes.HasPrefix(data, good) && tarlayer.IsZero(data[len(good):])
		if same != (err == nil) || err != nil && !errors.Is(err, artifact.ErrVerify) {
			t.Errorf("error %v", err)
		}
	})
}
