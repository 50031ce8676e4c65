package lockfile

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/atomicfile"
)

// Write replaces the file with what Encode or Follow returned for the lock, and mirror.proofs beside it with the lock's
// proofs. A reader that uses ReadComplete never finds a lock whose proofs are missing, not even after a crash.
func (l *Lock) Write(file string, data []byte) error {
	unlock, err := exclusive(filepath.Dir(target(file)))
	if err != nil {
		return notWritable(err)
	}
	defer unlock()
	for _, step := range l.steps(file, data) {
		if err := step(); err != nil {
			return notWritable(err)
		}
	}
	return nil
}

// steps are the atomic steps of Write: add new proofs to mirror.proofs, write the lock, then remove from mirror.proofs
// what only the old lock needed. A file with the right content is not rewritten: other versions of the compressor would produce
// other bytes.
func (l *Lock) steps(file string, data []byte) []func() error {
	proofs, want := ProofsFile(file), l.store()
	have, err := readStore(proofs)
	if err != nil {
		have = nil // whatever it is, no lock can be built with it
	}
	steps := []func() error{func() error { return replace(file, data) }}
	if !have.holds(want) {
		both := maps.Clone(want)
		maps.Copy(both, have)
		steps = append([]func() error{func() error { return both.write(proofs) }}, steps...)
		have = both
	}
	if len(have) != len(want) {
		steps = append(steps, func() error { return want.write(proofs) })
	}
	return steps
}

// Written reports whether mirror.proofs beside the file has exactly the lock's proofs.
func (l *Lock) Written(file string) bool {
	have, err := readStore(ProofsFile(file))
	want := l.store()
	return (err == nil || len(want) == 0) && len(have) == len(want) && have.holds(want)
}

// write replaces the file with the store; it removes the file if the store is empty.
func (s store) write(file string) error {
	if len(s) == 0 {
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	data, err := s.pack()
	if err != nil {
		return err
	}
	return replace(file, data)
}

// exclusive locks the folder against other writers. If the file system does not support locks, it does nothing.
func exclusive(dir string) (unlock func(), err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	for err = syscall.EINTR; err == syscall.EINTR; {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX)
	}
	return func() { f.Close() }, nil
}

// Writable checks, before any work, that Write can write the file.
func Writable(file string) error {
	file = target(file)
	err := unix.Access(filepath.Dir(file), unix.W_OK)
	if err == nil {
		return nil
	}
	return notWritable(&fs.PathError{Op: "write", Path: file, Err: err})
}

func notWritable(err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return artifact.Hint(err, "make the folder of the definition writable, or copy the definition to a folder that is")
	}
	return err
}

// replace atomically replaces the file's content, and returns when it is synced to disk.
func replace(file string, data []byte) error {
	if err := atomicfile.Write(file, data, 0o644); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(target(file)))
	if err != nil {
		return err
	}
	defer folder.Close()
	if err := folder.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) { // some file systems can't
		return err
	}
	return nil
}
