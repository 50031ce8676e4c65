package generated

import (
	"io"
	"sort"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
)

type readSeekCloser struct {
	io.ReadSeeker
	io.Closer
}

// A pieceReader reads parts of a section one behind the other. It implements io.ReaderAt.
type pieceReader struct {
	section *image.Section
	parts   []artifact.Range
	ends    []int64 // of each part, in what is read
	size    int64
}

func (r *pieceReader) ReadAt(p []byte, offset int64) (n int, err error) {
	at := sort.Search(len(r.ends), func(i int) bool { return r.ends[i] > offset })
	for ; n < len(p) && at < len(r.parts); at++ {
		part := r.parts[at]
		skip := offset - (r.ends[at] - part.Size)
		m, err := r.section.ReadAt(p[n:min(int64(len(p)), int64(n)+part.Size-skip)], part.Offset+skip)
		n, offset = n+m, offset+int64(m)
		if int64(m) < part.Size-skip && n < len(p) {
			if err == nil || err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return n, err
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}
