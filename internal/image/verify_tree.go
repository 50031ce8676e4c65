package image

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/catalog"
	"github.com/minimirror/minimirror/internal/image/layout"
)

// verifyTree looks for files that an unpacked image must not have, then reads those that it must have.
// Unused files are allowed.
func (r *Reader) verifyTree(ctx context.Context, files []catalog.File, index map[string]int32, unused []catalog.File) error {
	old := make(map[string]*catalog.File, len(unused)) // of the highest layer
	for i := range unused {
		old[unused[i].Path] = &unused[i]
	}
	root, err := os.OpenRoot(r.root)
	if err != nil {
		return err
	}
	defer root.Close()
	err = fs.WalkDir(root.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		_, known := index[name]
		unused := old[name]
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case e.IsDir():
			return nil
		case !known && unused == nil && name != layout.HeadName && name != layout.RecordsName:
			return artifact.Verifyf("%q: the catalog does not name it", name)
		case !e.Type().IsRegular():
			return artifact.Verifyf("%s: not a regular file", name)
		case !known && unused != nil:
			return r.verifyFile(unused)
		}
		return nil
	})
	for i := 0; i < len(files) && err == nil; i++ {
		if err = context.Cause(ctx); err == nil {
			err = r.verifyFile(&files[i])
		}
	}
	return err
}

func (r *Reader) verifyFile(f *catalog.File) error {
	body, err := r.file(f)
	if errors.Is(err, fs.ErrNotExist) {
		return artifact.Verifyf("%s is missing", f.Path)
	}
	if err != nil {
		return err
	}
	defer body.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, body); err != nil {
		return fmt.Errorf("%s: %w", f.Path, err)
	}
	return f.Agrees(sum)
}
