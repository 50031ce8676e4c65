package image

import (
	"io/fs"
	"os"
	"sync"
)

// idleFiles keeps descriptors of files that were read lately, one for each path: machines that
// install together ask for the same files together. The files never change.
type idleFiles struct {
	mu     sync.Mutex
	byPath map[string]*os.File
	order  []string // of giving back, a ring; a path may be in it that is not in byPath any more
	next   int
	closed bool
}

func newIdleFiles(limit int) *idleFiles {
	return &idleFiles{byPath: map[string]*os.File{}, order: make([]string, limit)}
}

// take returns a descriptor that nobody else uses, or nil.
func (i *idleFiles) take(path string) (*os.File, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed {
		return nil, fs.ErrClosed
	}
	f := i.byPath[path]
	delete(i.byPath, path)
	return f, nil
}

// give keeps a descriptor, or closes it where there is one.
func (i *idleFiles) give(path string, f *os.File) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed || i.byPath[path] != nil {
		return f.Close()
	}
	if oldest := i.byPath[i.order[i.next]]; oldest != nil {
		delete(i.byPath, i.order[i.next])
		oldest.Close()
	}
	i.byPath[path], i.order[i.next] = f, path
	i.next = (i.next + 1) % len(i.order)
	return nil
}

func (i *idleFiles) close() {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, f := range i.byPath {
		f.Close()
	}
	i.byPath, i.closed = nil, true
}
