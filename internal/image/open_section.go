package image

import (
	"errors"
	"io"
	"io/fs"
	"os"
)

// A Section is one file of a mirror, open for reading in place: a run of bytes in
// a larger file, with a position of its own. It is for one goroutine.
//
// Its position is that of the file descriptor, which it owns while it is open.
// So WriteTo and CopyTo can hand the file itself to the destination, and a
// TCP connection takes the bytes by sendfile(2).
type Section struct {
	file       *os.File
	base, size int64
	release    func(*os.File) error
}

var _ interface {
	io.ReadSeekCloser
	io.ReaderAt
	io.WriterTo
} = (*Section)(nil)

// newSection takes over file, and hands it to release when it is closed or fails.
func newSection(file *os.File, base, size int64, release func(*os.File) error) (*Section, error) {
	s := &Section{file, base, size, release}
	if _, err := s.Seek(0, io.SeekStart); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Size returns the number of bytes in the section.
func (s *Section) Size() int64 { return s.size }

// left returns how many bytes follow the position.
func (s *Section) left() (int64, error) {
	if s.file == nil {
		return 0, fs.ErrClosed
	}
	at, err := s.file.Seek(0, io.SeekCurrent)
	return max(s.base+s.size-at, 0), err
}

// Read reads at the position. A file that is shorter than its image says ends
// with io.ErrUnexpectedEOF.
func (s *Section) Read(p []byte) (int, error) {
	left, err := s.left()
	if err != nil {
		return 0, err
	}
	if left == 0 {
		return 0, io.EOF
	}
	n, err := s.file.Read(p[:min(int64(len(p)), left)])
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// ReadAt reads at offset; it does not move the position.
func (s *Section) ReadAt(p []byte, offset int64) (int, error) {
	if s.file == nil {
		return 0, fs.ErrClosed
	}
	return io.NewSectionReader(s.file, s.base, s.size).ReadAt(p, offset)
}

// Seek moves the position. Positions beyond the end are allowed; nothing is read there.
func (s *Section) Seek(offset int64, whence int) (int64, error) {
	if s.file == nil {
		return 0, fs.ErrClosed
	}
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		at, err := s.file.Seek(0, io.SeekCurrent)
		if err != nil {
			return 0, err
		}
		offset += at - s.base
	case io.SeekEnd:
		offset += s.size
	default:
		return 0, fs.ErrInvalid
	}
	if offset < 0 {
		return 0, fs.ErrInvalid
	}
	_, err := s.file.Seek(s.base+offset, io.SeekStart)
	return offset, err
}

// WriteTo copies the rest of the section to w.
func (s *Section) WriteTo(w io.Writer) (int64, error) { return s.CopyTo(w, s.size) }

// CopyTo copies at most n bytes of the rest of the section to w. A w that is
// an io.ReaderFrom, such as a *net.TCPConn or the http.ResponseWriter of net/http, is given
// an *io.LimitedReader over an *os.File, which net takes for sendfile(2).
func (s *Section) CopyTo(w io.Writer, n int64) (int64, error) {
	left, err := s.left()
	if err != nil {
		return 0, err
	}
	n = min(n, left)
	written, err := io.Copy(w, io.LimitReader(s.file, n))
	if err == nil && written < n {
		err = io.ErrUnexpectedEOF
	}
	return written, err
}

// Close returns the file descriptor. It is an error to close twice.
func (s *Section) Close() error {
	if s.file == nil {
		return fs.ErrClosed
	}
	file := s.file
	s.file = nil
	return s.release(file)
}
