package images

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A tarFile is an uncompressed archive; build reads parts of it again.
type tarFile struct {
	*os.File
	base  string // as it is written, with slashes
	parts map[string]artifact.Part
	links map[string]string // older versions of Docker store a layer of two images once, and a link to it
}

// Magic numbers of compressed files, and who decompresses them.
var compressed = []struct {
	magic   string
	program string
}{{"\x1f\x8b", "gunzip"}, {"\x28\xb5\x2f\xfd", "unzstd"}, {"\xfd7zXZ\x00", "unxz"}, {"BZh", "bunzip2"}}

func openTar(file, base string) (*tarFile, error) {
	info, err := os.Stat(file)
	if err == nil && info.IsDir() {
		return nil, artifact.Hint(fmt.Errorf("%s is a folder", file), "write oci: for a folder that has index.json")
	}
	f, err := artifact.OpenFile(file)
	if err != nil {
		return nil, artifact.Hint(err, "the path is relative to the definition's folder")
	}
	t := &tarFile{f, base, make(map[string]artifact.Part), make(map[string]string)}
	if err := t.read(file); err != nil {
		f.Close()
		return nil, err
	}
	return t, nil
}

// read finds the files of the archive. If two have the same name, the last one counts, as in tar.
func (t *tarFile) read(file string) error {
	head := make([]byte, 8)
	n, err := io.ReadFull(t.File, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return err
	}
	for _, c := range compressed {
		if bytes.HasPrefix(head[:n], []byte(c.magic)) {
			return artifact.Hint(fmt.Errorf("%s is compressed, but parts of it are read in place", file), "run: %s %s", c.program, file)
		}
	}
	if _, err := t.Seek(0, io.SeekStart); err != nil {
		return err
	}
	info, err := t.Stat()
	if err != nil {
		return err
	}
	for r := tar.NewReader(t.File); ; {
		header, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: not a whole tar: %w", file, err)
		}
		name := path.Clean("/" + header.Name)[1:]
		delete(t.parts, name)
		delete(t.links, name)
		if header.Typeflag == tar.TypeGNUSparse || header.PAXRecords["GNU.sparse.major"] != "" || header.PAXRecords["GNU.sparse.map"] != "" {
			return artifact.Hint(fmt.Errorf("%s: %s is stored with holes, but parts of the archive are read in place", file, artifact.Printable(header.Name)), "write the archive again without --sparse")
		}
		switch header.Typeflag {
		case tar.TypeReg:
			offset, err := t.Seek(0, io.SeekCurrent) // the reader of a tar has no buffer
			if err != nil {
				return err
			}
			if offset > info.Size()-header.Size {
				return fmt.Errorf("%s: it ends within %s: is the copy complete?", file, header.Name)
			}
			t.parts[name] = artifact.Part{Offset: offset, Size: header.Size}
		case tar.TypeSymlink:
			t.links[name] = path.Join("/"+path.Dir(name), header.Linkname)[1:]
		case tar.TypeLink:
			t.links[name] = path.Clean("/" + header.Linkname)[1:]
		}
	}
}

// find follows links.
func (t *tarFile) find(name string) (artifact.Part, bool) {
	for range 8 {
		if part, found := t.parts[name]; found {
			return part, true
		}
		if name = t.links[name]; name == "" {
			break
		}
	}
	return artifact.Part{}, false
}

func (t *tarFile) open(name string) (io.ReadSeekCloser, int64, error) {
	part, found := t.find(name)
	if !found {
		return nil, 0, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &tarPart{io.NewSectionReader(t.File, part.Offset, part.Size)}, part.Size, nil
}

func (t *tarFile) address(name string) string {
	part, _ := t.find(name)
	return artifact.PartAddress(t.base, part)
}

// A tarPart is a file of the archive, which stays open.
type tarPart struct{ *io.SectionReader }

func (*tarPart) Close() error { return nil }
