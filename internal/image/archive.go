package image

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/minimirror/minimirror/internal/image/tarlayer"
)

const (
	maxEntries = 10_000 // of an archive: an image has two or three for each of its layers, at most 127
	maxLinks   = 8      // followed for one name
)

// An archive is an uncompressed tar file, read in place: one scan of the headers
// finds where each entry's content begins.
type archive struct {
	source  *source
	entries map[string]archiveEntry
	cut     bool // it has not the blocks of zeros that end an archive
}

// An archiveEntry is a regular file, or a link to another entry.
type archiveEntry struct {
	blob blob
	link string // the other entry's name
}

func openArchive(name string) (*archive, error) {
	s, err := newSource(func(flag int) (*os.File, error) { return os.OpenFile(name, flag, 0) })
	if err != nil {
		return nil, err
	}
	return newArchive(s)
}

// newArchive takes over the source.
func newArchive(s *source) (*archive, error) {
	a := &archive{source: s, entries: map[string]archiveEntry{}}
	whole := blob{s, 0, s.size}
	format, err := whole.format()
	if err == nil && format != "" {
		err = compressedError(format)
	} else if err == nil {
		if err = a.scan(whole); err != nil {
			err = fmt.Errorf("tar: %w", err)
		}
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return a, nil
}

// scan reads the headers. If two entries have the same name, the later one counts, as
// it does when an archive is unpacked.
func (a *archive) scan(whole blob) error {
	r := whole.reader()
	begun, last, end := false, "", int64(0)
	for headers := tar.NewReader(r); ; {
		header, err := headers.Next()
		switch {
		case err == io.EOF && whole.size == 0:
			return damaged(errors.New("the file is empty"))
		case err == io.EOF:
			zeros, err := whole.read(end, tarlayer.TarBlock)
			a.cut = err != nil || !tarlayer.IsZero(zeros)
			return nil
		case err != nil && begun:
			return damaged(fmt.Errorf("cut off or damaged after %q: %w", last, err))
		case err != nil:
			return err
		}
		begun = true
		if end, err = r.Seek(0, io.SeekCurrent); err != nil {
			return err
		}
		if len(a.entries) == maxEntries {
			return fmt.Errorf("more than %d entries", maxEntries)
		}
		name := path.Clean("/" + header.Name)[1:]
		last = name
		switch header.Typeflag {
		case tar.TypeSymlink:
			a.entries[name] = archiveEntry{link: inArchive(path.Dir(name), header.Linkname)}
		case tar.TypeLink:
			a.entries[name] = archiveEntry{link: inArchive("", header.Linkname)}
		case tar.TypeDir, tar.TypeXGlobalHeader:
		default:
			if !plainFile(header) {
				return fmt.Errorf("%q is neither a plain file nor a link", name)
			}
			if header.Size > whole.size-end {
				return damaged(fmt.Errorf("cut off in %q: %w", name, io.ErrUnexpectedEOF))
			}
			a.entries[name] = archiveEntry{blob: blob{a.source, end, header.Size}}
			end += (header.Size + tarlayer.TarBlock - 1) / tarlayer.TarBlock * tarlayer.TarBlock
		}
	}
}

// inArchive resolves a link's target from a folder of the archive, never above its root.
func inArchive(dir, target string) string {
	if !strings.HasPrefix(target, "/") {
		target = dir + "/" + target
	}
	return path.Clean("/" + target)[1:]
}

// plainFile reports whether the archive stores an entry's content unchanged.
func plainFile(header *tar.Header) bool {
	for key := range header.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return false
		}
	}
	return header.Typeflag == tar.TypeReg
}

// blob finds the entry with this name.
func (a *archive) blob(name string) (blob, error) {
	wanted := name
	for range maxLinks {
		entry, found := a.entries[name]
		switch {
		case !found:
			err := error(&fs.PathError{Op: "open", Path: wanted, Err: fs.ErrNotExist})
			if a.cut {
				err = damaged(fmt.Errorf("cut off: %w", err))
			}
			return blob{}, err
		case entry.link == "":
			return entry.blob, nil
		}
		name = entry.link
	}
	return blob{}, fmt.Errorf("%s: too many links", wanted)
}

// has reports whether there is an entry with this name.
func (a *archive) has(name string) bool {
	_, found := a.entries[name]
	return found
}

func (a *archive) done(blob) {}

func (a *archive) Close() error { return a.source.Close() }
