package debiantest

import (
	"bytes"
	"io"
	"io/fs"
	"maps"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// A TestSigner signs with the time of the test's day.
type TestSigner struct{ *Key }

func (s TestSigner) ClearSign(text []byte) ([]byte, error) {
	return ClearSign(text, Today, s.Key)
}
func (s TestSigner) DetachSign(text []byte) ([]byte, error) {
	return DetachSign(text, Today, s.Key)
}
func (s TestSigner) PublicKey() []byte { return s.Key.Armored() }

// A TestTree is what a mirror serves, by path.
type TestTree map[string][]byte

// With puts generated files over a tree, as the image's builder and its server do.
func (tree TestTree) With(t testing.TB, files []artifact.Generated) TestTree {
	t.Helper()
	all := maps.Clone(tree)
	if all == nil {
		all = TestTree{}
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
			if int64(len(data)) != f.Pieces.Size || deb822.SHA256(data) != f.Pieces.SHA256 {
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

func (tree TestTree) open(name string) (io.ReadCloser, error) {
	data, found := tree[name]
	if !found {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

func FilterRequest(tree TestTree, sources []artifact.Source, absent func(string) bool) artifact.FilterRequest {
	return artifact.FilterRequest{Sources: sources, Date: Today, Signer: TestSigner{Key: NewKey("k")}, Open: tree.open, Absent: absent}
}
