// Package atomicfile writes files that appear under their names only when they are complete, and replace
// what was there in one step. Until then, a file has a temporary name in the same folder and is locked: so
// several processes may write the same file at once, of which the last one wins, and what a killed
// process left behind is removed by the next one. It imports only internal/artifact.
package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// prefix begins the names of files that are not complete.
const prefix = ".minimirror-part-"

// A File is a file that is being written. Commit or Abort must be called.
type File struct {
	*os.File
	lock            *os.File // open as long as the temporary name is in use
	root            *os.Root
	name, temporary string
	owned           bool // root is closed with the file
}

// CreateFile begins the file of that name, in a folder that exists. If the file is a symbolic link, what the link leads to is replaced.
func CreateFile(file string, mode fs.FileMode) (*File, error) {
	if target, err := filepath.EvalSymlinks(file); err == nil {
		file = target
	}
	root, err := os.OpenRoot(filepath.Dir(file))
	if err != nil {
		return nil, err
	}
	f, err := Create(root, filepath.Base(file), mode)
	if err != nil {
		root.Close()
		return nil, err
	}
	f.owned = true
	return f, nil
}

// Create begins a file below root, in a folder that exists. name is slash-separated. The mode is that of os.OpenFile.
func Create(root *os.Root, name string, mode fs.FileMode) (*File, error) {
	folder, base := path.Split(name)
	f := &File{root: root, name: name, temporary: path.Join(folder, temporaryName(base))}
	for range 100 {
		free, err := f.free()
		if err != nil {
			return nil, f.named(err)
		}
		if !free { // another process writes the same file
			f.temporary = path.Join(folder, temporaryName(fmt.Sprintf("%s-%x", base, rand.Uint64())))
		}
		f.File, err = root.OpenFile(f.temporary, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, f.named(err)
		}
		if f.lock, err = root.Open(f.temporary); err == nil {
			if TryLock(f.lock) && f.current(f.lock) {
				return f, nil
			}
			f.lock.Close()
		}
		f.Close()
	}
	return nil, f.named(errors.New("other processes write it, or remove what is written"))
}

// temporaryName is the temporary name of a file. Names have at most 255 bytes.
func temporaryName(base string) string {
	const most = 255 - len(prefix)
	return prefix + base[max(0, len(base)-most):]
}

// free removes what a killed process left under the temporary name; false: a process holds it, or nobody knows.
func (f *File) free() (bool, error) {
	info, err := f.root.Lstat(f.temporary)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return true, nil
	case err != nil:
		return false, err
	case !info.Mode().IsRegular():
		return false, fmt.Errorf("%s: not a regular file: remove it", path.Join(f.root.Name(), f.temporary))
	}
	left, err := artifact.OpenRegular(func(flag int) (*os.File, error) { return f.root.OpenFile(f.temporary, os.O_RDONLY|flag, 0) })
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	defer left.Close()
	if lock(left) != nil {
		return false, nil
	}
	if f.current(left) {
		err = f.root.Remove(f.temporary)
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return true, err
}

// current reports whether an open file is what the temporary name stands for.
func (f *File) current(open *os.File) bool { return same(open, f.root.Lstat, f.temporary) }

// named makes an error speak of the file, not of its temporary name or of a folder that is not named.
func (f *File) named(err error) error {
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		err = p.Err
	}
	return &fs.PathError{Op: "write", Path: filepath.Join(f.root.Name(), filepath.FromSlash(f.name)), Err: err}
}

// Commit gives the file its name. It is not forced to the disk: call Sync before, if nothing tells later whether it is complete.
func (f *File) Commit() error {
	defer f.release()
	err := f.Close()
	if err == nil {
		if err = f.root.Rename(f.temporary, f.name); err == nil {
			return nil
		}
	}
	f.root.Remove(f.temporary)
	return f.named(err)
}

// CommitNew does the same, unless there is a file of that name already: then the error is fs.ErrExist.
func (f *File) CommitNew() error {
	defer f.release()
	defer f.root.Remove(f.temporary)
	err := f.Close()
	if err == nil {
		err = f.root.Link(f.temporary, f.name)
	}
	if err != nil {
		return f.named(err)
	}
	return nil
}

// Abort removes what was written. What had the file's name before stays.
func (f *File) Abort() {
	f.root.Remove(f.temporary)
	f.Close()
	f.release()
}

func (f *File) release() {
	f.lock.Close()
	if f.owned {
		f.root.Close()
	}
}

// Sweep removes the files that killed processes left in a folder. Those that are being written stay.
func Sweep(folder string) error {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer root.Close()
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), prefix) || !e.Type().IsRegular() {
			continue
		}
		f := &File{root: root, temporary: e.Name()}
		if _, err := f.free(); err != nil {
			return err
		}
	}
	return nil
}

// Write replaces a file and forces it to the disk. If the file is a symbolic link, what the link leads to is replaced.
func Write(file string, data []byte, mode fs.FileMode) error {
	f, err := CreateFile(file, mode)
	if err != nil {
		return err
	}
	return f.finish(data, mode, (*File).Commit)
}

// WriteNew writes a file that is not there yet; else the error is fs.ErrExist.
func WriteNew(file string, data []byte, mode fs.FileMode) error {
	f, err := CreateFile(file, mode)
	if err != nil {
		return err
	}
	return f.finish(data, mode, (*File).CommitNew)
}

// WriteIn replaces a file below root and forces it to the disk. name is slash-separated.
func WriteIn(root *os.Root, name string, data []byte, mode fs.FileMode) error {
	f, err := Create(root, name, mode)
	if err != nil {
		return err
	}
	return f.finish(data, mode, (*File).Commit)
}

func (f *File) finish(data []byte, mode fs.FileMode, commit func(*File) error) error {
	_, err := f.Write(data)
	if err == nil {
		err = errors.Join(f.Chmod(mode), f.Sync())
	}
	if err != nil {
		err = f.named(err)
		f.Abort()
		return err
	}
	return commit(f)
}
