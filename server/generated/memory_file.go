package generated

import (
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// memoryFileSize is the least size of content that is worth a file in memory, in bytes.
const memoryFileSize = 64 << 10

// A memoryFile holds content as a file without a name, for sendfile(2), which spares a copy with each answer. It is
// made when it is first sent, and takes as much memory again, which no collector counts: it goes with the last who
// sends it, once it is not wanted any more. See memfd_create(2).
type memoryFile struct {
	mu      sync.Mutex
	file    *os.File // nil: not made
	users   int
	useless bool // the system has none, or nobody wants it any more
}

// use returns a file of the content, which is given back by leave; nil: there is none.
func (m *memoryFile) use(chunks [][]byte, size int64) *os.File {
	if m == nil || size < memoryFileSize {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.useless {
		return nil
	}
	if m.file == nil {
		if m.file = newMemoryFile(chunks); m.file == nil {
			m.useless = true
			return nil
		}
	}
	m.users++
	return m.file
}

// leave gives back what use returned.
func (m *memoryFile) leave() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.users--
	m.close()
}

// drop says that nobody wants it any more. m may be nil.
func (m *memoryFile) drop() {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.useless = true
	m.close()
}

// close is for those who hold the lock.
func (m *memoryFile) close() {
	if m.useless && m.users == 0 && m.file != nil {
		m.file.Close()
		m.file = nil
	}
}

// newMemoryFile returns nil where it fails.
func newMemoryFile(chunks [][]byte) *os.File {
	descriptor, err := unix.MemfdCreate("minimirror", unix.MFD_CLOEXEC)
	if err != nil {
		return nil
	}
	f := os.NewFile(uintptr(descriptor), "memory")
	for _, c := range chunks {
		if _, err := f.Write(c); err != nil {
			f.Close()
			return nil
		}
	}
	return f
}
