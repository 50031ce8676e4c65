package buildkit

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/atomicfile"
)

// A copyFunc writes a blob and returns the digest of what it wrote.
type copyFunc func(ctx context.Context, w io.Writer, written func(n int)) (digest.Digest, error)

func copyBytes(blob []byte) copyFunc {
	return func(_ context.Context, w io.Writer, _ func(int)) (digest.Digest, error) {
		_, err := w.Write(blob)
		return digest.FromBytes(blob), err
	}
}

// look keeps an existing blob if its content matches its name: a full disk or a
// power failure may have left a damaged one.
func (d *directory) look(ctx context.Context, want ocispec.Descriptor, progress *meter) error {
	intact, err := d.intact(ctx, d.blobFile(want.Digest), want, progress)
	if intact {
		d.keep(want.Digest, false)
	}
	return err
}

// keep counts the blob as one of the image.
func (d *directory) keep(sum digest.Digest, added bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.kept[sum] = true
	if added {
		d.added = append(d.added, d.blobFile(sum))
	}
}

func (d *directory) has(sum digest.Digest) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.kept[sum]
}

func (d *directory) blobFile(sum digest.Digest) string {
	return filepath.Join(d.path, blobFolder, sum.Encoded())
}

// intact reports whether the file at path is the blob.
func (d *directory) intact(ctx context.Context, path string, want ocispec.Descriptor, progress *meter) (bool, error) {
	f, err := artifact.OpenFile(path)
	if err != nil {
		return false, nil
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.Size() != want.Size {
		return false, nil
	}
	h := sha256.New()
	block := make([]byte, 1<<20)
	for {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		n, err := f.Read(block)
		h.Write(block[:n])
		progress.add(n)
		if errors.Is(err, io.EOF) {
			return digest.NewDigest(digest.SHA256, h) == want.Digest, nil
		}
		if err != nil {
			return false, nil // a bad block: write it anew
		}
	}
}

// write writes the blob to a temporary file and gives it its name when it is complete.
func (d *directory) write(ctx context.Context, want ocispec.Descriptor, write copyFunc, progress *meter) error {
	path := d.blobFile(want.Digest)
	f, err := atomicfile.CreateFile(path, 0o666)
	if err != nil {
		return err
	}
	sum, err := write(ctx, f, progress.add)
	if err == nil && sum != want.Digest {
		err = fmt.Errorf("%s: digest mismatch: got %s", want.Digest, sum)
	}
	if err != nil {
		f.Abort()
		return err
	}
	_, missing := os.Lstat(path)
	if err := f.Commit(); err != nil {
		return err
	}
	d.keep(want.Digest, missing != nil) // what is mended stays mended
	return nil
}
