package buildkit

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A scratch is a temporary file or folder, locked as long as its process lives,
// so that the next process can tell what a killed one left behind.
type scratch struct{ *os.File }

// newScratchDir makes a folder in parent (os.TempDir when empty), after removing
// those that nobody holds any more.
func newScratchDir(parent, prefix string) (*scratch, error) {
	if parent == "" {
		parent = os.TempDir()
	}
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return nil, err
	}
	sweep(parent, prefix)
	return newScratch(func() (*os.File, error) {
		name, err := os.MkdirTemp(parent, prefix+"*")
		if err != nil {
			return nil, err
		}
		return os.Open(name)
	})
}

// newScratchFile makes a file in parent in the same manner.
func newScratchFile(parent, prefix string) (*scratch, error) {
	sweep(parent, prefix)
	return newScratch(func() (*os.File, error) {
		name := filepath.Join(parent, prefix+strconv.FormatUint(rand.Uint64(), 36))
		return os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	})
}

// newScratch tries again when another process swept the file away before it was locked.
func newScratch(create func() (*os.File, error)) (*scratch, error) {
	for {
		f, err := create()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if tryLock(f) && current(f) {
			return &scratch{f}, nil
		}
		f.Close()
	}
}

// remove removes the file or folder; a file that was renamed stays.
func (s *scratch) remove() {
	if current(s.File) {
		os.RemoveAll(s.Name())
	}
	s.Close()
}

// sweep removes what killed processes left in parent.
func sweep(parent, prefix string) {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), prefix) || !e.IsDir() && !e.Type().IsRegular() {
			continue
		}
		f, err := os.Open(filepath.Join(parent, e.Name()))
		if err != nil {
			continue
		}
		if flock(f) == nil && current(f) {
			os.RemoveAll(f.Name())
		}
		f.Close()
	}
}

// tryLock locks f until it is closed, unless another process has. Where the file
// system knows no locks, it does nothing and is content.
func tryLock(f *os.File) bool {
	return !errors.Is(flock(f), unix.EWOULDBLOCK)
}

func flock(f *os.File) error {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// current reports whether f is still what its name leads to.
func current(f *os.File) bool {
	opened, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(f.Name())
	return err == nil && os.SameFile(opened, named)
}

// parents are the folders that had to be made for an output.
type parents struct{ made []string } // from the deepest

// add makes the folders that path needs above it.
func (p *parents) add(path string) error {
	var made []string
	for dir := filepath.Dir(path); dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		made = append(made, dir)
	}
	p.made = append(made, p.made...)
	return os.MkdirAll(filepath.Dir(path), 0o777)
}

// keep makes undo do nothing.
func (p *parents) keep() { p.made = nil }

// undo removes the folders again, unless something else is in them.
func (p *parents) undo() {
	for _, dir := range p.made {
		if os.Remove(dir) != nil {
			return
		}
	}
}
