package inspect

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/catalog"
)

// Cat writes a file of the mirror once all of it is verified. path is its path on the mirror, or its name in the catalog. The
// error is fs.ErrNotExist if there is none.
func Cat(ctx context.Context, r *image.Reader, path string, kinds []artifact.Kind, w io.Writer) error {
	file, err := fileAt(ctx, r, path, kinds)
	if err != nil {
		return err
	}
	content, err := Open(ctx, r, file)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, content)
	return errors.Join(err, content.Close())
}

// fileAt finds a file by its path on the mirror, or by its name in the catalog.
func fileAt(ctx context.Context, r *image.Reader, path string, kinds []artifact.Kind) (catalog.File, error) {
	name := strings.TrimPrefix(path, "/")
	generated, err := r.Files(ctx, []string{name})
	if err != nil {
		return catalog.File{}, err
	}
	if file, is := generated[name]; is {
		return file, nil
	}
	s, err := FromImage(ctx, "", r, kinds)
	if err != nil {
		return catalog.File{}, err
	}
	file, err := s.File(name)
	if err != nil {
		err = artifact.Hint(err, "minimirror inspect IMAGE NAME shows the address of each file of an item")
	}
	return file, err
}
