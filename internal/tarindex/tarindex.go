// Package tarindex finds where the files of an uncompressed tar begin, so that they can be read in any order, in place.
package tarindex

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path"

	"github.com/minimirror/minimirror/internal/artifact"
)

// An Entry is where the content of a regular file is, in bytes.
type Entry struct {
	Offset, Size int64
}

// An Index is an open tar, and its regular files by slash-separated name. If a name is repeated, the last file counts, as it does for tar x.
type Index struct {
	File    *os.File
	Entries map[string]Entry
	Names   []string // in the order of the last file of each name
	// Cut is why the archive ends early; nil: it does not. What is complete before that is in Entries.
	Cut error

	end  int64   // of the last file
	gaps []Entry // what OpenDamaged could not read: without the names
}

// maxEntries is how many files an archive may have.
const maxEntries = 1_000_000

// Open reads the headers of the tar in a file.
func Open(file string) (*Index, error) {
	f, err := artifact.OpenFile(file)
	if err != nil {
		return nil, err
	}
	x := &Index{File: f, Entries: map[string]Entry{}}
	if err := x.scan(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", file, err), f.Close())
	}
	return x, nil
}

func (x *Index) scan() error {
	info, err := x.File.Stat()
	if err != nil {
		return err
	}
	r := io.NewSectionReader(x.File, 0, info.Size())
	if err := refuseCompressed(r); err != nil {
		return err
	}
	for headers, n := tar.NewReader(r), 0; ; n++ {
		header, err := headers.Next()
		switch {
		case err == io.EOF:
			return nil
		case err != nil && n == 0:
			return fmt.Errorf("not a tar archive: %w", err)
		case err != nil:
			x.Cut = err
			return nil
		case n == maxEntries:
			return fmt.Errorf("more than %d files", maxEntries)
		case header.Typeflag != tar.TypeReg:
			continue
		}
		at, err := r.Seek(0, io.SeekCurrent)
		if err != nil {
			return err
		}
		name := path.Clean("/" + header.Name)[1:]
		if header.Size > info.Size()-at {
			x.Cut = fmt.Errorf("%s: %w", name, io.ErrUnexpectedEOF)
			return nil
		}
		x.add(name, Entry{at, header.Size})
		x.end = at + header.Size
	}
}

// Section reads a file from an offset; false: there is no such file.
func (x *Index) Section(name string, offset int64) (io.Reader, Entry, bool) {
	e, found := x.Entries[name]
	offset = min(offset, e.Size)
	return io.NewSectionReader(x.File, e.Offset+offset, e.Size-offset), e, found
}

// Close closes the archive.
func (x *Index) Close() error { return x.File.Close() }

// magic is how compressed files begin.
func magic() map[string]string {
	return map[string]string{"\x1f\x8b": "gzip", "\x28\xb5\x2f\xfd": "zstd", "\xfd7zXZ\x00": "xz", "BZh": "bzip2"}
}

func refuseCompressed(r io.ReaderAt) error {
	head := make([]byte, 6)
	n, err := r.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return err
	}
	for begin, program := range magic() {
		if bytes.HasPrefix(head[:n], []byte(begin)) {
			return artifact.Hint(errors.New("the archive is compressed"), "decompress it first: %s", program+" -d FILE")
		}
	}
	return nil
}
