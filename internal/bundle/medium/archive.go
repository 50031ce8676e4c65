package medium

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/minimirror/minimirror/internal/tarindex"
)

// unfinished ends the name of an archive that is not complete.
const unfinished = ".minimirror-part"

// An Archive is a Medium: one tar with all files, in the order in which they were committed. A file that is created again is appended again, and the
// last one counts, as it does for tar x. A tar is a file, which is complete when it has its name, or a stream that can only be written.
type Archive struct {
	name   string // for errors
	path   string // of the file; empty: a stream
	index  *tarindex.Index
	spool  string // folder for files whose size is not known
	out    io.Writer
	file   *os.File // out, if it is a file
	offset int64    // of the end of the last complete file
	broken error    // a stream after a failed write

	written map[string]*io.SectionReader // by name: complete files of file
}

// OpenArchive opens the file to read it. ours says which names a bundle's files can have: by them, what follows a damaged piece of the tar is found.
func OpenArchive(file string, ours func(name string) bool) (*Archive, error) {
	x, err := tarindex.OpenDamaged(file, ours)
	if err != nil {
		return nil, err
	}
	return &Archive{name: file, path: file, index: x}, nil
}

// NewStream writes an archive to w. spool is a folder for files whose size is not known before; empty: that of temporary files.
func NewStream(name string, w io.Writer, spool string) *Archive {
	return &Archive{name: name, out: w, spool: spool}
}

// NewArchive writes an archive to the file. It goes on with one that is not complete, behind the last file that last accepts. If the file is there and
// complete, it is read until something is written.
func NewArchive(file string, last func(name string) bool) (*Archive, error) {
	a := &Archive{name: file, path: file, spool: filepath.Dir(file)}
	if _, err := os.Lstat(file + unfinished); err == nil {
		return a, a.goOn(last)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	x, err := tarindex.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return a, nil
	}
	if err != nil {
		return nil, err
	}
	a.index = x
	return a, nil
}

// goOn opens what an interrupted export has left.
func (a *Archive) goOn(last func(string) bool) error {
	end, err := endOfLast(a.path+unfinished, last)
	if err != nil {
		return err
	}
	if a.file, err = os.OpenFile(a.path+unfinished, os.O_RDWR, 0); err != nil {
		return err
	}
	a.out, a.offset = a.file, end
	if err := a.rewind(); err != nil {
		return err
	}
	if end == 0 {
		return nil
	}
	a.index, err = tarindex.Open(a.path + unfinished)
	return err
}

// endOfLast is where the last complete file that last accepts ends, with its padding.
func endOfLast(file string, last func(string) bool) (end int64, err error) {
	f, err := os.Open(file)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	r := io.NewSectionReader(f, 0, info.Size())
	for headers := tar.NewReader(r); ; {
		header, err := headers.Next()
		if err != nil {
			return end, nil //nolint:nilerr // what is not a tar is written again
		}
		at, err := r.Seek(0, io.SeekCurrent)
		if err != nil {
			return 0, err
		}
		if behind := at + (header.Size+511)/512*512; behind <= info.Size() && last(header.Name) {
			end = behind
		}
	}
}

// rewind removes what is behind the last complete file.
func (a *Archive) rewind() error {
	err := a.file.Truncate(a.offset)
	if err == nil {
		_, err = a.file.Seek(a.offset, io.SeekStart)
	}
	return err
}

// Appends reports that files are never replaced.
func (*Archive) Appends() bool { return true }

// Complete reports whether the file is complete: nothing can be added.
func (a *Archive) Complete() bool { return a.out == nil && a.index != nil }

func (a *Archive) String() string { return a.name }

// Close closes the archive. One that is not complete stays, for the next run.
func (a *Archive) Close() error {
	var err error
	if a.index != nil {
		err = a.index.Close()
	}
	if a.file != nil {
		err = errors.Join(err, a.file.Close())
	}
	return err
}

// List implements Medium.
func (a *Archive) List(context.Context) ([]File, error) {
	if a.index == nil {
		return nil, nil
	}
	var all []File
	for _, name := range a.index.Names {
		all = append(all, File{name, a.index.Entries[name].Size})
	}
	return all, nil
}

// Open implements Medium. What was written since the archive was opened is not found.
func (a *Archive) Open(_ context.Context, name string, offset int64) (io.ReadCloser, error) {
	if a.index != nil {
		if r, _, found := a.index.Section(name, offset); found {
			return io.NopCloser(r), nil
		}
	}
	return nil, &fs.PathError{Op: "open", Path: a.name + ": " + name, Err: fs.ErrNotExist}
}

// Remove implements Medium: nothing is ever removed.
func (*Archive) Remove(context.Context, string) error { return nil }

