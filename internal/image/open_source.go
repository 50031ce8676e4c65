package image

import (
	"fmt"
	"io/fs"
	"os"
	"sync"
)

// maxIdle is the number of descriptors that a source keeps for later readers.
const maxIdle = 64

// A source is one open file with many concurrent readers. Each reader needs its own file position,
// because sendfile(2) starts there; so each borrows a descriptor
// that no other reader uses. Returned descriptors are kept for the next reader.
type source struct {
	file   *os.File // open as long as the image: the file may be replaced or deleted meanwhile
	size   int64
	reopen func() (*os.File, error) // by name

	mu     sync.Mutex
	idle   []*os.File
	closed bool
}

// newSource opens a regular file.
func newSource(open func(flag int) (*os.File, error)) (*source, error) {
	file, size, err := openRegular(open)
	if err != nil {
		return nil, err
	}
	return &source{file: file, size: size, reopen: func() (*os.File, error) { return open(os.O_RDONLY) }}, nil
}

// sourceOf takes ownership of an open regular file without a name.
func sourceOf(file *os.File) (*source, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	return &source{file: file, size: info.Size(), reopen: func() (*os.File, error) {
		return nil, fmt.Errorf("%s: the file has no name", file.Name())
	}}, nil
}

// borrow returns a descriptor of the file that is not in use.
func (s *source) borrow() (*os.File, error) {
	if f, closed := s.takeIdle(); closed {
		return nil, fs.ErrClosed
	} else if f != nil {
		return f, nil
	}
	// Linux opens the same file again, even if its name has been removed.
	if f, err := os.Open(fmt.Sprintf("/proc/self/fd/%d", s.file.Fd())); err == nil {
		return f, nil
	}
	f, err := s.reopen() // no /proc here
	if err != nil {
		return nil, err
	}
	if !s.is(f) {
		f.Close()
		return nil, fmt.Errorf("%s: the file was replaced while it was read", s.file.Name())
	}
	return f, nil
}

func (s *source) takeIdle() (f *os.File, closed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.idle); n > 0 {
		f, s.idle = s.idle[n-1], s.idle[:n-1]
	}
	return f, s.closed
}

func (s *source) is(f *os.File) bool {
	a, errA := s.file.Stat()
	b, errB := f.Stat()
	return errA == nil && errB == nil && os.SameFile(a, b)
}

// giveBack returns a borrowed descriptor.
func (s *source) giveBack(f *os.File) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.idle) == maxIdle {
		return f.Close()
	}
	s.idle = append(s.idle, f)
	return nil
}

func (s *source) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.idle {
		f.Close()
	}
	s.idle, s.closed = nil, true
	return s.file.Close()
}
