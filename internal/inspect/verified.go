package inspect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/catalog"
)

// maxHeld is how large a file may be that Open holds in memory: in a container there may be no folder for temporary files.
const maxHeld = 16 << 20

// Open opens a file of an image once all of it is verified.
func Open(ctx context.Context, r *image.Reader, file catalog.File) (io.ReadCloser, error) {
	if file.Size <= maxHeld {
		held := new(memory)
		return io.NopCloser(held), fetch(ctx, r, file, held)
	}
	temporary, err := os.CreateTemp("", "minimirror-")
	if err != nil {
		return nil, fmt.Errorf("%s is verified before it is used, which takes %d bytes in a temporary file: %w", file.Path, file.Size, err)
	}
	err = os.Remove(temporary.Name())
	if err == nil {
		err = fetch(ctx, r, file, &onDisk{temporary})
	}
	if err == nil {
		_, err = temporary.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, temporary.Close())
	}
	return temporary, nil
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
