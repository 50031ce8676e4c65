package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	godigest "github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/catalog"
	"github.com/minimirror/minimirror/internal/image/registry"
)

// A repository has an image: a registry's, or one that keeps what was read. See *registry.Repository.
type repository interface {
	Manifest(ctx context.Context, reference string) (data []byte, mediaType, digest string, err error)
	Blob(ctx context.Context, b registry.Blob) io.ReadCloser
	Part(ctx context.Context, b registry.Blob, offset, size int64) (io.ReadCloser, error)
}

// A registryLayer is a layer in a registry, compressed or not.
type registryLayer struct {
	StoredLayer
	repository repository
	content    registry.Blob // as the registry has it
}

func (l registryLayer) part(ctx context.Context, offset, size int64) (io.ReadCloser, error) {
	if l.packed != "" {
		return nil, errNoParts
	}
	return l.repository.Part(ctx, l.content, offset, size)
}

func (l registryLayer) whole(ctx context.Context) (io.ReadCloser, error) {
	body := l.repository.Blob(ctx, l.content)
	if l.packed == "" {
		return body, nil // verifies itself
	}
	body, err := decompress(body)
	if err != nil {
		return nil, err
	}
	return verifyingReader(body, l.Digest), nil
}

// openRegistry reads the manifest and configuration of an image in a registry.
func (r *Reader) openRegistry(ctx context.Context, ref Reference, o Options) error {
	repository, err := registry.Open(ref.Path, o.Registry)
	if err != nil {
		return err
	}
	r.close = append(r.close, repository.Close)
	r.received = repository.Received
	opened, layers, err := r.readRegistry(ctx, repository, ref)
	if err != nil {
		return err
	}
	return r.load(ctx, opened, layers, o)
}

// readRegistry reads the manifest and configuration.
func (r *Reader) readRegistry(ctx context.Context, repository repository, ref Reference) (*opened, []layerContent, error) {
	manifest, among, err := r.chooseInRegistry(ctx, repository, ref)
	if err != nil {
		return nil, nil, err
	}
	text, err := readSmall(ctx, repository, manifest.Config)
	if err != nil {
		return nil, nil, fmt.Errorf("configuration: %w", err)
	}
	config, err := readConfig(text)
	if err != nil {
		return nil, nil, err
	}
	if err := checkPlatform(config, ref.Platform); err != nil {
		return nil, nil, err
	}
	if err := checkLayers(*manifest, config); err != nil {
		return nil, nil, err
	}
	opened := &opened{digest: r.Digest, among: among, config: text, labels: config.Config.Labels}
	var layers []layerContent
	for i, d := range manifest.Layers {
		if _, err := checkDescriptor(d); err != nil {
			return nil, nil, fmt.Errorf("layer %d: %w", i, err)
		}
		stored := StoredLayer{Digest: config.RootFS.DiffIDs[i].String(), Size: d.Size}
		if stored.Digest != d.Digest.String() {
			stored.Size, stored.packed = -1, d.MediaType
		}
		opened.layers = append(opened.layers, stored)
		layers = append(layers, registryLayer{stored, repository, registry.Blob{Digest: d.Digest.String(), Size: d.Size}})
	}
	return opened, layers, nil
}

// chooseInRegistry finds the manifest for a tag or digest and a platform.
func (r *Reader) chooseInRegistry(ctx context.Context, repository repository, ref Reference) (*v1.Manifest, platformIndex, error) {
	var among platformIndex
	data, mediaType, digest, err := repository.Manifest(ctx, ref.Name)
	if err != nil {
		return nil, among, err
	}
	r.Reference.Name = digest
	var index v1.Index
	if err := json.Unmarshal(data, &index); err != nil {
		return nil, among, fmt.Errorf("manifest: %w", err)
	}
	if index.MediaType != "" {
		mediaType = index.MediaType // what the digest covers
	}
	if mediaType == v1.MediaTypeImageIndex || mediaType == dockerManifestList {
		whole := v1.Descriptor{Digest: godigest.Digest(digest)}
		chosen, err := chooseImage(whole, index.Manifests, ref.Platform, func(d v1.Descriptor, document any) error {
			text, err := readManifest(ctx, repository, d)
			if err != nil {
				return err
			}
			return json.Unmarshal(text, document)
		})
		if err != nil {
			return nil, among, err
		}
		if data, err = readManifest(ctx, repository, chosen.Descriptor); err != nil {
			return nil, among, fmt.Errorf("manifest: %w", err)
		}
		digest, among = chosen.Digest.String(), chosen.among
	}
	r.Digest = digest
	var manifest v1.Manifest
	if err := json.Unmarshal(data, &manifest); err != nil {
		return nil, among, fmt.Errorf("manifest: %w", err)
	}
	if manifest.Config.Digest == "" {
		return nil, among, catalog.ForeignError("its manifest has no configuration")
	}
	return &manifest, among, nil
}

func readManifest(ctx context.Context, repository repository, d v1.Descriptor) ([]byte, error) {
	if _, err := checkDescriptor(d); err != nil {
		return nil, err
	}
	data, _, _, err := repository.Manifest(ctx, d.Digest.String())
	if err == nil && int64(len(data)) != d.Size {
		err = artifact.Verifyf("%s: size mismatch: got %d, want %d bytes", d.Digest, len(data), d.Size)
	}
	return data, err
}

// readSmall reads a blob into memory.
func readSmall(ctx context.Context, repository repository, d v1.Descriptor) ([]byte, error) {
	if _, err := checkDescriptor(d); err != nil {
		return nil, err
	}
	if d.Size > maxDocument {
		return nil, fmt.Errorf("%d bytes, more than the %d expected at most", d.Size, maxDocument)
	}
	body := repository.Blob(ctx, registry.Blob{Digest: d.Digest.String(), Size: d.Size})
	data, err := io.ReadAll(body)
	return data, errors.Join(err, body.Close())
}
