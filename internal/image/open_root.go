package image

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/minimirror/minimirror/internal/artifact"
)

// maxIdleFiles is how many files of an unpacked tree stay open for the next reader.
const maxIdleFiles = 256

// OpenRoot opens an unpacked image: dir is the folder of everything that is served, /mirror
// in a running container. No file outside dir is ever read.
func OpenRoot(dir string) (*Image, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	files, err := newTree(root)
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	idle := newIdleFiles(maxIdleFiles)
	img := &Image{close: func() error {
		idle.close()
		return files.Close()
	}}
	if err := img.loadTree(files, idle); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", dir, err), img.close())
	}
	return img, nil
}

func (img *Image) loadTree(files *tree, idle *idleFiles) error {
	open := func(name string) (*os.File, int64, error) {
		return openRegular(func(flag int) (*os.File, error) { return files.OpenFile(name, flag) })
	}
	img.catalog = func() (io.ReadCloser, error) {
		file, _, err := open(CatalogName)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, errForeign("there is no " + CatalogName)
		}
		return file, err
	}
	if err := img.loadCatalog(); err != nil {
		return err
	}
	img.open = func(f *File) (*Section, error) {
		file, err := idle.take(f.Path)
		if err != nil {
			return nil, err
		}
		if file == nil {
			var size int64
			if file, size, err = open(f.Path); err != nil {
				return nil, err
			}
			if size != f.Size {
				return nil, errors.Join(
					artifact.Verifyf("%s: size mismatch: got %d, want %d bytes", f.Path, size, f.Size), file.Close())
			}
		}
		return newSection(file, 0, f.Size, func(file *os.File) error { return idle.give(f.Path, file) }), nil
	}
	return nil
}
