package image

import (
	"io"
	"io/fs"
	"os"
)

// A Section is one file of a mirror, open for reading in place: a run of bytes in
// a larger file, with a position of its own. It is for one goroutine.
//
// It owns a file descriptor while it is open. So WriteTo and CopyTo can pass the
// file itself to the destination.
type Section struct {
	file            *os.File // nil: closed
	base, size, pos int64
	release         func(*os.File) error
}

var _ interface {
	io.ReadSeekCloser
	io.ReaderAt
	io.WriterTo
} = (*Section)(nil)

// newSection takes ownership of file, and passes it to release when it is closed.
func newSection(file *os.File, base, size int64, release func(*os.File) error) *Section {
	return &Section{file: file, base: base, size: size, release: release}
}

// Size returns the number of bytes in the section.
func (s *Section) Size() int64 { return s.size }

// Read reads at the position. If the file is shorter than the image says, the error
// is io.ErrUnexpectedEOF.
func (s *Section) Read(p []byte) (int, error) {
	n, err := s.ReadAt(p, s.pos)
	s.pos += int64(n)
	if n > 0 && err == io.EOF {
		err = nil
	}
	return n, err
}

// ReadAt reads at offset; it does not move the position.
func (s *Section) ReadAt(p []byte, offset int64) (int, error) {
	left := s.size - offset
	switch {
	case s.file == nil:
		return 0, fs.ErrClosed
	case offset < 0:
		return 0, fs.ErrInvalid
	case left <= 0:
		return 0, io.EOF
	}
	n, err := s.file.ReadAt(p[:min(int64(len(p)), left)], s.base+offset)
	switch {
	case err == io.EOF:
		err = io.ErrUnexpectedEOF
	case err == nil && n < len(p):
		err = io.EOF
	}
	return n, err
}

// Seek moves the position. Positions beyond the end are allowed; nothing is read there.
func (s *Section) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += s.pos
	case io.SeekEnd:
		offset += s.size
	default:
		return 0, fs.ErrInvalid
	}
	if offset < 0 {
		return 0, fs.ErrInvalid
	}
	s.pos = offset
	return offset, nil
}

// WriteTo copies the rest of the section to w.
func (s *Section) WriteTo(w io.Writer) (int64, error) { return s.CopyTo(w, s.size) }

// A FileSender takes n bytes of a file that begin at offset. It neither uses nor moves the
// file's position. If it sends fewer than n bytes, it returns an error: io.ErrUnexpectedEOF if the file is too short.
type FileSender interface {
	SendFile(f *os.File, offset, n int64) (int64, error)
}

// CopyTo copies at most n bytes of the rest of the section to w. It calls w.SendFile if w is a FileSender;
// an io.ReaderFrom, such as an *os.File, gets an *io.LimitedReader over an *os.File.
func (s *Section) CopyTo(w io.Writer, n int64) (int64, error) {
	if s.file == nil {
		return 0, fs.ErrClosed
	}
	n = min(n, s.size-s.pos)
	if n <= 0 {
		return 0, nil
	}
	if sender, ok := w.(FileSender); ok {
		sent, err := sender.SendFile(s.file, s.base+s.pos, n)
		s.pos += sent
		return sent, err
	}
	if _, err := s.file.Seek(s.base+s.pos, io.SeekStart); err != nil {
		return 0, err
	}
	written, err := io.Copy(w, io.LimitReader(s.file, n))
	s.pos += written
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
