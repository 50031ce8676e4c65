package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/minimirror/minimirror/internal/image/catalog"
	"github.com/minimirror/minimirror/internal/image/registry"
)

// Options say how to read an image. The zero value is usable.
type Options struct {
	Registry registry.Options
	Stdin    io.Reader // behind the reference "-"; nil: os.Stdin
	TempDir  string    // for what cannot be read in place; "": the system's
	Parallel int       // requests that Fetch has running at once; 0: 4

	inPlace bool // nothing may be copied
}

// A Reader reads an image piece by piece, wherever it is, including registries and compressed images. It reads
// as little as possible. Its methods may be called by many goroutines.
type Reader struct {
	// CatalogReader reads single parts of the catalog.
	*catalog.Reader
	// Reference is the reference of this image, by digest if it is in a registry.
	Reference Reference
	// Digest is the manifest's, "sha256:…", or empty if there is none (docker-archive,
	// unpacked tree).
	Digest string

	root     string                                       // the folder of an unpacked tree
	place    *catalog.Location                            // where there are layers
	among    platformIndex                                // from which it was chosen
	config   []byte                                       // nil: an unpacked tree
	stored   []StoredLayer                                // nil: an unpacked tree
	layers   []layerContent                               // their content
	file     func(f *catalog.File) (io.ReadCloser, error) // of a tree
	program  string                                       // its SHA-256, when it has been read
	parallel int
	received func() int64
	close    []func() error // in the order of opening
}

// A layerContent is a layer's bytes, uncompressed.
type layerContent interface {
	// part reads size bytes at offset. The error is errNoParts, at once or at any read, if
	// the layer can only be read from its start. Nothing is verified.
	part(ctx context.Context, offset, size int64) (io.ReadCloser, error)
	// whole reads everything. It ends with io.EOF only if the layer's digest is right.
	whole(ctx context.Context) (io.ReadCloser, error)
}

// errNoParts says that a layer can only be read from its start.
var errNoParts = registry.ErrNoRange

// OpenReader opens an image anywhere; see ParseReadable. It reads manifest, configuration and the catalog's head, and
// verifies them. The errors are those of Open; fs.ErrNotExist also says that a registry
// has no such image.
func OpenReader(ctx context.Context, ref Reference, o Options) (*Reader, error) {
	r := &Reader{Reference: ref, parallel: o.Parallel, received: func() int64 { return 0 }}
	if r.parallel <= 0 {
		r.parallel = 4
	}
	if err := r.open(ctx, ref, o); err != nil {
		return nil, errors.Join(copyAgain(fmt.Errorf("%s: %w", ref, err)), r.Close())
	}
	return r, nil
}

func (r *Reader) open(ctx context.Context, ref Reference, o Options) error {
	if ref.Transport == Docker {
		return r.openRegistry(ctx, ref, o)
	}
	place, err := locate(ctx, ref, o)
	if err != nil {
		return err
	}
	if place.root != "" {
		return r.openTree(place.root)
	}
	r.close = append(r.close, place.files.Close)
	opened, err := place.read()
	if err != nil {
		return err
	}
	layers := make([]layerContent, len(opened.layers))
	for i, layer := range opened.layers {
		layers[i] = localLayer{layer}
	}
	return r.load(ctx, opened, layers, o)
}

// load reads the catalog's head.
func (r *Reader) load(ctx context.Context, o *opened, layers []layerContent, options Options) error {
	r.Digest, r.among, r.config, r.stored, r.layers = o.digest, o.among, o.config, o.layers, layers
	place, err := catalog.Locate(o.labels, layerSizes(o.layers))
	if err != nil {
		return err
	}
	last := len(layers) - 1
	head, err := readPart(ctx, layers[last], place.Head.Offset, place.Head.Size)
	if errors.Is(err, errNoParts) {
		if err = r.spoolCatalog(ctx, last, options.TempDir); err == nil {
			head, err = readPart(ctx, r.layers[last], place.Head.Offset, place.Head.Size)
		}
	}
	if err != nil {
		return fmt.Errorf("layer %d: %w", last, err)
	}
	if err := place.Verify(head); err != nil {
		return err
	}
	r.place = place
	content := r.layers[last]
	r.Reader, err = catalog.NewReader(head, place.Records.Size, layerSizes(o.layers), func(ctx context.Context, offset, size int64) ([]byte, error) {
		return readPart(ctx, content, place.Records.Offset+offset, size)
	})
	return err
}

