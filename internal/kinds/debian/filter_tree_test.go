package debian

import (
	"bytes"
	"io"
	"io/fs"
	"maps"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
)

// A testSigner signs with the time of the test's day.
type testSigner struct{ *debiantest.Key }

func (s testSigner) ClearSign(text []byte) ([]byte, error) {
	return debiantest.ClearSign(text, today, s.Key)
}
func (s testSigner) DetachSign(text []byte) ([]byte, error) {
	return debiantest.DetachSign(text, today, s.Key)
}
func (s testSigner) PublicKey() []byte { return s.Key.Armored() }

// A testTree is what a mirror serves, by path.
type testTree map[string][]byte

// with puts generated files over a tree, as the image's builder and its server do.
func (tree testTree) with(t testing.TB, files []artifact.Generated) testTree {
	t.Helper()
	all := maps.Clone(tree)
	if all == nil {
		all = testTree{}
	}
	for _, f := range files {
		switch {
		case f.Pieces != nil:
			var data []byte
			for i, part := range f.Pieces.Parts {
				if i > 0 && f.Pieces.Parts[i-1].Offset+f.Pieces.Parts[i-1].Size >= part.Offset {
					t.Fatalf("%s: parts %v are not joined or not in order", f.Path, f.Pieces.Parts)
				}
				data = append(data, tree[f.Pieces.Path][part.Offset:part.Offset+part.Size]...)
			}
			if int64(len(data)) != f.Pieces.Size || sum(data) != f.Pieces.SHA256 {
				t.Fatalf("%s: the pieces are not what they claim", f.Path)
			}
			all[f.Path] = data
		case f.Chunks != nil:
			all[f.Path] = bytes.Join(f.Chunks, nil)
		case f.Link == "":
			all[f.Path] = f.Data
		}
	}
	for _, f := range files {
		if f.Link != "" {
			all[f.Path] = all[f.Link]
		}
	}
	return all
}

func (tree testTree) open(name string) (io.ReadCloser, error) {
	data, found := tree[name]
	if !found {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

func filterRequest(tree testTree, sources []artifact.Source, absent func(string) bool) artifact.FilterRequest {
	return artifact.FilterRequest{Sources: sources, Date: today, Signer: testSigner{Key: debiantest.NewKey("k")}, Open: tree.open, Absent: absent}
}
