package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/catalog"
	"github.com/minimirror/minimirror/internal/image/layout"
)

// maxIdleFiles is how many files of an unpacked tree stay open for the next reader.
const maxIdleFiles = 256

// OpenRoot opens an unpacked image: dir is the folder of all served files, /mirror
// in a running container. No file outside dir is ever read.
func OpenRoot(dir string) (*Image, error) {
	img, err := openRoot(dir)
	if err != nil {
		return nil, copyAgain(fmt.Errorf("%s: %w", dir, err))
	}
	return img, nil
}

func openRoot(dir string) (*Image, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	files, err := newTree(root)
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	idle := newIdleFiles(maxIdleFiles)
	img := &Image{root: dir, close: func() error {
		idle.close()
		return files.Close()
	}}
	if err := img.loadTree(files, idle); err != nil {
		return nil, errors.Join(err, img.close())
	}
	return img, nil
}

func (img *Image) loadTree(files *tree, idle *idleFiles) error {
	open := func(name string) (*os.File, int64, error) {
		return openRegular(func(flag int) (*os.File, error) { return files.OpenFile(name, flag) })
	}
	head, size, err := open(layout.HeadName)
	if errors.Is(err, fs.ErrNotExist) {
		return catalog.ForeignError("there is no " + layout.HeadName)
	}
	if err != nil {
		return err
	}
	defer head.Close()
	if size > catalog.MaxHead {
		return catalog.Errorf("a head of %d bytes, more than %d", size, catalog.MaxHead)
	}
	text, err := io.ReadAll(io.LimitReader(head, catalog.MaxHead))
	if err != nil {
		return err
	}
	body, size, err := open(layout.RecordsName)
	if err != nil {
		return missing(err)
	}
	records := blob{&source{file: body}, 0, size}
	closeTree := img.close
	img.close = func() error { return errors.Join(closeTree(), body.Close()) }
	if err := img.loadCatalog(text, size, func(_ context.Context, offset, size int64) ([]byte, error) { return records.read(offset, size) }); err != nil {
		return err
	}
	img.open = func(f *catalog.File) (*Section, error) {
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
