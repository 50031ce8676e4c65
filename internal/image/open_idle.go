package image

import (
	"io/fs"
	"os"
	"sync"
)

// idleFiles keeps descriptors of recently read files, one for each path: machines that
// install at the same time request the same files. The files never change.
type idleFiles struct {
	mu     sync.Mutex
	byPath map[string]idleFile
	order  []idleSlot // the last returns, a ring
	count  uint64     // of returns
	closed bool
}

type idleFile struct {
	file *os.File
	slot uint64 // its place in the count of returns
}

type idleSlot struct {
	path string
	slot uint64
}

func newIdleFiles(limit int) *idleFiles {
	return &idleFiles{byPath: map[string]idleFile{}, order: make([]idleSlot, limit)}
}

// take returns a descriptor that is not in use, or nil.
func (i *idleFiles) take(path string) (*os.File, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed {
		return nil, fs.ErrClosed
	}
	f := i.byPath[path].file
	delete(i.byPath, path)
	return f, nil
}

// give returns a descriptor. It is kept, and replaces the one that was returned longest ago.
func (i *idleFiles) give(path string, f *os.File) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed || i.byPath[path].file != nil {
		return f.Close()
	}
	i.count++
	place := &i.order[i.count%uint64(len(i.order))]
	if oldest := i.byPath[place.path]; oldest.file != nil && oldest.slot == place.slot {
		delete(i.byPath, place.path)
		oldest.file.Close()
	}
	*place = idleSlot{path, i.count}
	i.byPath[path] = idleFile{f, i.count}
	return nil
}

func (i *idleFiles) close() {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, idle := range i.byPath {
		idle.file.Close()
	}
	i.byPath, i.closed = nil, true
}
