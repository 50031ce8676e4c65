package buildkit

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/image/attached"
	"github.com/minimirror/minimirror/internal/image/registry"
)

// attach makes the artifacts that belong to what was baked.
func (o *Options) attach(img *baked) (all []*attached.Made, err error) {
	if o.Attach == nil {
		return nil, nil
	}
	artifacts, err := o.Attach(img.manifest)
	if err != nil {
		return nil, err
	}
	for _, a := range artifacts {
		made, err := a.Make(img.manifest)
		if err != nil {
			return nil, err
		}
		all = append(all, made)
	}
	return all, nil
}

// attach writes the blobs of artifacts, and returns their descriptors for the index.
func (d *directory) attach(ctx context.Context, all []*attached.Made) (listed []ocispec.Descriptor, err error) {
	for _, made := range all {
		for _, b := range append(made.Blobs, made.Manifest) {
			if err := d.look(ctx, b.Descriptor, &meter{}); err != nil {
				return nil, err
			}
			if d.has(b.Digest) {
				continue
			}
			if err := d.write(ctx, b.Descriptor, copyBlob(&b), &meter{}); err != nil {
				return nil, err
			}
		}
		listed = append(listed, made.Manifest.Descriptor)
	}
	return listed, nil
}

func copyBlob(b *attached.Blob) copyFunc {
	return func(_ context.Context, w io.Writer, _ func(int)) (digest.Digest, error) {
		in, err := b.Open()
		if err != nil {
			return "", err
		}
		defer in.Close()
		sum := digest.SHA256.Digester()
		_, err = io.Copy(io.MultiWriter(w, sum.Hash()), in)
		return sum.Digest(), err
	}
}

// withAttached is a store that has artifacts, too.
type withAttached struct {
	content.InfoReaderProvider
	blobs map[digest.Digest]attached.Blob
}

func newWithAttached(of content.InfoReaderProvider, all []*attached.Made) withAttached {
	s := withAttached{of, map[digest.Digest]attached.Blob{}}
	for _, made := range all {
		for _, b := range append(made.Blobs, made.Manifest) {
			s.blobs[b.Digest] = b
		}
	}
	return s
}

// Info implements content.InfoProvider.
func (s withAttached) Info(ctx context.Context, sum digest.Digest) (content.Info, error) {
	if b, found := s.blobs[sum]; found {
		return content.Info{Digest: sum, Size: b.Size}, nil
	}
	return s.InfoReaderProvider.Info(ctx, sum)
}

// ReaderAt implements content.Provider.
func (s withAttached) ReaderAt(ctx context.Context, d ocispec.Descriptor) (content.ReaderAt, error) {
	b, found := s.blobs[d.Digest]
	if !found {
		return s.InfoReaderProvider.ReaderAt(ctx, d)
	}
	if b.File == "" {
		return blobReader{readerAt(b.Data), b.Size}, nil
	}
	f, err := os.Open(b.File)
	if err != nil {
		return nil, err
	}
	return blobReader{f, b.Size}, nil
}

type readCloserAt interface {
	io.ReaderAt
	io.Closer
}

type blobReader struct {
	readCloserAt
	size int64
}

func (r blobReader) Size() int64 { return r.size }

type readerAt []byte

func (data readerAt) ReadAt(p []byte, at int64) (int, error) {
	if at >= int64(len(data)) {
		return 0, io.EOF
	}
	n := copy(p, data[at:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (readerAt) Close() error { return nil }

// attachPushed pushes artifacts of an image that BuildKit has pushed. Only the image's digest is known: the registry tells its size and type.
func (o *Options) attachPushed(ctx context.Context, img *baked) error {
	if o.Attach == nil {
		return nil
	}
	r, err := registry.Open(o.Output.Path, o.Registry)
	if err != nil {
		return err
	}
	text, mediaType, _, err := r.Manifest(ctx, img.manifest.Digest.String())
	if err = errors.Join(err, r.Close()); err != nil {
		return err
	}
	img.manifest.Size, img.manifest.MediaType = int64(len(text)), mediaType
	all, err := o.attach(img)
	if err != nil {
		return err
	}
	return registry.Attach(ctx, o.Output.Path, o.Registry, img.manifest.Digest, all)
}
