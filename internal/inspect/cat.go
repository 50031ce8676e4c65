package inspect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/catalog"
)

// maxHeld is how large a file may be that Cat holds in memory: in a container there may be no folder for temporary files.
const maxHeld = 16 << 20

// Cat writes a file of the mirror once all of it is verified. path is its path on the mirror, or its name in the catalog. The
// error is fs.ErrNotExist if there is none.
func Cat(ctx context.Context, r *image.Reader, path string, kinds []artifact.Kind, w io.Writer) error {
	file, err := fileAt(ctx, r, path, kinds)
	if err != nil {
		return err
	}
	if file.Size <= maxHeld {
		var held memory
		if err := fetch(ctx, r, file, &held); err != nil {
			return err
		}
		_, err = held.WriteTo(w)
		return err
	}
	temporary, err := os.CreateTemp("", "minimirror-")
	if err != nil {
		return fmt.Errorf("%s is verified before it is written, which takes %d bytes in a temporary file: %w", path, file.Size, err)
	}
	defer temporary.Close()
	if err := os.Remove(temporary.Name()); err != nil {
		return err
	}
	if err := fetch(ctx, r, file, &onDisk{temporary}); err != nil {
		return err
	}
	if _, err := temporary.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err = io.Copy(w, temporary)
	return err
}

func fetch(ctx context.Context, r *image.Reader, f catalog.File, to image.Delivery) error {
	return r.Fetch(ctx, []catalog.File{f}, func(catalog.File) (image.Delivery, error) { return to, nil })
}

// memory is a Delivery in memory.
type memory struct{ bytes.Buffer }

func (*memory) Commit() error { return nil }
func (m *memory) Abort()      { m.Reset() }

// onDisk is a Delivery into a file that is empty.
type onDisk struct{ *os.File }

func (*onDisk) Commit() error { return nil }

// Abort empties the file for another attempt.
func (d *onDisk) Abort() {
	_, err := d.Seek(0, io.SeekStart)
	if err := errors.Join(err, d.Truncate(0)); err != nil {
		d.Close() // what is written next fails
	}
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
