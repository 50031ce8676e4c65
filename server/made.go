package server

import (
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
	chunks [][]byte         // its bytes, one chunk behind the other; other files may share them
	memory *memoryFile      // of the chunks
	pieces *artifact.Pieces // instead of chunks
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

// keeps is how many bytes it keeps, but for chunks that have been counted, and adds its own to these.
func (f *madeFile) keeps(counted map[*byte]bool) (size int64) {
	if f.pieces != nil {
		size = int64(len(f.pieces.Parts)) * 16
	}
	for _, c := range f.chunks {
		if len(c) > 0 && !counted[&c[0]] {
			counted[&c[0]] = true
			size += int64(len(c))
		}
	}
	return size
}

// open opens it for one reader: one that sends files by sendfile(2), or one that does not.
func (f *madeFile) open(sends bool) (io.ReadSeekCloser, error) {
	if f.pieces == nil {
		r := newChunkReader(f.chunks)
		if sends {
			r.memory = f.memory
		}
		return r, nil
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
func (v *view) add(files []artifact.Generated, img *image.Image) error {
	for i := range files {
		f := &files[i]
		if f.Link != "" {
			continue
		}
		made := &madeFile{File: image.File{Path: f.Path, Modified: f.Modified}, chunks: f.Chunks, pieces: f.Pieces, image: img, since: v.since}
		if f.Pieces != nil {
			made.Size, made.SHA256 = f.Pieces.Size, f.Pieces.SHA256
		} else {
			made.memory = new(memoryFile)
			if f.Chunks == nil {
				made.chunks = [][]byte{f.Data}
			}
			hash := sha256.New()
			for _, c := range made.chunks {
				made.Size += int64(len(c))
				hash.Write(c)
			}
			made.SHA256 = hex.EncodeToString(hash.Sum(nil))
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
