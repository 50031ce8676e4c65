package server

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"sort"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
)

// A madeFile is a file that the server has made itself. It takes the place of the
// image's file of the same path.
type madeFile struct {
	image.File
	data   []byte
	pieces *artifact.Pieces // instead of data
	image  *image.Image     // that has the pieces
	since  time.Time        // when it was made; zero: the clock is wrong
}

// lastModified is when it was made: so the date moves forward when rules change, be it back to what was before.
func (f *madeFile) lastModified() time.Time {
	if f.since.IsZero() {
		return lastModified(&f.File)
	}
	return f.since
}

// memory is how many bytes it keeps.
func (f *madeFile) memory() int64 {
	if f.pieces != nil {
		return int64(len(f.pieces.Parts)) * 16
	}
	return int64(len(f.data))
}

// open opens it for one reader.
func (f *madeFile) open() (io.ReadSeekCloser, error) {
	if f.pieces == nil {
		return &memory{Reader: bytes.NewReader(f.data), data: f.data}, nil
	}
	section, err := f.image.OpenFile(f.pieces.Path)
	if err != nil {
		return nil, err
	}
	r := &pieceReader{section: section, parts: f.pieces.Parts, ends: make([]int64, len(f.pieces.Parts))}
	end := int64(0)
	for i, part := range r.parts {
		end += part.Size
		r.ends[i] = end
	}
	r.size = end
	return readSeekCloser{io.NewSectionReader(r, 0, end), section}, nil
}

// A memory is content that is held in memory, open for one reader.
type memory struct {
	*bytes.Reader
	data []byte
}

func (*memory) Close() error { return nil }

// CopyTo copies at most n bytes from the position on, by one Write.
func (m *memory) CopyTo(w io.Writer, n int64) (int64, error) {
	rest := m.data[len(m.data)-m.Len():]
	written, err := w.Write(rest[:min(n, int64(len(rest)))])
	m.Seek(int64(written), io.SeekCurrent)
	return int64(written), err
}

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

// add puts files of a kind into the view.
func (v *view) add(files []artifact.File, img *image.Image) error {
	for i := range files {
		f := &files[i]
		if f.Link != "" {
			continue
		}
		made := &madeFile{File: image.File{Path: f.Path, Modified: f.Modified}, data: f.Data, pieces: f.Pieces, image: img, since: v.since}
		if f.Pieces != nil {
			made.Size, made.SHA256 = f.Pieces.Size, f.Pieces.SHA256
		} else {
			sum := sha256.Sum256(f.Data)
			made.Size, made.SHA256 = int64(len(f.Data)), hex.EncodeToString(sum[:])
		}
		v.made[f.Path] = made
	}
	for _, f := range files {
		if f.Link == "" {
			continue
		}
		target := v.made[f.Link]
		if target == nil {
			return fmt.Errorf("%s is a link to %s, which is not made", f.Path, f.Link)
		}
		link := *target
		link.Path = f.Path
		v.made[f.Path] = &link
	}
	return nil
}
