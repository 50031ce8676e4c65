package buildkit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A directory is an OCI image layout. Blobs are named by their content, so an
// image is written beside the one before and becomes visible with index.json, in
// one rename; what it does not refer to goes afterwards. This also works where
// the folder itself cannot be renamed, because it is mounted or a link.
type directory struct {
	path  string
	name  string
	lock  *os.File
	log   *slog.Logger
	made  *parents
	empty bool     // there was no layout before
	added []string // files that were not there before
	kept  map[digest.Digest]bool
	done  bool
}

const (
	blobFolder = "blobs/sha256"
	tempPrefix = ".minimirror-" // of a file in the layout that is being written
)

// openDirectory checks that path can be written, and locks it.
func openDirectory(ctx context.Context, path, name string, log *slog.Logger) (*directory, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	d := &directory{path: path, name: name, log: log, made: &parents{}, kept: make(map[digest.Digest]bool)}
	if err := d.acquire(ctx); err != nil {
		d.made.undo()
		return nil, err
	}
	if err := d.inspect(); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

// acquire makes the folder and waits for its lock: another build into it may be going on.
func (d *directory) acquire(ctx context.Context) error {
	told := false
	for {
		if info, err := os.Stat(d.path); err == nil && !info.IsDir() {
			return artifact.Hint(artifact.Usagef("%s: is not a folder", d.path), "name a folder")
		}
		if err := d.made.add(filepath.Join(d.path, ocispec.ImageIndexFile)); err != nil {
			return err
		}
		f, err := os.Open(d.path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // the other build failed and removed it
		}
		if err != nil {
			return err
		}
		if tryLock(f) && current(f) {
			d.lock = f
			return nil
		}
		f.Close()
		if !told {
			d.log.Info("waiting for another build into the same folder", "folder", d.path)
			told = true
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// inspect looks at what is in the folder, and begins a layout where there is nothing.
func (d *directory) inspect() error {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return err
	}
	d.empty = len(entries) == 0
	if _, err := os.Stat(filepath.Join(d.path, ocispec.ImageLayoutFile)); !d.empty && err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return artifact.Hint(artifact.Usagef("%s: is neither empty nor an OCI image layout", d.path),
			"name another folder, or empty this one")
	}
	if _, err := os.Stat(filepath.Join(d.path, ocispec.ImageIndexFile)); errors.Is(err, fs.ErrNotExist) {
		d.empty = true // or a layout that a killed build began
	}
	layout, err := json.Marshal(ocispec.ImageLayout{Version: ocispec.ImageLayoutVersion})
	if err != nil {
		return err
	}
	if err := d.replace(ocispec.ImageLayoutFile, layout); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(d.path, blobFolder), 0o777); err != nil {
		return err
	}
	// What a killed build was writing.
	for _, folder := range []string{d.path, filepath.Join(d.path, blobFolder)} {
		stale, err := filepath.Glob(filepath.Join(globEscape(folder), tempPrefix+"*"))
		if err != nil {
			return err
		}
		for _, name := range stale {
			os.Remove(name)
		}
	}
	return nil
}

// blobs writes the layers that the folder does not have.
func (d *directory) blobs(ctx context.Context, layers *layerSet, progress *meter) error {
	for i, l := range layers.layers {
		want := layers.descriptors[i]
		if err := d.blob(ctx, want, l.Copy, progress); err != nil {
			return err
		}
	}
	return nil
}

// commit writes manifest and configuration, makes them visible, and removes the
// blobs of the image before.
func (d *directory) commit(ctx context.Context, img *baked, progress *meter) error {
	raw, err := content.ReadBlob(ctx, img.store, img.manifest)
	if err != nil {
		return err
	}
	var manifest ocispec.Manifest
	if err := json.Unmarshal(raw, &manifest); err != nil {
		return err
	}
	for _, want := range []ocispec.Descriptor{manifest.Config, img.manifest} {
		blob, err := content.ReadBlob(ctx, img.store, want)
		if err != nil {
			return err
		}
		if err := d.blob(ctx, want, copyBytes(blob), &meter{}); err != nil {
			return err
		}
	}
	index, err := json.Marshal(ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: ocispec.MediaTypeImageIndex,
		Manifests: []ocispec.Descriptor{named(img.manifest, d.name)},
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

// named is the descriptor as an index refers to it.
func named(d ocispec.Descriptor, name string) ocispec.Descriptor {
	if name != "" {
		d.Annotations = map[string]string{ocispec.AnnotationRefName: name}
	}
	return d
}

// replace writes a small file of the layout, unless it is there already.
func (d *directory) replace(name string, data []byte) error {
	path := filepath.Join(d.path, name)
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, data) {
		return nil
	}
	temp := filepath.Join(d.path, tempPrefix+name)
	if err := os.WriteFile(temp, data, 0o666); err != nil {
		os.Remove(temp)
		return err
	}
	return os.Rename(temp, path)
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

// globEscape makes path stand for itself in a pattern.
func globEscape(path string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}
