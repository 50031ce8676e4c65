package generated

import (
	"errors"
	"io"
	"os"
	"sort"

	"github.com/minimirror/minimirror/internal/image"
)

// A chunkReader reads chunks one behind the other. It is an io.ReadSeekCloser for one reader.
type chunkReader struct {
	chunks [][]byte
	ends   []int64 // of each chunk
	at     int64
	memory *memoryFile // of the same; may be nil
	file   *os.File    // that memory has given; nil: none
}

func newChunkReader(chunks [][]byte) *chunkReader {
	r := &chunkReader{chunks: chunks, ends: make([]int64, len(chunks))}
	end := int64(0)
	for i, c := range chunks {
		end += int64(len(c))
		r.ends[i] = end
	}
	return r
}

func (r *chunkReader) size() int64 {
	if len(r.ends) == 0 {
		return 0
	}
	return r.ends[len(r.ends)-1]
}

// rest is what is left of the chunk at the position; empty: this is the end.
func (r *chunkReader) rest() []byte {
	i := sort.Search(len(r.ends), func(i int) bool { return r.ends[i] > r.at })
	if i == len(r.ends) {
		return nil
	}
	return r.chunks[i][int64(len(r.chunks[i]))-(r.ends[i]-r.at):]
}

func (r *chunkReader) Read(p []byte) (int, error) {
	rest := r.rest()
	if len(rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, rest)
	r.at += int64(n)
	return n, nil
}

// CopyTo copies at most n bytes from the position on, without a copy of its own.
func (r *chunkReader) CopyTo(w io.Writer, n int64) (written int64, err error) {
	if sender, ok := w.(image.FileSender); ok && r.at < r.size() {
		if r.file == nil {
			r.file = r.memory.use(r.chunks, r.size())
		}
		if r.file != nil {
			written, err = sender.SendFile(r.file, r.at, min(n, r.size()-r.at))
			r.at += written
			return written, err
		}
	}
	for written < n && err == nil {
		rest := r.rest()
		if len(rest) == 0 {
			break
		}
		var m int
		m, err = w.Write(rest[:min(n-written, int64(len(rest)))])
		written += int64(m)
		r.at += int64(m)
	}
	return written, err
}

func (r *chunkReader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.size()
	}
	if offset < 0 {
		return 0, errors.New("seek before the start")
	}
	r.at = offset
	return offset, nil
}

func (r *chunkReader) Close() error {
	if r.file != nil {
		r.memory.leave()
		r.file = nil
	}
	return nil
}
