package image

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A store holds the files of an image by name.
type store interface {
	blob(name string) (blob, error)
	// done tells that the blob's content is not needed any more.
	done(b blob)
	Close() error
}

// A directory is a store that keeps open the files that were asked for.
type directory struct {
	root *os.Root
	open map[string]*source
}

func openDirectory(ref Reference) (*Image, error) {
	root, err := os.OpenRoot(ref.Path)
	if err != nil {
		return nil, err
	}
	return openLayout(&directory{root, map[string]*source{}}, ref.Name)
}

func openOCIArchive(ref Reference) (*Image, error) {
	a, err := openArchive(ref.Path)
	if err != nil {
		return nil, err
	}
	return openLayout(a, ref.Name)
}

func (d *directory) blob(name string) (blob, error) {
	s, found := d.open[name]
	if !found {
		var err error
		s, err = newSource(func(flag int) (*os.File, error) { return d.root.OpenFile(name, flag, 0) })
		if err != nil {
			return blob{}, err
		}
		d.open[name] = s
	}
	return blob{s, 0, s.size}, nil
}

func (d *directory) done(b blob) {
	maps.DeleteFunc(d.open, func(_ string, s *source) bool { return s == b.source })
	b.source.Close()
}

func (d *directory) Close() error {
	var errs []error
	for _, s := range d.open {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, d.root.Close())...)
}

// openLayout opens an image in the OCI image layout. It takes over the store.
func openLayout(files store, name string) (*Image, error) {
	o, err := readLayout(files, name)
	if err != nil {
		return nil, errors.Join(err, files.Close())
	}
	return newImage(o, files.Close)
}

func readLayout(files store, name string) (*opened, error) {
	var layout v1.ImageLayout
	if err := readDocument(files, v1.ImageLayoutFile, &layout); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("not an OCI image layout: %w", err)
		}
		return nil, err
	}
	if layout.Version != v1.ImageLayoutVersion {
		return nil, fmt.Errorf("%s: version %q, and this program reads %q",
			v1.ImageLayoutFile, layout.Version, v1.ImageLayoutVersion)
	}
	var index v1.Index
	if err := readDocument(files, v1.ImageIndexFile, &index); err != nil {
		return nil, err
	}
	chosen, err := chooseManifest(files, index, name)
	if err != nil {
		return nil, err
	}
	var manifest v1.Manifest
	if err := readBlob(files, chosen, &manifest); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	var config v1.Image
	if err := readBlob(files, manifest.Config, &config); err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	layers, err := layoutLayers(files, manifest, config)
	return &opened{chosen.Digest.String(), config.Config.Labels, layers}, err
}

// layoutLayers finds the manifest's layers, each of which must be the uncompressed
// tar that the configuration names by its diff_id.
func layoutLayers(files store, manifest v1.Manifest, config v1.Image) ([]StoredLayer, error) {
	if len(manifest.Layers) != len(config.RootFS.DiffIDs) {
		return nil, artifact.Verifyf("%d layers, and the configuration tells of %d",
			len(manifest.Layers), len(config.RootFS.DiffIDs))
	}
	var layers []StoredLayer
	for i, descriptor := range manifest.Layers {
		if _, format, found := strings.Cut(descriptor.MediaType, "+"); found {
			return nil, fmt.Errorf("layer %d: %w", i, compressedError(format))
		}
		content, err := blobOf(files, descriptor)
		if err != nil {
			return nil, fmt.Errorf("layer %d: %w", i, err)
		}
		if err := content.uncompressed(); err != nil {
			return nil, fmt.Errorf("layer %d: %w", i, err)
		}
		digest := config.RootFS.DiffIDs[i]
		if descriptor.Digest != digest {
			return nil, artifact.Verifyf("layer %d: the manifest says %s, the configuration %s", i, descriptor.Digest, digest)
		}
		layers = append(layers, StoredLayer{digest.String(), descriptor.Size, content})
	}
	return layers, nil
}

// blobOf finds a descriptor's blob and checks its size.
func blobOf(files store, d v1.Descriptor) (blob, error) {
	digest := d.Digest.String()
	sum, found := strings.CutPrefix(digest, "sha256:")
	if !found || !artifact.ValidSHA256(sum) {
		return blob{}, fmt.Errorf("digest %q is not a sha256 digest", digest)
	}
	b, err := files.blob(v1.ImageBlobsDir + "/sha256/" + sum)
	if err != nil {
		return blob{}, err
	}
	if b.size != d.Size {
		return blob{}, artifact.Verifyf("%s: size mismatch: got %d, want %d bytes", digest, b.size, d.Size)
	}
	return b, nil
}

// readBlob reads and verifies the JSON document that a descriptor points to.
func readBlob(files store, d v1.Descriptor, document any) error {
	b, err := blobOf(files, d)
	if err != nil {
		return err
	}
	defer files.done(b)
	return b.decode(d.Digest.String(), document)
}

// readDocument reads the JSON document with this name.
func readDocument(files store, name string, document any) error {
	b, err := files.blob(name)
	if err != nil {
		return err
	}
	defer files.done(b)
	if err := b.decode("", document); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
