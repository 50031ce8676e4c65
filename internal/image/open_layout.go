package image

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"strings"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
)

// maxLayers is far above the limit of overlay file systems, which is 127.
const maxLayers = 1000

// A store holds the files of an image by name.
type store interface {
	blob(name string) (blob, error)
	// done says that the blob's content is no longer needed.
	done(b blob)
	Close() error
}

// A directory is a store that keeps requested files open.
type directory struct {
	root *os.Root
	open map[string]*source
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

// readLayout reads the manifest and configuration of an image in the OCI image layout.
func readLayout(files store, ref Reference) (*opened, error) {
	var layout v1.ImageLayout
	if err := readDocument(files, v1.ImageLayoutFile, &layout); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("not an OCI image layout: %w", err)
			if index, indexErr := files.blob(v1.ImageIndexFile); indexErr == nil {
				files.done(index)
				err = damaged(err)
			}
		}
		return nil, err
	}
	if layout.Version != v1.ImageLayoutVersion {
		return nil, fmt.Errorf("%s: version %q, and this program reads %q",
			v1.ImageLayoutFile, layout.Version, v1.ImageLayoutVersion)
	}
	var index v1.Index
	if err := readDocument(files, v1.ImageIndexFile, &index); err != nil {
		return nil, missing(err)
	}
	chosen, err := chooseManifest(index, ref, func(d v1.Descriptor, document any) error { return readBlob(files, d, document) })
	if err != nil {
		return nil, err
	}
	var manifest v1.Manifest
	if err := readBlob(files, chosen.Descriptor, &manifest); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	text, err := blobText(files, manifest.Config)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	config, err := readConfig(text)
	if err != nil {
		return nil, err
	}
	if err := checkPlatform(config, ref.Platform); err != nil {
		return nil, err
	}
	layers, err := layoutLayers(files, manifest, config)
	return &opened{chosen.Digest.String(), chosen.among, text, config.Config.Labels, layers}, err
}

// readConfig reads the JSON of an image's configuration.
func readConfig(text []byte) (config v1.Image, err error) {
	if err = decode(text, &config); err != nil {
		err = fmt.Errorf("configuration: %w", err)
	}
	return config, err
}

// layoutLayers finds the manifest's layers. Each is the tar that the configuration names
// by its diff_id, or compressed.
func layoutLayers(files store, manifest v1.Manifest, config v1.Image) ([]StoredLayer, error) {
	if err := checkLayers(manifest, config); err != nil {
		return nil, err
	}
	var layers []StoredLayer
	for i, descriptor := range manifest.Layers {
		content, err := blobOf(files, descriptor)
		if err != nil {
			return nil, fmt.Errorf("layer %d: %w", i, err)
		}
		layer, err := storedLayer(content, config.RootFS.DiffIDs[i])
		if err != nil {
			return nil, fmt.Errorf("layer %d: %w", i, err)
		}
		if layer.packed == "" && descriptor.Digest.String() != layer.Digest {
			return nil, artifact.Verifyf("layer %d: the manifest says %s, the configuration %s", i, descriptor.Digest, layer.Digest)
		}
		layers = append(layers, layer)
	}
	return layers, nil
}

// checkLayers compares a manifest with its configuration.
func checkLayers(manifest v1.Manifest, config v1.Image) error {
	switch {
	case len(manifest.Layers) != len(config.RootFS.DiffIDs):
		return artifact.Verifyf("%d layers, and the configuration tells of %d",
			len(manifest.Layers), len(config.RootFS.DiffIDs))
	case len(manifest.Layers) > maxLayers:
		return fmt.Errorf("%d layers, more than the %d expected at most", len(manifest.Layers), maxLayers)
	}
	return nil
}

// storedLayer is a blob as a layer with this diff_id.
func storedLayer(content blob, diffID digest.Digest) (StoredLayer, error) {
	if sum, found := strings.CutPrefix(diffID.String(), "sha256:"); !found || !artifact.ValidSHA256(sum) {
		return StoredLayer{}, fmt.Errorf("digest %q is not a sha256 digest", diffID)
	}
	format, err := content.format()
	if err != nil {
		return StoredLayer{}, err
	}
	layer := StoredLayer{Digest: diffID.String(), Size: content.size, packed: format, blob: content}
	if format != "" {
		layer.Size = -1
	}
	return layer, nil
}

// blobOf finds a descriptor's blob and checks its size.
func blobOf(files store, d v1.Descriptor) (blob, error) {
	digest := d.Digest.String()
	sum, err := checkDescriptor(d)
	if err != nil {
		return blob{}, err
	}
	b, err := files.blob(v1.ImageBlobsDir + "/sha256/" + sum)
	if err != nil {
		return blob{}, missing(err)
	}
	if b.size != d.Size {
		return blob{}, artifact.Verifyf("%s: size mismatch: got %d, want %d bytes", digest, b.size, d.Size)
	}
	return b, nil
}

// checkDescriptor returns the digest's 64 digits.
func checkDescriptor(d v1.Descriptor) (string, error) {
	sum, found := strings.CutPrefix(d.Digest.String(), "sha256:")
	if !found || !artifact.ValidSHA256(sum) {
		return "", fmt.Errorf("digest %q is not a sha256 digest", d.Digest)
	}
	if d.Size < 0 {
		return "", artifact.Verifyf("%s: %d bytes", d.Digest, d.Size)
	}
	return sum, nil
}

// blobText reads and verifies the small blob that a descriptor points to.
func blobText(files store, d v1.Descriptor) ([]byte, error) {
	b, err := blobOf(files, d)
	if err != nil {
		return nil, err
	}
	defer files.done(b)
	return b.document(d.Digest.String())
}

// readBlob reads and verifies the JSON document that a descriptor points to.
func readBlob(files store, d v1.Descriptor, document any) error {
	text, err := blobText(files, d)
	if err != nil {
		return err
	}
	return decode(text, document)
}

// readDocument reads the JSON document with this name.
func readDocument(files store, name string, document any) error {
	b, err := files.blob(name)
	if err != nil {
		return err
	}
	defer files.done(b)
	text, err := b.document("")
	if err == nil {
		err = decode(text, document)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
