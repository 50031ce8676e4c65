package server

import (
	"io"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/minimirror/minimirror/internal/image"
)

// memoryFileSize is the least size of content that is worth a file in memory, in bytes.
const memoryFileSize = 64 << 10

// A memoryFile holds content as a file without a name, for sendfile(2), which spares a copy with each answer. It is
// made when it is first asked for, and takes as much memory again. See memfd_create(2).
type memoryFile struct {
	once sync.Once
	file *os.File // nil: the system has none
}

// open returns a reader of the content, or nil.
func (m *memoryFile) open(chunks [][]byte, size int64) io.ReadSeekCloser {
	if m == nil || size < memoryFileSize {
		return nil
	}
	m.once.Do(func() { m.file = newMemoryFile(chunks) })
	if m.file == nil {
		return nil
	}
	return memoryReader{io.NewSectionReader(m.file, 0, size), m.file}
}

// newMemoryFile returns nil where it fails. Nobody closes the file, since many may be reading it: it goes when the last reader has.
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

// A memoryReader is an io.ReadSeekCloser for one reader.
type memoryReader struct {
	*io.SectionReader
	file *os.File
}

// CopyTo copies at most n bytes from the position on.
func (r memoryReader) CopyTo(w io.Writer, n int64) (int64, error) {
	at, _ := r.Seek(0, io.SeekCurrent) // never fails
	n = min(n, r.Size()-at)
	sender, ok := w.(image.FileSender)
	if !ok || n <= 0 {
		return io.Copy(w, io.LimitReader(r.SectionReader, n))
	}
	sent, err := sender.SendFile(r.file, at, n)
	_, _ = r.Seek(sent, io.SeekCurrent)
	return sent, err
}

func (memoryReader) Close() error { return nil }
