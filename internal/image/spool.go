package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bytesize"
)

// spool copies r into an unnamed file in dir, which disappears when the program ends. An empty dir is the
// system's folder for temporary files. It stops before the disk is full.
func spool(ctx context.Context, r io.Reader, dir string) (*os.File, error) {
	if dir == "" {
		dir = os.TempDir()
	}
	f, err := os.CreateTemp(dir, "minimirror-")
	if err != nil {
		return nil, artifact.Hint(err, "name a folder for temporary files with TMPDIR, or uncompress the file first")
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	limit := freeSpace(dir)
	n, err := io.Copy(f, io.LimitReader(contextReader{ctx, r}, limit))
	if err == nil && n == limit || errors.Is(err, syscall.ENOSPC) {
		err = artifact.Hint(fmt.Errorf("%s has no room for the image: %s did not suffice", dir, bytesize.MB(n)),
			"name a folder on another disk with TMPDIR, or uncompress the file first")
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// A contextReader ends when its context does.
type contextReader struct {
	ctx context.Context
	io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.Reader.Read(p)
}
