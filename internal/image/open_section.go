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
//
// A section of an image in a registry waits for what is on its way: see package filecache.
type Section struct {
	file            *os.File // nil: closed, or arriving
	base, size, pos int64
	release         func(*os.File) error
	arriving        arriving // nil: all is in file
}

// An arriving file may still be on its way. *filecache.Reader is one.
type arriving interface {
	// Span returns a file that has the bytes, as many of n as have arrived; nil: it takes ReadSome.
	Span(offset, n int64) (file *os.File, have int64, err error)
	// ReadSome reads at least one byte.
	ReadSome(p []byte, offset int64) (int, error)
	Close() error
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
	if s.arriving != nil && s.pos < s.size && len(p) > 0 {
		n, err := s.arriving.ReadSome(p, s.pos)
		s.pos += int64(n)
		return n, err
	}
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
	case s.file == nil && s.arriving == nil:
		return 0, fs.ErrClosed
	case offset < 0:
		return 0, fs.ErrInvalid
	case left <= 0:
		return 0, io.EOF
	}
	if s.arriving != nil {
		return s.readArriving(p, offset)
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

// readArriving reads all of p, unless the section ends before.
func (s *Section) readArriving(p []byte, offset int64) (n int, err error) {
	for n < len(p) && err == nil {
		if offset+int64(n) >= s.size {
			return n, io.EOF
		}
		var more int
		more, err = s.arriving.ReadSome(p[n:], offset+int64(n))
		n += more
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
	if s.file == nil && s.arriving == nil {
		return 0, fs.ErrClosed
	}
	n = min(n, s.size-s.pos)
	if n <= 0 {
		return 0, nil
	}
	if s.arriving != nil {
		return s.copyArriving(w, n)
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

// copyArriving copies n bytes as they come. Other sections share the file, so its position is not used.
func (s *Section) copyArriving(w io.Writer, n int64) (written int64, err error) {
	for written < n && err == nil {
		file, have, failed := s.arriving.Span(s.pos, n-written)
		if failed != nil {
			return written, failed
		}
		var some int64
		sender, ok := w.(FileSender)
		switch {
		case file == nil:
			some, err = io.Copy(w, io.LimitReader(onlyReader{s}, n-written))
			s.pos -= some // Read has moved it
		case ok:
			some, err = sender.SendFile(file, s.pos, have)
		default:
			some, err = io.Copy(w, io.NewSectionReader(file, s.pos, have))
			if err == nil && some < have {
				err = io.ErrUnexpectedEOF
			}
		}
		s.pos += some
		written += some
	}
	return written, err
}

// onlyReader hides WriteTo.
type onlyReader struct{ io.Reader }

// Close returns the file descriptor. It is an error to close twice.
func (s *Section) Close() error {
	if s.arriving != nil {
		arriving := s.arriving
		s.arriving = nil
		return arriving.Close()
	}
	if s.file == nil {
		return fs.ErrClosed
	}
	file := s.file
	s.file = nil
	return s.release(file)
}
