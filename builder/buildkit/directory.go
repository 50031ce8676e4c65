package buildkit

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/atomicfile"
)

// A directory is an OCI image layout. Blobs are named by their content, so an
// image is written beside the previous one and becomes visible with index.json, in
// one rename; unreferenced blobs are removed afterwards. This also works if
// the folder itself cannot be renamed, because it is mounted or a link.
type directory struct {
	path  string
	names annotations
	lock  *os.File
	log   *slog.Logger
	made  *parents
	empty bool // there was no layout before
	done  bool

	mu    sync.Mutex
	added []string               // files that were not there before
	kept  map[digest.Digest]bool // blobs of the image
}

const blobFolder = "blobs/sha256"

// blobs writes the layers that the folder does not have.
func (d *directory) blobs(ctx context.Context, layers *layerSet, progress *meter) error {
	cores := runtime.GOMAXPROCS(0)
	look, lookCtx := errgroup.WithContext(ctx)
	look.SetLimit(cores)
	for _, want := range layers.distinct {
		look.Go(func() error { return d.look(lookCtx, want, progress) })
	}
	if err := look.Wait(); err != nil {
		return err
	}
	write, writeCtx := errgroup.WithContext(ctx)
	write.SetLimit(max(1, cores/2)) // reading and hashing take a core each
	for _, want := range layers.distinct {
		if !d.has(want.Digest) {
			write.Go(func() error { return d.write(writeCtx, want, layers.byDigest[want.Digest].Copy, progress) })
		}
	}
	return write.Wait()
}

// commit writes manifests and configurations, makes them visible, and removes the
// blobs of the previous image.
func (d *directory) commit(ctx context.Context, img *baked, progress *meter) error {
	documents, err := img.documents(ctx)
	if err != nil {
		return err
	}
	for _, want := range documents {
		blob, err := content.ReadBlob(ctx, img.store, want)
		if err != nil {
			return err
		}
		if err := d.look(ctx, want, &meter{}); err != nil {
			return err
		}
		if d.has(want.Digest) {
			continue
		}
		if err := d.write(ctx, want, copyBytes(blob), &meter{}); err != nil {
			return err
		}
	}
	var listed []ocispec.Descriptor
	for _, a := range img.attached {
		more, err := d.attach(ctx, a)
		if err != nil {
			return err
		}
		listed = append(listed, more...)
	}
	index, err := json.Marshal(ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: ocispec.MediaTypeImageIndex,
		Manifests: append([]ocispec.Descriptor{d.names.of(img.manifest)}, listed...),
	})
	if err != nil {
		return err
	}
	if err := d.replace(ocispec.ImageIndexFile, index); err != nil {
		return err
	}
	d.done = true
	d.made.keep()
	d.clean()
	return nil
}

// replace writes a small file of the layout, unless it is already the same.
func (d *directory) replace(name string, data []byte) error {
	if old, err := artifact.ReadFile(filepath.Join(d.path, name)); err == nil && bytes.Equal(old, data) {
		return nil
	}
	f, err := atomicfile.CreateFile(filepath.Join(d.path, name), 0o666)
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		f.Abort()
		return err
	}
	return f.Commit()
}

// clean removes the blobs that the new image does not refer to.
func (d *directory) clean() {
	entries, err := os.ReadDir(filepath.Join(d.path, blobFolder))
	if err != nil {
		return
	}
	for _, e := range entries {
		if e.Type().IsRegular() && !d.kept[digest.NewDigestFromEncoded(digest.SHA256, e.Name())] {
			os.Remove(filepath.Join(d.path, blobFolder, e.Name()))
		}
	}
}

// close restores what was there before, unless commit succeeded.
func (d *directory) close() {
	defer d.lock.Close()
	if d.done {
		return
	}
	for _, name := range d.added {
		os.Remove(name)
	}
	if d.empty {
		clear(d.kept)
		d.clean()
		os.Remove(filepath.Join(d.path, blobFolder))
		os.Remove(filepath.Join(d.path, filepath.Dir(blobFolder)))
		os.Remove(filepath.Join(d.path, ocispec.ImageLayoutFile))
	}
	d.made.undo()
}
