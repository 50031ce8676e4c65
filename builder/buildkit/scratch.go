package buildkit

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/minimirror/minimirror/internal/atomicfile"
)

// A scratch is a temporary folder, locked while its process runs, so that the next process can
// recognize what a killed one left behind.
type scratch struct{ *os.File }

// newScratchDir makes a folder in parent (os.TempDir when empty), after removing
// those that no process locks any more.
func newScratchDir(parent, prefix string) (*scratch, error) {
	if parent == "" {
		parent = os.TempDir()
	}
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return nil, err
	}
	sweep(parent, prefix)
	for {
		name, err := os.MkdirTemp(parent, prefix+"*")
		if err != nil {
			return nil, err
		}
		f, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // another process swept it away before it was locked
		}
		if err != nil {
			return nil, err
		}
		if atomicfile.TryLock(f) && atomicfile.Current(f) {
			return &scratch{f}, nil
		}
		f.Close()
	}
}

// remove removes the folder.
func (s *scratch) remove() {
	if atomicfile.Current(s.File) {
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
		if !strings.HasPrefix(e.Name(), prefix) || !e.IsDir() {
			continue
		}
		f, err := os.Open(filepath.Join(parent, e.Name()))
		if err != nil {
			continue
		}
		if atomicfile.Abandoned(f) {
			os.RemoveAll(f.Name())
		}
		f.Close()
	}
}

// parents are the folders that had to be made for an output.
type parents struct{ made []string } // from the deepest

// add creates the missing parent folders of path.
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
