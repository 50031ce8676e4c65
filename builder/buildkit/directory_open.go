package buildkit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/atomicfile"
	"github.com/minimirror/minimirror/internal/image/attached"
)

// openDirectory checks that path can be written, and locks it.
func openDirectory(ctx context.Context, path string, names annotations, log *slog.Logger) (*directory, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	d := &directory{path: path, names: names, log: log, made: &parents{}, kept: make(map[digest.Digest]bool)}
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

// acquire creates the folder and waits for its lock: another build may be writing to it.
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
		if atomicfile.TryLock(f) && atomicfile.Current(f) {
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

// inspect checks the content of the folder, and starts a layout if the folder is empty.
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
	switch index, err := artifact.ReadFile(filepath.Join(d.path, ocispec.ImageIndexFile)); {
	case errors.Is(err, fs.ErrNotExist):
		d.empty = true // or a layout that a killed build began
	case err != nil:
		return err
	default:
		if err := d.onlyOurs(index); err != nil {
			return err
		}
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
	// Remove what a killed build was writing.
	for _, folder := range []string{d.path, filepath.Join(d.path, blobFolder)} {
		if err := atomicfile.Sweep(folder); err != nil {
			return err
		}
	}
	return nil
}

// onlyOurs refuses a layout that holds images under other names: they would be
// replaced with the one that is written.
func (d *directory) onlyOurs(index []byte) error {
	var old ocispec.Index
	if err := json.Unmarshal(index, &old); err != nil {
		return artifact.Hint(fmt.Errorf("%s: %s is damaged: %w", d.path, ocispec.ImageIndexFile, err), "name another folder, or empty this one")
	}
	for _, m := range old.Manifests {
		if attached.Is(m) {
			continue
		}
		if name := m.Annotations[ocispec.AnnotationRefName]; !d.names.replaces(name) {
			return artifact.Hint(artifact.Usagef("%s: contains another image, called %q", d.path, name),
				"name another folder, or empty this one: miniMirror writes one image to a folder")
		}
	}
	return nil
}
