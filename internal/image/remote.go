package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/filecache"
	"github.com/minimirror/minimirror/internal/image/catalog"
	"github.com/minimirror/minimirror/internal/image/registry"
)

// RemoteOptions say how an image in a registry is read in place.
type RemoteOptions struct {
	Registry registry.Options
	Cache    *filecache.Cache // keeps its files; it stays the caller's to close, after the image
	Log      *slog.Logger     // nil: nothing is logged
}

const (
	remoteStall    = 20 * time.Second // without a byte, until a connection is given up
	remotePatience = 30 * time.Second // until a client that waits for a first byte is told that there is none
	remoteIdle     = 64               // connections to the registry that stay open
)

// A Remote is what an image in a registry, open in place, has beside its files.
type Remote struct {
	reference Reference // by digest
	digests   []string  // of the image, and of the index that it was chosen from
	cache     *filecache.Cache
	layers    []layerContent
	line      *line
	joiner    *joiner
}

// OpenRemote opens an image in a registry in place: each file is fetched when it is first opened, verified, and kept in the cache. At the
// start it reads the manifest, the configuration and the catalog, and keeps them beside the files: an image that is named by digest
// opens again without the registry. The errors are those of OpenReader.
func OpenRemote(ctx context.Context, ref Reference, o RemoteOptions) (*Image, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Registry.Stall == 0 {
		o.Registry.Stall = remoteStall
	}
	o.Registry.Idle = remoteIdle
	repository, err := registry.Open(ref.Path, o.Registry)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ref, err)
	}
	img, err := openRemote(ctx, repository, ref, o)
	if err != nil {
		err = fmt.Errorf("%s: %w", ref, err)
		if errors.Is(err, errNoParts) {
			err = artifact.Hint(err, "serve a copy: skopeo copy %s docker-archive:FILE", ref)
		}
		return nil, errors.Join(err, repository.Close())
	}
	return img, nil
}

func openRemote(ctx context.Context, repository *registry.Repository, ref Reference, o RemoteOptions) (*Image, error) {
	kept, err := keep(repository, o.Cache.Dir())
	if err != nil {
		return nil, err
	}
	img, err := readRemote(ctx, kept, ref)
	if err != nil && kept.found > 0 && ctx.Err() == nil {
		o.Log.Warn("what the cache keeps of the image is damaged, and is read again", "error", err)
		kept.forget()
		img, err = readRemote(ctx, kept, ref)
	}
	if err != nil {
		return nil, err
	}
	kept.tidy()
	remote := img.remote
	remote.cache = o.Cache
	for i, l := range remote.layers {
		layer := l.(registryLayer)
		layer.repository = repository
		remote.layers[i] = layer
	}
	last := len(remote.layers) - 1
	remote.line = newLine(o.Log, func(ctx context.Context) error {
		body, err := remote.layers[last].part(ctx, img.place.Head.Offset, 1)
		if err != nil {
			return err
		}
		_, err = io.ReadFull(body, make([]byte, 1))
		return errors.Join(err, body.Close())
	})
	reading, cancel := context.WithCancel(context.Background())
	remote.joiner = &joiner{ctx: reading, part: func(ctx context.Context, layer int, offset, size int64) (io.ReadCloser, error) {
		return remote.layers[layer].part(ctx, offset, size)
	}}
	remote.joiner.ahead = newReadAhead(o.Cache, img.Catalog.Files, func(ctx context.Context, f *catalog.File) (io.ReadCloser, error) {
		return remote.source(f)(ctx, false)
	})
	closeRecords := img.close
	img.close = func() error {
		cancel()
		remote.joiner.reads.Wait()
		remote.line.close()
		return errors.Join(closeRecords(), repository.Close())
	}
	img.open = func(f *catalog.File) (*Section, error) { return img.OpenContext(context.Background(), f) }
	return img, nil
}