// readPart reads a part of a layer into memory.
func readPart(ctx context.Context, layer layerContent, offset, size int64) ([]byte, error) {
	body, err := layer.part(ctx, offset, size)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	data := make([]byte, size)
	if _, err := io.ReadFull(body, data); err == io.EOF {
		return nil, io.ErrUnexpectedEOF
	} else if err != nil {
		return nil, err
	}
	return data, nil
}

// spoolCatalog copies the last layer to a file if the layer cannot be read in parts.
func (r *Reader) spoolCatalog(ctx context.Context, last int, dir string) error {
	body, err := r.layers[last].whole(ctx)
	if err != nil {
		return err
	}
	defer body.Close()
	file, err := spool(ctx, io.LimitReader(body, catalog.MaxCatalog), dir)
	if err != nil {
		return err
	}
	r.close = append(r.close, file.Close)
	source, err := sourceOf(file)
	if err != nil {
		return err
	}
	r.layers = slices.Clone(r.layers)
	r.layers[last] = spooledLayer{localLayer{StoredLayer{blob: blob{source, 0, source.size}}}, r.layers[last]}
	return nil
}

// A spooledLayer reads parts from a file, and the whole layer from its original place.
type spooledLayer struct {
	localLayer
	origin layerContent
}

func (l spooledLayer) whole(ctx context.Context) (io.ReadCloser, error) { return l.origin.whole(ctx) }

// openTree opens an unpacked image.
func (r *Reader) openTree(dir string) error {
	img, err := openRoot(dir)
	if err != nil {
		return err
	}
	r.close = append(r.close, img.Close)
	r.Reader, r.root = img.Reader, dir
	r.file = func(f *catalog.File) (io.ReadCloser, error) { return img.open(f) }
	return nil
}

// Load reads the whole catalog, with all fields.
func (r *Reader) Load(ctx context.Context) (*catalog.Catalog, error) {
	c, _, err := r.Reader.Load(ctx, false)
	return c, copyAgain(err)
}

// LayerCount is the number of layers; 0 for an unpacked tree.
func (r *Reader) LayerCount() int { return len(r.layers) }

// Received is the number of bytes received from a registry; 0 for images on this machine.
func (r *Reader) Received() int64 { return r.received() }

// OpenFile opens one of the catalog's files. What it reads is not verified; see Fetch.
func (r *Reader) OpenFile(ctx context.Context, f catalog.File) (io.ReadCloser, error) {
	if r.layers == nil {
		return r.file(&f)
	}
	if f.Layer < 0 || f.Layer >= len(r.layers) {
		return nil, &fs.PathError{Op: "open", Path: f.Path, Err: fs.ErrNotExist}
	}
	body, err := r.layers[f.Layer].part(ctx, f.Offset, f.Size)
	if !errors.Is(err, errNoParts) {
		return body, err
	}
	whole, err := r.layers[f.Layer].whole(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := io.CopyN(io.Discard, whole, f.Offset); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", f.Path, err), whole.Close())
	}
	return &limited{io.LimitReader(whole, f.Size), whole}, nil
}

type limited struct {
	io.Reader
	io.Closer
}

// Close closes the image's files and connections.
func (r *Reader) Close() error {
	var errs []error
	for _, c := range slices.Backward(r.close) {
		errs = append(errs, c())
	}
	r.close = nil
	return errors.Join(errs...)
}
