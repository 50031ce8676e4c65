package buildkit

import (
	"bufio"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/containerd/containerd/v2/core/images/archive"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/atomicfile"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/attached"
)

// An archiveFile is an oci-archive or a docker-archive: a file that appears, or
// is replaced, when it is complete.
type archiveFile struct {
	path    string
	options func(ocispec.Descriptor) []archive.ExportOpt
	parents parents
	temp    *atomicfile.File // nil: committed
}

// openArchive checks that the output can be written.
func openArchive(o Options) (*archiveFile, error) {
	ref := o.Output
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
	if err := a.name(o); err != nil {
		return nil, err
	}
	if err := a.parents.add(a.path); err != nil {
		a.parents.undo()
		return nil, err
	}
	if a.temp, err = atomicfile.CreateFile(a.path, 0o666); err != nil {
		a.parents.undo()
		return nil, err
	}
	return a, nil
}

// name sets the image's name in the archive.
func (a *archiveFile) name(o Options) error {
	if o.Output.Transport == image.OCIArchive {
		a.options = func(d ocispec.Descriptor) []archive.ExportOpt {
			return []archive.ExportOpt{archive.WithManifest(layoutNames(o).of(d)), archive.WithSkipDockerManifest()}
		}
		return nil
	}
	names, err := archiveNames(o)
	a.options = func(d ocispec.Descriptor) []archive.ExportOpt {
		return []archive.ExportOpt{archive.WithManifest(d, names...)}
	}
	return err
}

func (*archiveFile) blobs(context.Context, *layerSet, *meter) error { return nil }

func (a *archiveFile) commit(ctx context.Context, img *baked, progress *meter) error {
	w := bufio.NewWriterSize(a.temp, 1<<20)
	options := a.options(img.manifest)
	var artifacts []*attached.Made
	for _, a := range img.attached {
		made, err := a.made()
		if err != nil {
			return err
		}
		artifacts = append(artifacts, made...)
	}
	for _, made := range artifacts {
		options = append(options, archive.WithManifest(made.Manifest.Descriptor))
	}
	if err := archive.Export(ctx, newWithAttached(img.store.counting(progress.add), artifacts), w, options...); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	temp := a.temp
	a.temp = nil
	if err := temp.Commit(); err != nil {
		return err
	}
	a.parents.keep()
	return nil
}

func (a *archiveFile) close() {
	if a.temp != nil {
		a.temp.Abort()
	}
	a.parents.undo()
}
