package tarlayer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sort"
	"sync"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A Reader generates a layer's bytes, in order or at any offset. It keeps at
// most one file open. Its methods may be called from several goroutines.
type Reader struct {
	ctx   context.Context // of the one who asked for the reader
	layer *Layer

	mu     sync.Mutex
	file   File
	member *Member // whose content file is
	offset int64   // of the next Read
}

// NewReader returns a reader at the layer's beginning. It must be closed. When
// ctx ends, so does reading. The contents are not verified; see Descriptor.
func (l *Layer) NewReader(ctx context.Context) *Reader {
	return &Reader{ctx: ctx, layer: l}
}

// Size is the length of the layer in bytes.
func (r *Reader) Size() int64 { return r.layer.size }

// Read implements io.Reader.
func (r *Reader) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n, err := r.readAt(p, r.offset)
	r.offset += int64(n)
	if n > 0 && errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

// ReadAt implements io.ReaderAt.
func (r *Reader) ReadAt(p []byte, offset int64) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.readAt(p, offset)
}

// Close closes the file that is open.
func (r *Reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file == nil {
		return nil
	}
	file := r.file
	r.file, r.member = nil, nil
	return file.Close()
}

func (r *Reader) readAt(p []byte, offset int64) (int, error) {
	if offset < 0 {
		return 0, fmt.Errorf("layer: offset %d is negative", offset)
	}
	members := r.layer.members
	next := sort.Search(len(members), func(i int) bool { return members[i].start > offset })
	n := 0
	for n < len(p) {
		if err := r.ctx.Err(); err != nil {
			return n, err
		}
		if offset >= r.layer.size {
			return n, io.EOF
		}
		trailer := r.layer.size - TarTrailer
		if offset >= trailer {
			k := int(min(int64(len(p)-n), r.layer.size-offset))
			clear(p[n : n+k])
			n, offset = n+k, offset+int64(k)
			continue
		}
		end := trailer
		if next < len(members) {
			end = members[next].start
		}
		k, err := r.readMember(&members[next-1], end, p[n:], offset)
		n, offset = n+k, offset+int64(k)
		if err != nil {
			return n, err
		}
		if offset == end {
			next++
		}
	}
	return n, nil
}

// readMember reads one of a member's three parts: header, content, padding.
func (r *Reader) readMember(m *Member, end int64, p []byte, offset int64) (int, error) {
	switch {
	case offset < m.content:
		header, err := m.Header()
		return copy(p, header[offset-m.start:]), err
	case offset < m.content+m.Size:
		p = p[:min(int64(len(p)), m.content+m.Size-offset)]
		return r.readContent(m, p, offset-m.content)
	}
	p = p[:min(int64(len(p)), end-offset)]
	clear(p)
	return len(p), nil
}

func (r *Reader) readContent(m *Member, p []byte, offset int64) (int, error) {
	if m.Open == nil {
		return copy(p, m.Data[offset:]), nil
	}
	if r.member != m {
		if r.file != nil {
			r.file.Close()
			r.file, r.member = nil, nil
		}
		file, err := m.Open()
		if err != nil {
			return 0, fmt.Errorf("%s: %w", m.Path, err)
		}
		r.file, r.member = file, m
	}
	n, err := r.file.ReadAt(p, offset)
	switch {
	case n == len(p):
		return n, nil
	case errors.Is(err, io.EOF):
		return n, artifact.Verifyf("%s: size mismatch: got %d bytes, want %d", m.Path, offset+int64(n), m.Size)
	}
	return n, fmt.Errorf("%s: %w", m.Path, err)
}

// IsZero reports whether all bytes are zero, as in the padding of a tar archive.
func IsZero(p []byte) bool { return len(bytes.TrimLeft(p, "\x00")) == 0 }
