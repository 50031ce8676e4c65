package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// TryLock locks a file or a folder until it is closed: flock(2). false: another process or another open file has the lock. On a
// file system without locks it is true.
func TryLock(f *os.File) bool { return !errors.Is(lock(f), syscall.EWOULDBLOCK) }

// Abandoned locks a file or a folder, and reports whether it is still what its name leads to, and the process that had locked it has
// ended. On a file system without locks nobody knows: it is false.
func Abandoned(f *os.File) bool { return lock(f) == nil && Current(f) }

func lock(f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// Current reports whether an open file is still what its name leads to. After TryLock, it tells whether the lock
// is on a file that others find.
func Current(f *os.File) bool { return same(f, os.Stat, f.Name()) }

func same(f *os.File, stat func(name string) (fs.FileInfo, error), name string) bool {
	opened, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := stat(name)
	return err == nil && os.SameFile(opened, named)
}
