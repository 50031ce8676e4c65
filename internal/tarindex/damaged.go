package tarindex

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"

	"github.com/minimirror/minimirror/internal/artifact"
)

const (
	block  = 512   // bytes of a tar's header, and what files are filled up to
	record = 10240 // zeros at the end are less than that, or somewhat more
)

// OpenDamaged is Open for a tar on a medium with bad sectors: behind a header that cannot be read, it looks for the next one whose name accept allows. Cut is the
// first error.
func OpenDamaged(file string, accept func(name string) bool) (*Index, error) {
	x, err := Open(file)
	if err == nil {
		info, failed := x.File.Stat()
		if failed == nil && x.Cut == nil && len(x.Names) > 0 && info.Size()-x.end < 2*record {
			return x, nil
		}
		x.File.Close()
	}
	first := err
	f, err := artifact.OpenFile(file)
	if err != nil {
		return nil, err
	}
	x = &Index{File: f, Entries: map[string]Entry{}}
	info, err := f.Stat()
	if err == nil {
		err = x.scanDamaged(info.Size(), accept)
	}
	if err == nil && len(x.Names) == 0 {
		err = first
		if err == nil {
			err = fmt.Errorf("%s: not a tar archive", file)
		}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return x, nil
}

// scanDamaged goes from header to header.
func (x *Index) scanDamaged(size int64, accept func(string) bool) error {
	gap := int64(-1)
	b := make([]byte, block)
	for at, n := int64(0), 0; at+block <= size; {
		h, err := x.header(at, b)
		if err == nil && h == nil && gap < 0 && size-at < 2*record {
			return nil // the end
		}
		if err != nil || h == nil || h.Size < 0 || h.Size > size-at-block || gap >= 0 && !accept(path.Clean("/" + h.Name)[1:]) {
			if gap < 0 {
				gap = at
				if x.Cut == nil {
					x.Cut = fmt.Errorf("damaged at byte %d", at)
				}
			}
			at += block
			continue
		}
		if n++; n > maxEntries {
			return fmt.Errorf("more than %d files", maxEntries)
		}
		if gap >= 0 {
			x.gaps = append(x.gaps, Entry{gap + block, at - gap - block})
			gap = -1
		}
		if h.Typeflag == tar.TypeReg {
			x.add(path.Clean("/" + h.Name)[1:], Entry{at + block, h.Size})
		}
		at += block + (h.Size+block-1)/block*block
	}
	if gap >= 0 {
		x.gaps = append(x.gaps, Entry{gap + block, size - gap - block})
	}
	return nil
}

// header reads the header at a place. nil: a block of zeros.
func (x *Index) header(at int64, b []byte) (*tar.Header, error) {
	if _, err := x.File.ReadAt(b, at); err != nil {
		return nil, err
	}
	if bytes.Count(b, []byte{0}) == len(b) {
		return nil, nil //nolint:nilnil // see above
	}
	h, err := tar.NewReader(io.MultiReader(bytes.NewReader(b), bytes.NewReader(nil))).Next()
	if err == nil && !bytes.HasPrefix(b[257:], []byte("ustar")) {
		err = errors.New("not a header")
	}
	return h, err
}

func (x *Index) add(name string, e Entry) {
	if _, repeated := x.Entries[name]; repeated {
		for i, other := range x.Names {
			if other == name {
				x.Names = append(x.Names[:i], x.Names[i+1:]...)
				break
			}
		}
	}
	x.Entries[name] = e
	x.Names = append(x.Names, name)
}

// Find finds a file; or if there is none of that name, a damaged piece of the archive that has just its size, and that no other file was found in.
func (x *Index) Find(name string, size int64) (Entry, bool) {
	if e, found := x.Entries[name]; found {
		return e, true
	}
	for i, g := range x.gaps {
		if padded := (size + block - 1) / block * block; g.Size == padded {
			e := Entry{g.Offset, size}
			x.Entries[name] = e
			x.gaps = append(x.gaps[:i], x.gaps[i+1:]...)
			return e, true
		}
	}
	return Entry{}, false
}