// readRemote reads all but the files.
func readRemote(ctx context.Context, kept *keptRepository, ref Reference) (*Image, error) {
	r := &Reader{Reference: ref}
	o, layers, err := r.readRegistry(ctx, kept, ref)
	if err != nil {
		return nil, err
	}
	for i, layer := range o.layers {
		if layer.packed != "" {
			return nil, artifact.Hint(fmt.Errorf("layer %d: %w", i, compressedError(layer.packed)), "push it uncompressed: minimirror build DEFINITION --output %s", ref)
		}
	}
	img := &Image{Digest: r.Digest, Layers: o.layers, remote: &Remote{reference: r.Reference, digests: r.digests(), layers: layers}}
	kept.used[signatureName(r.Digest)] = true
	if img.place, err = catalog.Locate(o.labels, layerSizes(o.layers)); err != nil {
		return nil, err
	}
	last := layers[len(layers)-1].(registryLayer).content
	head, err := kept.part(ctx, last, img.place.Head.Offset, img.place.Head.Size)
	if err != nil {
		return nil, fmt.Errorf("catalog: %w", err)
	}
	defer head.Close()
	text := make([]byte, img.place.Head.Size)
	if _, err := head.ReadAt(text, 0); err != nil && err != io.EOF {
		return nil, err
	}
	if err := img.place.Verify(text); err != nil {
		return nil, err
	}
	records, err := kept.part(ctx, last, img.place.Records.Offset, img.place.Records.Size)
	if err != nil {
		return nil, fmt.Errorf("catalog: %w", err)
	}
	img.close = records.Close
	rows := blob{&source{file: records}, 0, img.place.Records.Size}
	err = img.loadCatalog(text, rows.size, func(_ context.Context, offset, size int64) ([]byte, error) { return rows.read(offset, size) })
	if err != nil {
		return nil, errors.Join(err, records.Close())
	}
	return img, nil
}

// Remote is nil unless the image is in a registry.
func (img *Image) Remote() *Remote { return img.remote }

// OpenContext opens one of the catalog's own files. Of an image in a registry it waits until the first byte can be read,
// of a small file until it is verified; reading fails when ctx ends. The error is then an *UnavailableError.
func (img *Image) OpenContext(ctx context.Context, f *catalog.File) (*Section, error) {
	m := img.remote
	if m == nil {
		return img.open(f)
	}
	r, err := m.cache.Open(ctx, remotePatience, filecache.File{SHA256: f.SHA256, Size: f.Size}, m.source(f))
	if err != nil {
		return nil, unavailable(f.Path, err)
	}
	return &Section{size: f.Size, arriving: remoteFile{f.Path, r}}, nil
}

// Available returns an error, which OpenContext would return, too, if the content of one of the catalog's own files cannot be had now. Of a file of an image in
// a registry that is not in the cache, it reads the first byte; a small one comes into the cache.
func (img *Image) Available(ctx context.Context, f *catalog.File) error {
	m := img.remote
	if m == nil || f.Size > joinedFile && m.cache.Has(filecache.File{SHA256: f.SHA256, Size: f.Size}) {
		return nil
	}
	if f.Size <= joinedFile {
		section, err := img.OpenContext(ctx, f)
		if err != nil {
			return err
		}
		return section.Close()
	}
	ctx, cancel := context.WithTimeoutCause(ctx, remotePatience, filecache.ErrPatience)
	defer cancel()
	if err := m.firstByte(ctx, f); err != nil {
		return unavailable(f.Path, err)
	}
	return nil
}

func (m *Remote) firstByte(ctx context.Context, f *catalog.File) error {
	if err := m.line.check(); err != nil {
		return err
	}
	body, err := m.layers[f.Layer].part(ctx, f.Offset, 1)
	if err == nil {
		_, err = io.ReadFull(body, make([]byte, 1))
		err = errors.Join(err, body.Close())
	}
	m.line.note(ctx, err)
	return err
}

// source reads a file where it lies in its layer.
func (m *Remote) source(f *catalog.File) filecache.Source {
	return func(ctx context.Context, direct bool) (io.ReadCloser, error) {
		if err := m.line.check(); err != nil {
			return nil, err
		}
		var body io.ReadCloser
		var err error
		if f.Size > 0 && f.Size <= joinedFile && !direct {
			body, err = m.joiner.open(ctx, f)
		} else {
			body, err = m.layers[f.Layer].part(ctx, f.Offset, f.Size)
		}
		if m.line.note(ctx, err); err != nil {
			return nil, err
		}
		return &notedBody{body, ctx, m.line}, nil
	}
}

// A notedBody notes how reading from the registry goes.
type notedBody struct {
	io.ReadCloser
	ctx  context.Context
	line *line
}

func (b *notedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		b.line.note(b.ctx, err)
	}
	return n, err
}

// A RemoteState is how an image in a registry does.
type RemoteState struct {
	Reference string // by digest
	Away      error  // why the registry cannot be read now; nil: it can
	Since     time.Time
	Failures  int64 // reads from the registry that failed
	Cache     filecache.Stats
}

// State returns the present state.
func (m *Remote) State() RemoteState {
	s := RemoteState{Reference: m.reference.String(), Cache: m.cache.Stats()}
	s.Away, s.Since, s.Failures = m.line.state()
	return s
}
