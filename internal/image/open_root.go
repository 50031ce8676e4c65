package image

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/minimirror/minimirror/internal/artifact"
)

// OpenRoot opens an unpacked image: dir is the folder of everything that is served, /mirror
// in a running container. No file outside dir is ever read.
func OpenRoot(dir string) (*Image, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	img := &Image{close: root.Close}
	if err := img.loadRoot(root); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", dir, err), root.Close())
	}
	return img, nil
}

func (img *Image) loadRoot(root *os.Root) error {
	open := func(name string) (*os.File, int64, error) {
		return openRegular(func(flag int) (*os.File, error) { return root.OpenFile(name, flag, 0) })
	}
	file, _, err := open(CatalogName)
	if errors.Is(err, fs.ErrNotExist) {
		return errForeign("there is no " + CatalogName)
	}
	if err != nil {
		return err
	}
	defer file.Close()
	if img.Catalog, err = ReadCatalog(file); err != nil {
		return err
	}
	if img.index, err = img.Catalog.check(nil); err != nil {
		return err
	}
	img.open = func(f *File) (*Section, error) {
		file, size, err := open(f.Path)
		if err != nil {
			return nil, err
		}
		if size != f.Size {
			return nil, errors.Join(
				artifact.Verifyf("%s: size mismatch: got %d, want %d bytes", f.Path, size, f.Size), file.Close())
		}
		return newSection(file, 0, size, (*os.File).Close), nil
	}
	return nil
}
