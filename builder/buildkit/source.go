package buildkit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/errdefs"
	"github.com/moby/buildkit/util/contentutil"
	"github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/image/tarlayer"
)

// A source is the images as BuildKit reads them: an OCI image layout in memory.
type source struct {
	layers  *layerSet
	images  []sourceImage
	created time.Time
	blobs   map[digest.Digest][]byte // manifests and configurations
	failed  atomic.Pointer[error]    // what stopped the first reading that failed
}

// A sourceImage is the image for one platform.
type sourceImage struct {
	platform ocispec.Platform
	config   []byte
	layers   []ocispec.Descriptor
	manifest digest.Digest
}

// platforms are the platforms of the images.
func (s *source) platforms() (all []ocispec.Platform) {
	for i := range s.images {
		all = append(all, s.images[i].platform)
	}
	return all
}

// epoch is the timestamp of everything in the image, in whole seconds.
func epoch(config ocispec.Image) time.Time {
	if config.Created == nil {
		return time.Unix(0, 0).UTC()
	}
	return config.Created.UTC().Truncate(time.Second)
}

func newSource(images []Image, layers *layerSet) (*source, error) {
	s := &source{layers: layers, created: epoch(images[0].Config), blobs: make(map[digest.Digest][]byte)}
	for _, img := range images {
		if err := s.add(img); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// add adds an image.
func (s *source) add(img Image) error {
	layers := s.layers.of(img.Layers)
	config, err := complete(img.Config, layers)
	if err != nil {
		return err
	}
	text, err := json.Marshal(config)
	if err != nil {
		return err
	}
	manifest, err := json.Marshal(ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: ocispec.MediaTypeImageManifest,
		Config:    ocispec.Descriptor{MediaType: ocispec.MediaTypeImageConfig, Digest: digest.FromBytes(text), Size: int64(len(text))},
		Layers:    layers,
	})
	if err != nil {
		return err
	}
	made := sourceImage{config.Platform, text, layers, digest.FromBytes(manifest)}
	s.images = append(s.images, made)
	s.blobs[made.manifest] = manifest
	s.blobs[digest.FromBytes(text)] = text
	return nil
}

// A store is a content store that provides the blobs of a source without storing
// them, and stores everything else in another store. Writing a layer
// to it ends at once, because it already exists.
type store struct {
	content.Store
	source *source
	read   func(n int) // is called with the size of each step of reading a layer; may be nil
}

var _ content.Store = (*store)(nil)

// inMemory stores everything else in memory.
func (s *source) inMemory(read func(n int)) *store {
	return &store{contentutil.NewBuffer(), s, read}
}

// counting is the same store with another reader of progress.
func (s *store) counting(read func(n int)) *store { return &store{s.Store, s.source, read} }

// Info implements content.InfoProvider.
func (s *store) Info(ctx context.Context, sum digest.Digest) (content.Info, error) {
	if blob, ok := s.source.blobs[sum]; ok {
		return content.Info{Digest: sum, Size: int64(len(blob))}, nil
	}
	if l, ok := s.source.layers.byDigest[sum]; ok {
		return content.Info{Digest: sum, Size: l.Size()}, nil
	}
	return s.Store.Info(ctx, sum)
}

// ReaderAt implements content.Provider.
func (s *store) ReaderAt(ctx context.Context, d ocispec.Descriptor) (content.ReaderAt, error) {
	if blob, ok := s.source.blobs[d.Digest]; ok {
		return memory(blob), nil
	}
	if l, ok := s.source.layers.byDigest[d.Digest]; ok {
		return &layerReader{l.NewReader(ctx), s}, nil
	}
	return s.Store.ReaderAt(ctx, d)
}

// Writer implements content.Ingester.
func (s *store) Writer(ctx context.Context, options ...content.WriterOpt) (content.Writer, error) {
	var o content.WriterOpts
	for _, option := range options {
		if err := option(&o); err != nil {
			return nil, err
		}
	}
	if _, ok := s.source.layers.byDigest[o.Desc.Digest]; ok {
		return nil, fmt.Errorf("%s: %w", o.Desc.Digest, errdefs.ErrAlreadyExists)
	}
	return s.Store.Writer(ctx, options...)
}

// A layerReader counts the bytes read, and keeps the error of a failed read: BuildKit
// passes on at most an error's text.
type layerReader struct {
	*tarlayer.Reader
	store *store
}

func (r *layerReader) ReadAt(p []byte, offset int64) (int, error) {
	n, err := r.Reader.ReadAt(p, offset)
	if r.store.read != nil {
		r.store.read(n)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		r.store.source.failed.CompareAndSwap(nil, &err)
	}
	return n, err
}

// memory is a blob in memory.
type memory []byte

func (m memory) ReadAt(p []byte, offset int64) (int, error) {
	return bytes.NewReader(m).ReadAt(p, offset)
}
func (m memory) Size() int64  { return int64(len(m)) }
func (m memory) Close() error { return nil }

// check verifies that a manifest from BuildKit has our layers, byte for byte.
func (s *sourceImage) check(manifest []byte) error {
	var m ocispec.Manifest
	if err := json.Unmarshal(manifest, &m); err != nil {
		return fmt.Errorf("buildkit: manifest: %w", err)
	}
	same := len(m.Layers) == len(s.layers)
	for i := range min(len(m.Layers), len(s.layers)) {
		same = same && m.Layers[i].Digest == s.layers[i].Digest && m.Layers[i].MediaType == ocispec.MediaTypeImageLayer
	}
	if !same {
		return errors.New("buildkit: the daemon changed the layers: the image differs from the one that it was given")
	}
	return nil
}
