package runtimes

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
)

// containerdName is the annotation of a descriptor in index.json from which containerd and podman read the name of the image.
const containerdName = "io.containerd.image.name"

// An archive is an image in the form in which runtimes load it: an OCI archive with the files of the image. An index in it is unchanged, and names
// manifests that are not in the archive. Docker before version 25 reads manifest.json instead.
type archive struct {
	*Image
	root *os.Root // of the files' names
}

// index is the index.json that gives the image its names.
func (i *Image) index(names ...string) ([]byte, error) {
	index := v1.Index{Versioned: specs.Versioned{SchemaVersion: 2}}
	for _, name := range names {
		index.Manifests = append(index.Manifests, v1.Descriptor{MediaType: i.MediaType, Digest: digest.Digest(i.Root), Size: i.Files[0].Size,
			Annotations: map[string]string{containerdName: name}})
	}
	return json.Marshal(index)
}

// A loadedImage is an entry of manifest.json, as "docker save" writes it. Docker requires lists, even if they are empty.
type loadedImage struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// dockerManifest is manifest.json. It repeats a layer as often as the image's manifest does.
func (a *archive) dockerManifest() ([]byte, error) {
	var manifest v1.Manifest
	data, err := a.root.ReadFile(a.file(a.Manifest).Name)
	if err == nil {
		err = json.Unmarshal(data, &manifest)
	}
	if err != nil {
		return nil, fmt.Errorf("manifest %s: %w", a.Manifest, err)
	}
	one := loadedImage{Config: layoutPath(a.Config), RepoTags: []string{}, Layers: []string{}}
	for _, layer := range manifest.Layers {
		one.Layers = append(one.Layers, layoutPath(layer.Digest.String()))
	}
	if a.Tagged {
		one.RepoTags = append(one.RepoTags, a.Name())
	}
	return json.Marshal([]loadedImage{one})
}

// layoutPath is where an OCI layout has a blob.
func layoutPath(digest string) string { return "blobs/" + strings.Replace(digest, ":", "/", 1) }

// write writes the archive, in which the image has the names. It verifies each file while it writes; if one is damaged, the archive stays incomplete.
func (a *archive) write(ctx context.Context, out io.Writer, names ...string) error {
	index, err := a.index(names...)
	if err != nil {
		return err
	}
	docker, err := a.dockerManifest()
	if err != nil {
		return err
	}
	w := tar.NewWriter(out)
	for at := range a.Files {
		if err := a.copyFile(ctx, w, &a.Files[at]); err != nil {
			return fmt.Errorf("%s: %w", a.Files[at].Digest, err)
		}
	}
	for _, small := range []struct {
		name string
		data []byte
	}{{v1.ImageLayoutFile, []byte(`{"imageLayoutVersion":"1.0.0"}`)}, {v1.ImageIndexFile, index}, {"manifest.json", docker}} {
		if err := w.WriteHeader(&tar.Header{Name: small.name, Mode: 0o644, Size: int64(len(small.data)), Format: tar.FormatUSTAR}); err != nil {
			return err
		}
		if _, err := w.Write(small.data); err != nil {
			return err
		}
	}
	return w.Close()
}

func (a *archive) copyFile(ctx context.Context, w *tar.Writer, f *File) error {
	in, err := artifact.OpenRegular(func(flag int) (*os.File, error) { return a.root.OpenFile(f.Name, os.O_RDONLY|flag, 0) })
	if err != nil {
		return err
	}
	defer in.Close()
	if info, err := in.Stat(); err != nil || info.Size() != f.Size {
		return errors.Join(err, artifact.Verifyf("size mismatch: want %d bytes", f.Size))
	}
	if err := w.WriteHeader(&tar.Header{Name: layoutPath(f.Digest), Mode: 0o644, Size: f.Size, Format: tar.FormatPAX}); err != nil {
		return err
	}
	h := f.content().Hasher()
	if _, err := io.Copy(io.MultiWriter(w, h), &contextReader{ctx, in}); err != nil {
		return err
	}
	return f.content().Verify(h.Sum())
}

// A contextReader reads until its context ends.
type contextReader struct {
	ctx context.Context
	io.Reader
}

func (r *contextReader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.Reader.Read(p)
}
