package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/opencontainers/go-digest"

	"github.com/minimirror/minimirror/internal/content"
	"github.com/minimirror/minimirror/internal/image/registry"
)

var _ content.Sink = (*Sink)(nil)

// A Sink is a content.Sink: repositories of a registry. Blobs are pushed when they come, which nobody sees without a manifest. Manifests wait in a
// folder until Finish.
type Sink struct {
	target  Target
	host    *registry.Host
	staging *os.Root
	dir     string // of staging
	images  []content.Image
	base    map[digest.Digest]bool
	pushes  *background

	mu     sync.Mutex
	places map[imageKey]image
	has    map[at]bool
	blobs  map[digest.Digest]string // a repository that has the blob or manifest
}

// at is a blob or a manifest in a repository.
type at struct {
	repository string
	digest     digest.Digest
}

// NewSink opens a registry to write these images to. base are blobs that are left out, because the registry has them in some repository. staging is
// a folder for manifests, which is created, and removed by Finish; the same one continues an import that was interrupted. The registry is not
// contacted.
func NewSink(t Target, o registry.Options, images []content.Image, base []content.Blob, staging string) (*Sink, error) {
	places, err := t.places(images)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(staging, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(staging)
	if err != nil {
		return nil, err
	}
	o.Idle = max(o.Idle, atOnce)
	h, err := registry.OpenHost(t.Host, o)
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	s := &Sink{target: t, host: h, staging: root, dir: staging, images: images, base: map[digest.Digest]bool{}, pushes: newBackground(), places: places, has: map[at]bool{}, blobs: map[digest.Digest]string{}}
	for _, b := range base {
		s.base[b.Digest] = true
	}
	return s, nil
}

func (s *Sink) String() string { return s.target.String() }

// Sent is the number of bytes of content sent.
func (s *Sink) Sent() int64 { return s.host.Sent() }

// Close ends the connections; what is staged stays.
func (s *Sink) Close() error {
	s.pushes.all() //nolint:errcheck // Finish has said it
	return errors.Join(s.host.Close(), s.staging.Close())
}

// place is where an image goes.
func (s *Sink) place(im content.Image) (image, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p, found := s.places[keyOf(im)]; found {
		return p, nil
	}
	return image{}, fmt.Errorf("%s: %s is not one of its images", s, im.Title())
}

// known notes that a repository has a blob or a manifest.
func (s *Sink) known(repository string, d digest.Digest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.has[at{repository, d}] = true
	if s.blobs[d] == "" {
		s.blobs[d] = repository
	}
}

func (s *Sink) isKnown(repository string, d digest.Digest) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.has[at{repository, d}]
}

// where is a repository that has the blob or manifest; empty: none is known.
func (s *Sink) where(d digest.Digest) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.blobs[d]
}

// Has implements content.Sink. A blob of the base may be in the repository of any image.
func (s *Sink) Has(ctx context.Context, im content.Image, b content.Blob) (bool, error) {
	p, err := s.place(im)
	if err == nil {
		err = s.pushes.wait(b.Digest)
	}
	if err != nil {
		return false, err
	}
	if content.IsManifest(b.MediaType) {
		if _, err := s.staging.Stat(stagedName(b.Digest)); err == nil {
			return true, nil
		}
	}
	repositories := []string{p.repository}
	if s.base[b.Digest] {
		for _, other := range s.images {
			if q, err := s.place(other); err == nil && q.repository != p.repository {
				repositories = append(repositories, q.repository)
			}
		}
	}
	asked := map[string]bool{}
	for _, repository := range repositories {
		if asked[repository] {
			continue
		}
		asked[repository] = true
		if has, err := s.hasIn(ctx, repository, b); has || err != nil {
			return has, err
		}
	}
	return false, nil
}

// hasIn asks a repository.
func (s *Sink) hasIn(ctx context.Context, repository string, b content.Blob) (has bool, err error) {
	if s.isKnown(repository, b.Digest) {
		return true, nil
	}
	r := s.host.Repository(repository)
	if content.IsManifest(b.MediaType) {
		has, err = r.HasManifest(ctx, b.Digest.String(), b.Digest)
	} else {
		has, err = r.HasBlob(ctx, blobOf(b))
	}
	if err != nil {
		return false, fmt.Errorf("%s/%s: %w", s.host, repository, err)
	}
	if has {
		s.known(repository, b.Digest)
	}
	return has, nil
}

func blobOf(b content.Blob) registry.Blob {
	return registry.Blob{Digest: b.Digest.String(), Size: b.Size}
}

// Put implements content.Sink.
func (s *Sink) Put(ctx context.Context, im content.Image, b content.Blob, r io.Reader) error {
	p, err := s.place(im)
	if err != nil {
		return err
	}
	if content.IsManifest(b.MediaType) {
		data, err := content.ReadAll(r, b)
		if err != nil {
			return err
		}
		return s.stage(b.Digest, data)
	}
	if b.Size <= small {
		data, err := content.ReadAll(r, b)
		if err != nil {
			return err
		}
		return s.pushes.begin(b.Digest, func() error { return s.putBlob(ctx, p.repository, b, bytes.NewReader(data)) })
	}
	return s.putBlob(ctx, p.repository, b, r)
}

func (s *Sink) putBlob(ctx context.Context, repository string, b content.Blob, r io.Reader) error {
	if err := s.host.Repository(repository).PutBlob(ctx, blobOf(b), r); err != nil {
		return fmt.Errorf("%s/%s: %w", s.host, repository, err)
	}
	s.known(repository, b.Digest)
	return nil
}

func stagedName(d digest.Digest) string { return d.Algorithm().String() + "-" + d.Encoded() }

// stage keeps a manifest that is verified.
func (s *Sink) stage(d digest.Digest, data []byte) error {
	name := stagedName(d)
	if err := s.staging.WriteFile(name+".new", data, 0o600); err != nil {
		return err
	}
	return s.staging.Rename(name+".new", name)
}

// staged reads a manifest. One that a crash has damaged is fs.ErrNotExist.
func (s *Sink) staged(d digest.Digest) ([]byte, error) {
	data, err := s.staging.ReadFile(stagedName(d))
	if err == nil && d.Algorithm().FromBytes(data) != d {
		err = errors.Join(fs.ErrNotExist, s.staging.Remove(stagedName(d)))
	}
	return data, err
}

// removeStaging ends an import that is complete.
func (s *Sink) removeStaging() error {
	if err := os.RemoveAll(s.dir); err != nil {
		return err
	}
	os.Remove(filepath.Dir(s.dir)) //nolint:errcheck // only if it is empty
	return nil
}
