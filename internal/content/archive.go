package content

import (
	"io"
	"io/fs"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/tarindex"
)

// A tarFiles has the files of an archive.
type tarFiles struct{ *tarindex.Index }

func openTar(file string) (files, error) {
	x, err := tarindex.Open(file)
	if err != nil {
		return nil, err
	}
	if x.Cut != nil {
		err = artifact.Verifyf("%s: the archive is cut off: %w", file, x.Cut)
		x.Close()
		return nil, err
	}
	return tarFiles{x}, nil
}

func (t tarFiles) open(name string, offset int64) (io.ReadCloser, int64, error) {
	r, e, found := t.Section(name, offset)
	if !found {
		return nil, 0, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return io.NopCloser(r), e.Size, nil
}
