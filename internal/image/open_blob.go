package image

import (
	"fmt"
	"io"
	"os"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/catalog"
)

// maxDocument is the maximum size of an index, a manifest or a configuration, in bytes.
const maxDocument = 8 << 20

// A blob is a run of bytes in a source: a file of an OCI layout, or an entry of
// an archive.
type blob struct {
	source       *source
	offset, size int64
}

// reader reads the blob from its start.
func (b blob) reader() *io.SectionReader {
	return io.NewSectionReader(b.source.file, b.offset, b.size)
}

// part opens a part of the blob for reading in place. It must lie within the blob.
func (b blob) part(offset, size int64) (*Section, error) {
	if offset < 0 || size < 0 || offset > b.size-size {
		return nil, fmt.Errorf("%d bytes at %d are not within %d bytes", size, offset, b.size)
	}
	f, err := b.source.borrow()
	if err != nil {
		return nil, err
	}
	return newSection(f, b.offset+offset, size, b.source.giveBack), nil
}

// stream opens a part of the blob for reading from its start to its end. It shares the source's descriptor, and
// must not be used after the source is closed.
func (b blob) stream(offset, size int64) (io.ReadCloser, error) {
	if offset < 0 || size < 0 || offset > b.size-size {
		return nil, fmt.Errorf("%d bytes at %d are not within %d bytes", size, offset, b.size)
	}
	section := newSection(b.source.file, b.offset+offset, size, func(*os.File) error { return nil })
	return &limited{section, section}, nil // without WriteTo, which would move the descriptor's position
}

// read returns a part of the blob.
func (b blob) read(offset, size int64) ([]byte, error) {
	if offset < 0 || size < 0 || offset > b.size-size {
		return nil, fmt.Errorf("%d bytes at %d are not within %d bytes", size, offset, b.size)
	}
	data := make([]byte, size)
	if _, err := b.source.file.ReadAt(data, b.offset+offset); err == io.EOF {
		return nil, damaged(io.ErrUnexpectedEOF)
	} else if err != nil {
		return nil, err
	}
	return data, nil
}

// document returns all of a small blob. If a digest is given, it must match.
func (b blob) document(digest string) ([]byte, error) {
	if b.size > maxDocument {
		return nil, fmt.Errorf("%d bytes, more than the %d expected at most", b.size, maxDocument)
	}
	data, err := b.read(0, b.size)
	if err == nil && digest != "" && catalog.DigestOf(data) != digest {
		err = artifact.Verifyf("sha256 mismatch: got %s, want %s", catalog.DigestOf(data), digest)
	}
	return data, err
}

// format is the blob's compression format, from its first bytes; "": it is not compressed.
func (b blob) format() (string, error) {
	var start [6]byte
	n, err := b.source.file.ReadAt(start[:min(b.size, int64(len(start)))], b.offset)
	if err != nil && err != io.EOF {
		return "", err
	}
	return formatOf(start[:n]), nil
}

// A compressedError is the compression format of a layer or an archive, which therefore cannot be read in place.
type compressedError string

func (e compressedError) Error() string {
	return "compressed with " + string(e) + ": it cannot be read in place"
}
