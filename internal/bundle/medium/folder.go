package medium

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/atomicfile"
)

// A Folder is a Medium: a folder of a file system.
type Folder struct {
	dir      string
	readOnly bool
	root     *os.Root // nil: not there yet
}

// OpenFolder opens a folder to read it.
func OpenFolder(dir string) (*Folder, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &Folder{dir: dir, readOnly: true, root: root}, nil
}

// NewFolder is a folder to write to. It is created with its first file.
func NewFolder(dir string) (*Folder, error) {
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return &Folder{dir: dir}, nil
	}
	if err != nil {
		return nil, err
	}
	return &Folder{dir: dir, root: root}, nil
}

func (f *Folder) String() string { return f.dir }

// Close closes the folder.
func (f *Folder) Close() error {
	if f.root == nil {
		return nil
	}
	return f.root.Close()
}

// List implements Medium. Names that begin with a dot are left out, and folders below blobs alone are entered.
func (f *Folder) List(ctx context.Context) (all []File, err error) {
	if f.root == nil {
		return nil, nil
	}
	err = fs.WalkDir(f.root.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case name == ".":
			return nil
		case e.IsDir():
			if strings.HasPrefix(e.Name(), ".") || name != "blobs" && !strings.HasPrefix(name, "blobs/") {
				return fs.SkipDir
			}
			return nil
		case strings.HasPrefix(e.Name(), ".") || !e.Type().IsRegular():
			return nil
		}
		info, err := e.Info()
		if err == nil {
			all = append(all, File{name, info.Size()})
		}
		return err
	})
	return all, f.named(err)
}

// Open implements Medium.
func (f *Folder) Open(_ context.Context, name string, offset int64) (io.ReadCloser, error) {
	if f.root == nil {
		return nil, &fs.PathError{Op: "open", Path: filepath.Join(f.dir, name), Err: fs.ErrNotExist}
	}
	file, err := artifact.OpenRegular(func(flag int) (*os.File, error) { return f.root.OpenFile(name, os.O_RDONLY|flag, 0) })
	if err != nil {
		return nil, f.named(err)
	}
	if _, err = file.Seek(offset, io.SeekStart); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// named makes an error name the file's whole path.
func (f *Folder) named(err error) error {
	if p := (*fs.PathError)(nil); errors.As(err, &p) && !strings.HasPrefix(p.Path, f.dir) {
		return &fs.PathError{Op: p.Op, Path: filepath.Join(f.dir, p.Path), Err: p.Err}
	}
	return err
}

// create creates the folder, unless it is there.
func (f *Folder) create() error {
	if f.root != nil {
		return nil
	}
	err := os.MkdirAll(f.dir, 0o777)
	if err == nil {
		f.root, err = os.OpenRoot(f.dir)
	}
	return err
}

// Create implements Medium. What a killed process left under the same name is removed.
func (f *Folder) Create(_ context.Context, name string, _ int64) (Writer, error) {
	if f.readOnly {
		return nil, &fs.PathError{Op: "write", Path: filepath.Join(f.dir, name), Err: fs.ErrPermission}
	}
	if err := f.create(); err != nil {
		return nil, err
	}
	if folder := path.Dir(name); folder != "." {
		if err := f.root.MkdirAll(folder, 0o777); err != nil {
			return nil, f.named(err)
		}
	}
	file, err := atomicfile.Create(f.root, name, 0o666)
	if err != nil {
		return nil, err
	}
	return &folderFile{file: file}, nil
}

// Remove implements Medium.
func (f *Folder) Remove(_ context.Context, name string) error {
	if f.root == nil {
		return nil
	}
	err := f.root.Remove(name)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return f.named(err)
}

// Free implements Medium: statfs(2) of the folder, or of the nearest one above it that exists.
func (f *Folder) Free(context.Context) (int64, error) {
	for dir := f.dir; ; dir = filepath.Dir(dir) {
		var st unix.Statfs_t
		err := unix.Statfs(dir, &st)
		if err == nil {
			return int64(st.Bavail) * int64(st.Bsize), nil //nolint:gosec // no file system has 2^63 bytes
		}
		if !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			return -1, &fs.PathError{Op: "statfs", Path: dir, Err: err}
		}
	}
}

// A folderFile is a file that is being written.
type folderFile struct {
	file *atomicfile.File
	done bool
}

func (w *folderFile) Write(p []byte) (int, error) { return w.file.Write(p) }

func (w *folderFile) Commit(context.Context) error {
	if w.done {
		return nil
	}
	if err := w.file.Sync(); err != nil {
		return err
	}
	w.done = true
	return w.file.Commit()
}

func (w *folderFile) Abort() {
	if !w.done {
		w.done = true
		w.file.Abort()
	}
}
