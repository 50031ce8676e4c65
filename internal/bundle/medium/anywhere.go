package medium

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/atomicfile"
)

// A ReadAtCloser is an open file.
type ReadAtCloser interface {
	io.ReaderAt
	io.Closer
}

// Anywhere is a Medium whose files can be read and written anywhere, as parity is: a folder, or one file.
type Anywhere interface {
	Medium
	// OpenAt opens a file: fs.ErrNotExist if there is none. A file that was damaged so that only its place is known, is found by its size.
	OpenAt(name string, size int64) (ReadAtCloser, error)
	// CreateAt begins files of known sizes, which appear together when they are committed.
	CreateAt(files []File) (*Files, error)
}

var (
	_ Anywhere = (*Folder)(nil)
	_ Anywhere = (*Archive)(nil)
)

// Files are files that are written anywhere, at the same time. Commit or Abort must be called; Abort may be called after Commit.
type Files struct {
	At     []AtFile
	commit func() error
	abort  func()
}

// An AtFile is one of them. What was written can be read.
type AtFile interface {
	io.ReaderAt
	io.WriterAt
}

// Commit makes all files appear, when their bytes are on the medium.
func (f *Files) Commit() error {
	err := f.commit()
	if err == nil {
		f.abort = func() {}
	}
	return err
}

// Abort removes what was written.
func (f *Files) Abort() { f.abort() }

// OpenAt implements Anywhere.
func (f *Folder) OpenAt(name string, _ int64) (ReadAtCloser, error) {
	if f.root == nil {
		return nil, &fs.PathError{Op: "open", Path: filepath.Join(f.dir, name), Err: fs.ErrNotExist}
	}
	file, err := artifact.OpenRegular(func(flag int) (*os.File, error) { return f.root.OpenFile(name, os.O_RDONLY|flag, 0) })
	if err != nil {
		return nil, f.named(err)
	}
	return file, nil
}

// CreateAt implements Anywhere.
func (f *Folder) CreateAt(files []File) (*Files, error) {
	var all []*atomicfile.File
	result := &Files{abort: func() {
		for _, file := range all {
			file.Abort()
		}
	}}
	if err := f.create(); err != nil {
		return nil, err
	}
	for _, want := range files {
		file, err := atomicfile.Create(f.root, want.Name, 0o666)
		if err == nil {
			all = append(all, file)
			err = file.Truncate(want.Size)
		}
		if err != nil {
			result.Abort()
			return nil, err
		}
		result.At = append(result.At, file)
	}
	result.commit = func() error {
		for _, file := range all {
			if err := file.Sync(); err != nil {
				return err
			}
		}
		for len(all) > 0 {
			file := all[0]
			all = all[1:]
			if err := file.Commit(); err != nil {
				return err
			}
		}
		return nil
	}
	return result, nil
}

// OpenAt implements Anywhere. Files that were written since the archive was opened are found, too.
func (a *Archive) OpenAt(name string, size int64) (ReadAtCloser, error) {
	if section, found := a.written[name]; found {
		return noClose{section}, nil
	}
	if a.index != nil {
		if e, found := a.index.Find(name, size); found {
			return noClose{io.NewSectionReader(a.index.File, e.Offset, e.Size)}, nil
		}
	}
	return nil, &fs.PathError{Op: "open", Path: a.name + ": " + name, Err: fs.ErrNotExist}
}

type noClose struct{ io.ReaderAt }

func (noClose) Close() error { return nil }

// CreateAt implements Anywhere.
func (a *Archive) CreateAt(files []File) (*Files, error) {
	if a.file == nil {
		return nil, errors.New(a.name + ": nothing was written before")
	}
	result := &Files{abort: func() { a.broken = errors.Join(a.broken, a.rewind()) }}
	end := a.offset
	for _, want := range files {
		w := &archiveFile{archive: a, name: want.Name}
		if _, err := a.file.Seek(end, io.SeekStart); err != nil {
			return nil, err
		}
		if err := w.head(want.Size); err != nil {
			result.Abort()
			return nil, err
		}
		at, err := a.file.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, err
		}
		result.At = append(result.At, window{a.file, at, want.Size})
		end = at + (want.Size+511)/512*512
	}
	if err := a.file.Truncate(end); err != nil {
		result.Abort()
		return nil, err
	}
	result.commit = func() error {
		if err := a.file.Sync(); err != nil {
			return err
		}
		a.offset = end
		_, err := a.file.Seek(end, io.SeekStart)
		return err
	}
	return result, nil
}

// A window is a piece of a file.
type window struct {
	file     *os.File
	at, size int64
}

func (w window) WriteAt(p []byte, at int64) (int, error) {
	if at < 0 || at+int64(len(p)) > w.size {
		return 0, io.ErrShortWrite
	}
	return w.file.WriteAt(p, w.at+at)
}

func (w window) ReadAt(p []byte, at int64) (int, error) {
	return io.NewSectionReader(w.file, w.at, w.size).ReadAt(p, at)
}
