package buildkit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/attached"
	"github.com/minimirror/minimirror/internal/image/registry"
	"github.com/minimirror/minimirror/internal/image/signature"
)

// attachedArtifacts are the artifacts of one image or index.
type attachedArtifacts struct {
	subject   ocispec.Descriptor
	artifacts []attached.Artifact
}

// attach makes the artifacts that belong to what was baked: to the image, or to the index and each of its images, whose descriptors are given.
func (o *Options) attach(what ocispec.Descriptor, images []ocispec.Descriptor) (all []attachedArtifacts, err error) {
	for _, subject := range append([]ocispec.Descriptor{what}, images...) {
		var artifacts []attached.Artifact
		if o.Attach != nil {
			if artifacts, err = o.Attach(subject); err != nil {
				return nil, err
			}
		}
		all = append(all, attachedArtifacts{subject, attached.Join(artifacts)})
	}
	return all, nil
}

// attachStored makes the artifacts of what is written to a layout.
func (o *Options) attachStored(ctx context.Context, img *baked) (all []attachedArtifacts, err error) {
	var images []ocispec.Descriptor
	if img.manifest.MediaType == ocispec.MediaTypeImageIndex {
		if images, err = img.manifests(ctx); err != nil {
			return nil, err
		}
	}
	return o.attach(img.manifest, images)
}

// made makes the artifacts as they are stored.
func (a *attachedArtifacts) made() (all []*attached.Made, err error) {
	for _, one := range a.artifacts {
		made, err := one.Make(a.subject)
		if err != nil {
			return nil, err
		}
		all = append(all, made)
	}
	return all, nil
}

// attach writes the blobs of artifacts, and returns their descriptors for the index. Signatures of the same image that are there stay.
func (d *directory) attach(ctx context.Context, a attachedArtifacts) (listed []ocispec.Descriptor, err error) {
	old, err := d.attachedTo(ctx, a.subject.Digest)
	if err != nil {
		return nil, err
	}
	for i, one := range a.artifacts {
		for _, before := range old {
			if one.Tag == "" || before.tag() != one.Tag {
				continue
			}
			if a.artifacts[i], err = one.After(before.text); err != nil {
				return nil, err
			}
			d.keepAll(before.manifest.Layers)
		}
	}
	all, err := a.made()
	if err != nil {
		return nil, err
	}
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
	for _, before := range old {
		if slices.ContainsFunc(all, func(m *attached.Made) bool {
			return m.Manifest.Digest == before.Digest || m.Tag != "" && m.Tag == before.tag()
		}) {
			continue
		}
		d.keepAll(append(before.manifest.Layers, before.manifest.Config, before.Descriptor))
		listed = append(listed, before.Descriptor)
	}
	return listed, nil
}

// oldAttached is an artifact with signatures that the folder has.
type oldAttached struct {
	ocispec.Descriptor // as the index lists it
	text               []byte
	manifest           ocispec.Manifest
}

func (a *oldAttached) tag() string { return a.Annotations[ocispec.AnnotationRefName] }

// attachedTo finds the signatures of an image that the folder has. What is damaged is left out.
func (d *directory) attachedTo(ctx context.Context, sum digest.Digest) (all []oldAttached, err error) {
	text, err := artifact.ReadFile(filepath.Join(d.path, ocispec.ImageIndexFile))
	var index ocispec.Index
	if err != nil || json.Unmarshal(text, &index) != nil {
		return nil, nil // there is no image yet
	}
	for _, listed := range index.Manifests {
		a := oldAttached{Descriptor: listed}
		if !attached.Is(listed) || a.tag() != "" && !strings.HasPrefix(a.tag(), attached.Tag(sum, ".")) {
			continue
		}
		a.text, err = artifact.ReadFile(d.blobFile(listed.Digest))
		if err != nil || digest.FromBytes(a.text) != listed.Digest || json.Unmarshal(a.text, &a.manifest) != nil ||
			a.tag() == "" && (a.manifest.Subject == nil || a.manifest.Subject.Digest != sum) {
			continue
		}
		complete := true
		for _, b := range append(a.manifest.Layers, a.manifest.Config) {
			intact, err := d.intact(ctx, d.blobFile(b.Digest), b, &meter{})
			if err != nil {
				return nil, err
			}
			complete = complete && intact
		}
		if complete && !slices.ContainsFunc(a.manifest.Layers, func(l ocispec.Descriptor) bool { return !signature.IsSignature(l.MediaType) }) {
			all = append(all, a)
		}
	}
	return all, nil
}

func (d *directory) keepAll(blobs []ocispec.Descriptor) {
	for _, b := range blobs {
		d.keep(b.Digest, false)
	}
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

// attachPushed pushes artifacts of what BuildKit has pushed, and then gives it its tag: nobody who asks for the tag gets an image
// without its signature. Only the digest is known: the registry tells size and type, and which images an index has.
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
	var index ocispec.Index
	if mediaType == ocispec.MediaTypeImageIndex {
		if err := json.Unmarshal(text, &index); err != nil {
			return fmt.Errorf("buildkit: index: %w", err)
		}
	}
	all, err := o.attach(img.manifest, index.Manifests)
	if err != nil {
		return err
	}
	for _, a := range all {
		if err := registry.Attach(ctx, o.Output.Path, o.Registry, a.subject, a.artifacts); err != nil {
			return err
		}
	}
	return registry.Tag(ctx, o.Output.Path, o.Registry, o.Output.Name, mediaType, text)
}
