package receipt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"runtime"
	"sync"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/content"
	"github.com/minimirror/minimirror/internal/parallel"
)

// AddFolder adds a whole folder in the OCI layout: every blob that is there and has its digest, whether an image needs it or not, and the images of
// index.json. An empty folder is a site that has nothing yet. A file that cannot be read counts as damaged: the disk may be.
func (h *Holding) AddFolder(ctx context.Context, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	bad := make(map[digest.Digest]bool)
	for _, algorithm := range []digest.Algorithm{digest.SHA256, digest.SHA512} {
		if err := h.readBlobs(ctx, root, algorithm, bad); err != nil {
			return fmt.Errorf("%s: %w", dir, err)
		}
	}
	if _, err := root.Stat(v1.ImageIndexFile); errors.Is(err, fs.ErrNotExist) {
		return nil // nothing was imported completely
	}
	l, err := content.OpenLayout(dir, "")
	if err != nil {
		return err
	}
	defer l.Close()
	index, err := l.Index()
	if err != nil {
		return err
	}
	for _, d := range index.Manifests {
		im := content.Image{Name: d.Annotations[v1.AnnotationRefName], Descriptor: d}
		if err := h.add(ctx, l, im, false, bad); err != nil {
			return fmt.Errorf("%s: %s: %w", dir, im.Title(), err)
		}
	}
	return nil
}

// readBlobs reads the files in the folder of an algorithm, and notes in bad those that are damaged.
func (h *Holding) readBlobs(ctx context.Context, root *os.Root, algorithm digest.Algorithm, bad map[digest.Digest]bool) error {
	folder := path.Join(v1.ImageBlobsDir, algorithm.String())
	entries, err := fs.ReadDir(root.FS(), folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var mu sync.Mutex
	return parallel.Each(len(entries), runtime.GOMAXPROCS(0), func(i int) error {
		d := digest.NewDigestFromEncoded(algorithm, entries[i].Name())
		if d.Validate() != nil || ctx.Err() != nil { // an incomplete file has another name
			return ctx.Err()
		}
		size, err := h.readFile(root, path.Join(folder, entries[i].Name()), d)
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			bad[d] = true
			h.damage(d, err)
			return nil
		}
		h.have(d, size, false)
		return nil
	})
}

// readFile reads a file and compares it with its digest.
func (h *Holding) readFile(root *os.Root, name string, want digest.Digest) (size int64, err error) {
	file, err := artifact.OpenRegular(func(flag int) (*os.File, error) { return root.OpenFile(name, os.O_RDONLY|flag, 0) })
	if err != nil {
		return 0, err
	}
	defer file.Close()
	hash := want.Algorithm().Digester()
	if size, err = io.Copy(hash.Hash(), &counter{file, h.Read}); err != nil {
		return 0, err
	}
	if got := hash.Digest(); got != want {
		return 0, artifact.Verifyf("the content of its %d bytes has the digest %s", size, got)
	}
	return size, nil
}
