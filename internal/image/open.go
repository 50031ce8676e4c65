package image

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/catalog"
)

// An Image is an open image: its catalog and, in place, its files. Its methods
// may be called by many goroutines.
type Image struct {
	// CatalogReader reads single parts of the catalog, in full.
	*catalog.Reader
	// Catalog has been checked; it must not be changed. Its items are without URLs and
	// Metadata, which are most of it and rarely needed; see FullCatalog.
	Catalog *catalog.Catalog
	// Digest is the manifest's, "sha256:…", or empty if there is none
	// (docker-archive, unpacked tree).
	Digest string
	// Layers are in the manifest's order; nil for an unpacked tree.
	Layers []StoredLayer

	root   string            // the folder of an unpacked tree
	place  *catalog.Location // where there are layers
	remote *Remote           // nil: the image is on this machine
	index  map[string]int32  // path → place in Catalog.Files
	open   func(*catalog.File) (*Section, error)
	close  func() error
}

// layerSizes are the layers' sizes in bytes; nil: an unpacked tree.
func layerSizes(layers []StoredLayer) (sizes []int64) {
	for i := range layers {
		sizes = append(sizes, layers[i].Size)
	}
	return sizes
}

// A StoredLayer is a layer of an open image.
type StoredLayer struct {
	Digest string // of the uncompressed tar, "sha256:…": the configuration's diff_id
	Size   int64  // bytes, uncompressed; -1: not known, for it is compressed

	packed string // with what it is compressed
	blob   blob
}

// Open opens an image in place: nothing is unpacked or copied. The error is
// fs.ErrNotExist if there is nothing at the reference, artifact.ErrVerify if the image is damaged or
// incomplete, and has a hint if the user can fix it.
func Open(ref Reference) (*Image, error) {
	img, err := openInPlace(ref)
	if err == nil {
		return img, nil
	}
	err = copyAgain(fmt.Errorf("%s: %w", ref, err))
	var format compressedError
	var hint *artifact.HintError
	if errors.As(err, &format) && !errors.As(err, &hint) {
		if ref.Transport == Anywhere {
			ref.Transport = transportAt(ref.Path, "")
		}
		err = artifact.Hint(err, "skopeo copy %s docker-archive:FILE uncompresses it", ref)
	}
	return nil, err
}

func openInPlace(ref Reference) (*Image, error) {
	switch ref.Transport {
	case Docker:
		return nil, artifact.Hint(errors.New("images in a registry cannot be read in place here"), // OpenRemote can
			"copy it first: skopeo copy %s docker-archive:FILE", ref)
	case Stdin:
		return nil, artifact.Hint(errors.New("it cannot be read in place"), "write it into a file first")
	}
	place, err := locate(context.Background(), ref, Options{inPlace: true})
	if err != nil {
		return nil, err
	}
	if place.root != "" {
		return openRoot(place.root)
	}
	opened, err := place.read()
	if err != nil {
		return nil, errors.Join(err, place.files.Close())
	}
	return newImage(opened, place.files.Close)
}

// An opened is an image's manifest and configuration, read and verified.
type opened struct {
	digest string            // of the manifest; empty: there is none
	among  platformIndex     // from which the image was chosen
	config []byte            // the configuration
	labels map[string]string // of the configuration
	layers []StoredLayer
}

// newImage reads the catalog. On an error it closes the files of the layers.
func newImage(o *opened, closer func() error) (*Image, error) {
	img := &Image{Digest: o.digest, Layers: o.layers, close: closer}
	if err := img.load(o.labels); err != nil {
		return nil, errors.Join(err, closer())
	}
	img.open = func(f *catalog.File) (*Section, error) {
		return img.Layers[f.Layer].blob.part(f.Offset, f.Size)
	}
	return img, nil
}

// load reads and checks the catalog of an image that has layers.
func (img *Image) load(labels map[string]string) error {
	for i, layer := range img.Layers {
		if layer.packed != "" {
			return fmt.Errorf("layer %d: %w", i, compressedError(layer.packed))
		}
	}
	place, err := catalog.Locate(labels, layerSizes(img.Layers))
	if err != nil {
		return err
	}
	last := img.Layers[len(img.Layers)-1].blob
	head, err := last.read(place.Head.Offset, place.Head.Size)
	if err != nil {
		return err
	}
	if err := place.Verify(head); err != nil {
		return err
	}
	img.place = place
	records := func(_ context.Context, offset, size int64) ([]byte, error) {
		return last.read(place.Records.Offset+offset, size)
	}
	return img.loadCatalog(head, place.Records.Size, records)
}

// loadCatalog reads and checks the catalog.
func (img *Image) loadCatalog(head []byte, size int64, records func(context.Context, int64, int64) ([]byte, error)) (err error) {
	if img.Reader, err = catalog.NewReader(head, size, layerSizes(img.Layers), records); err == nil {
		img.Catalog, img.index, err = img.Reader.Load(context.Background(), true)
	}
	return err
}

// FullCatalog reads the catalog again, with all fields.
func (img *Image) FullCatalog() (*catalog.Catalog, error) {
	c, _, err := img.Reader.Load(context.Background(), false)
	return c, err
}

// Lookup returns the catalog's entry for the file at path, below Root, or nil.
// It does not clean or decode the path.
func (img *Image) Lookup(path string) *catalog.File {
	if i, found := img.index[path]; found {
		return &img.Catalog.Files[i]
	}
	return nil
}

// Index is the index in Catalog.Files of what Lookup returns, or -1.
func (img *Image) Index(path string) int {
	if i, found := img.index[path]; found {
		return int(i)
	}
	return -1
}

// OpenFile opens the file at path, below Root, for reading in place. The error is
// fs.ErrNotExist if the catalog does not list it.
func (img *Image) OpenFile(path string) (*Section, error) {
	f := img.Lookup(path)
	if f == nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	return img.Open(f)
}

// Open opens one of the catalog's own files, as Lookup returns them.
func (img *Image) Open(f *catalog.File) (*Section, error) {
	return img.open(f)
}

const maxFile = 64 << 20 // bytes that are held in memory

// ReadFile returns the content of a small file and verifies it.
func (img *Image) ReadFile(path string) ([]byte, error) {
	s, err := img.OpenFile(path)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if s.Size() > maxFile {
		return nil, fmt.Errorf("%s: %d bytes are too many to hold in memory", path, s.Size())
	}
	var text bytes.Buffer
	text.Grow(int(s.Size()) + bytes.MinRead)
	if _, err := text.ReadFrom(s); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	data := text.Bytes()
	if f := img.Lookup(path); catalog.DigestOf(data) != "sha256:"+f.SHA256 {
		return nil, artifact.Verifyf("%s: sha256 mismatch: got %s, want sha256:%s", path, catalog.DigestOf(data), f.SHA256)
	}
	return data, nil
}

// Close closes the files behind the image. Sections that are open stay readable.
func (img *Image) Close() error {
	return img.close()
}

// openRegular opens a regular file and returns its size.
func openRegular(open func(flag int) (*os.File, error)) (*os.File, int64, error) {
	f, err := artifact.OpenRegular(open)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}
