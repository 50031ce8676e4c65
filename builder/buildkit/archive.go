package buildkit

import (
	"bufio"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/containerd/containerd/v2/core/images/archive"
	"github.com/distribution/reference"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
)

// An archiveFile is an oci-archive or a docker-archive: a file that appears, or
// is replaced, when it is complete.
type archiveFile struct {
	path    string
	options []func(ocispec.Descriptor) archive.ExportOpt
	parents parents
	temp    *scratch // beside path
}

// openArchive checks that ref can be written.
func openArchive(ref image.Reference, name string) (*archiveFile, error) {
	path, err := filepath.Abs(ref.Path)
	if err != nil {
		return nil, err
	}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // a link's target is replaced, not the link
	}
	a := &archiveFile{path: path}
	info, err := os.Stat(a.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, artifact.Hint(artifact.Usagef("%s: is a folder", ref), "name a file, or write oci:%s", ref.Path)
	case !info.Mode().IsRegular():
		return nil, artifact.Usagef("%s: is not a regular file", ref)
	}
	if err := a.name(ref, name); err != nil {
		return nil, err
	}
	if err := a.parents.add(a.path); err != nil {
		a.parents.undo()
		return nil, err
	}
	dir, base := filepath.Split(a.path)
	a.temp, err = newScratchFile(filepath.Clean(dir), "."+base+".minimirror-")
	if err != nil {
		a.parents.undo()
		return nil, err
	}
	return a, nil
}

// name says what the archive calls the image.
func (a *archiveFile) name(ref image.Reference, name string) error {
	if ref.Transport == image.OCIArchive {
		a.options = []func(ocispec.Descriptor) archive.ExportOpt{
			func(d ocispec.Descriptor) archive.ExportOpt { return archive.WithManifest(named(d, ref.Name)) },
			func(ocispec.Descriptor) archive.ExportOpt { return archive.WithSkipDockerManifest() },
		}
		return nil
	}
	text := ref.Name
	if text == "" {
		text = "minimirror/" + name + ":latest"
	}
	parsed, err := reference.ParseDockerRef(text)
	if err != nil {
		return artifact.Hint(artifact.Usagef("%s: %q is not a name for an image: %w", ref, text, err), "write docker-archive:FILE:NAME:TAG, in lower case")
	}
	a.options = []func(ocispec.Descriptor) archive.ExportOpt{
		func(d ocispec.Descriptor) archive.ExportOpt { return archive.WithManifest(d, parsed.String()) },
	}
	return nil
}

func (*archiveFile) blobs(context.Context, *layerSet, *meter) error { return nil }

func (a *archiveFile) commit(ctx context.Context, img *baked, progress *meter) error {
	var options []archive.ExportOpt
	for _, option := range a.options {
		options = append(options, option(img.manifest))
	}
	w := bufio.NewWriterSize(a.temp, 1<<20)
	if err := archive.Export(ctx, img.store.counting(progress.add), w, options...); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if err := os.Rename(a.temp.Name(), a.path); err != nil {
		return err
	}
	a.parents.keep()
	return nil
}

func (a *archiveFile) close() {
	a.temp.remove()
	a.parents.undo()
}