// Free implements Medium.
func (a *Archive) Free(ctx context.Context) (int64, error) {
	if a.path == "" {
		return -1, nil
	}
	return (&Folder{dir: filepath.Dir(a.path)}).Free(ctx)
}

// Create implements Medium. A file whose size is not known is written to a temporary file first.
func (a *Archive) Create(_ context.Context, name string, size int64) (Writer, error) {
	if a.broken != nil {
		return nil, a.broken
	}
	if a.out == nil {
		file, err := os.OpenFile(a.path+unfinished, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o666)
		if err != nil {
			return nil, err
		}
		a.file, a.out = file, file
	}
	w := &archiveFile{archive: a, name: name, size: size}
	if size >= 0 {
		return w, w.head(size)
	}
	var err error
	w.spool, err = os.CreateTemp(a.spool, unfinished+"-*")
	return w, err
}

// An archiveFile is a file that is being written.
type archiveFile struct {
	archive *Archive
	name    string
	size, n int64
	spool   *os.File // until the size is known
	done    bool
}

func (w *archiveFile) write(p []byte) (int, error) {
	n, err := w.archive.out.Write(p)
	if err != nil && w.archive.file == nil {
		w.archive.broken = err
	}
	return n, err
}

func (w *archiveFile) head(size int64) error {
	h := tar.Header{Typeflag: tar.TypeReg, Name: w.name, Mode: 0o644, Size: size, ModTime: time.Unix(0, 0)}
	if err := tar.NewWriter(onlyWrite(w.write)).WriteHeader(&h); err != nil {
		w.Abort()
		return err
	}
	return nil
}

type onlyWrite func(p []byte) (int, error)

func (f onlyWrite) Write(p []byte) (int, error) { return f(p) }

func (w *archiveFile) Write(p []byte) (int, error) {
	w.n += int64(len(p))
	if w.spool != nil {
		return w.spool.Write(p)
	}
	if w.n > w.size {
		return 0, fmt.Errorf("%s: more than the %d bytes that were announced", w.name, w.size)
	}
	return w.write(p)
}

func (w *archiveFile) Commit(context.Context) error {
	if w.done {
		return nil
	}
	if w.spool != nil {
		if err := w.unspool(); err != nil {
			return err
		}
	} else if w.n != w.size {
		return fmt.Errorf("%s: %d bytes, and %d were announced", w.name, w.n, w.size)
	}
	if _, err := w.write(make([]byte, (512-w.n%512)%512)); err != nil {
		return err
	}
	a := w.archive
	if a.file != nil {
		if err := a.file.Sync(); err != nil {
			return err
		}
		at, err := a.file.Seek(0, io.SeekCurrent)
		if err != nil {
			return err
		}
		if a.written == nil {
			a.written = map[string]*io.SectionReader{}
		}
		a.written[w.name] = io.NewSectionReader(a.file, at-(w.n+511)/512*512, w.n)
		a.offset = at
	}
	w.done = true
	return nil
}

// unspool moves the file into the archive.
func (w *archiveFile) unspool() error {
	if _, err := w.spool.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if err := w.head(w.n); err != nil {
		return err
	}
	if _, err := io.Copy(onlyWrite(w.write), w.spool); err != nil {
		return err
	}
	return w.removeSpool()
}

func (w *archiveFile) removeSpool() error {
	if w.spool == nil {
		return nil
	}
	err := errors.Join(w.spool.Close(), os.Remove(w.spool.Name()))
	w.spool = nil
	return err
}

// Abort cuts the file off an archive; a stream is unusable afterwards.
func (w *archiveFile) Abort() {
	if w.done {
		return
	}
	w.done = true
	spooled := w.spool != nil
	_ = w.removeSpool()
	switch {
	case w.archive.file != nil:
		if err := w.archive.rewind(); err != nil {
			w.archive.broken = err
		}
	case !spooled:
		w.archive.broken = errors.New("the stream ended in " + w.name)
	}
}

// Finish ends the archive, and gives a file its name.
func (a *Archive) Finish(context.Context) error {
	if a.out == nil {
		return nil // it was complete
	}
	if _, err := a.out.Write(make([]byte, 1024)); err != nil {
		return err
	}
	if a.file == nil {
		return nil
	}
	if err := a.file.Sync(); err != nil {
		return err
	}
	if err := os.Rename(a.path+unfinished, a.path); err != nil {
		return err
	}
	if dir, err := os.Open(filepath.Dir(a.path)); err == nil {
		_ = unix.Fsync(int(dir.Fd())) //nolint:gosec // a descriptor is small
		return dir.Close()
	}
	return nil
}
