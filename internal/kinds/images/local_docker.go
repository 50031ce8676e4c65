package images

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/klauspost/compress/gzip"
	specs "github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A dockerImage is an entry of manifest.json in an archive of "docker save": Docker image specification 1.2, "Combined Image JSON + Filesystem
// Changeset Format". It has no manifest as registries have.
type dockerImage struct {
	Config   string   // name of a file: "HEX.json"
	RepoTags []string // "REPOSITORY:TAG"
	Layers   []string // names of files, from the lowest on
}

// readDocker makes a manifest for each image. The same configuration and layers give the same manifest, in whatever archive they are.
func (l *local) readDocker(ctx context.Context, registry string, list []byte) error {
	var images []dockerImage
	if err := json.Unmarshal(list, &images); err != nil {
		return fmt.Errorf("manifest.json: %w", err)
	}
	layers := make(map[string]dockerLayer)
	for _, image := range images {
		d, err := l.makeManifest(ctx, image, layers)
		if err != nil {
			return fmt.Errorf("%s: %w", strings.Join(append(image.RepoTags, image.Config), ", "), err)
		}
		names := image.RepoTags
		if len(names) == 0 {
			names = []string{""}
		}
		for _, name := range names {
			if err := l.add(localImage{parseLocalName(name, registry), d}); err != nil {
				return err
			}
		}
	}
	return nil
}

// A dockerLayer is a layer of the archive, and its digest before compression.
type dockerLayer struct {
	v1.Descriptor
	diffID string
}

// makeManifest makes the manifest of an image. layers are those that were read, by their address.
func (l *local) makeManifest(ctx context.Context, image dockerImage, layers map[string]dockerLayer) (d v1.Descriptor, err error) {
	data, err := readStore(l.store, path.Clean(image.Config))
	if err != nil {
		return d, err
	}
	config := l.found(image.Config, v1.MediaTypeImageConfig, sha256Of(data), int64(len(data)))
	if named := "sha256:" + strings.TrimSuffix(strings.TrimPrefix(path.Base(image.Config), "sha256:"), ".json"); validDigest(named) && named != string(config.Digest) {
		return d, artifact.Verifyf("%s: sha256 mismatch: got %s", image.Config, config.Digest)
	}
	var about v1.Image
	if err := json.Unmarshal(data, &about); err != nil {
		return d, fmt.Errorf("%s: %w", image.Config, err)
	}
	if got, want := len(image.Layers), len(about.RootFS.DiffIDs); got != want {
		return d, artifact.Verifyf("it has %d layers, but its configuration names %d", got, want)
	}
	manifest := v1.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageManifest, Config: config, Layers: []v1.Descriptor{}}
	for i, name := range image.Layers {
		address := l.store.address(path.Clean(name))
		layer, known := layers[address]
		if !known {
			if layer, err = l.readLayer(ctx, name); err != nil {
				return d, fmt.Errorf("%s: %w", name, err)
			}
			layers[address] = layer
		}
		if want := string(about.RootFS.DiffIDs[i]); layer.diffID != want {
			return d, artifact.Verifyf("%s: sha256 mismatch: got %s, but the configuration names %s", name, layer.diffID, want)
		}
		manifest.Layers = append(manifest.Layers, layer.Descriptor)
	}
	text, err := json.Marshal(manifest)
	if err != nil {
		return d, err
	}
	d = v1.Descriptor{MediaType: v1.MediaTypeImageManifest, Digest: digestType(sha256Of(text)), Size: int64(len(text))}
	l.made[string(d.Digest)] = text
	return d, nil
}

// found records where the archive has a blob.
func (l *local) found(name, mediaType, digest string, size int64) v1.Descriptor {
	l.blobs[digest] = path.Clean(name)
	return v1.Descriptor{MediaType: mediaType, Digest: digestType(digest), Size: size}
}

// readLayer reads a layer. Its digest before compression is in the configuration of its image, as its diff ID.
func (l *local) readLayer(ctx context.Context, name string) (d dockerLayer, err error) {
	f, size, err := l.store.open(path.Clean(name))
	if err != nil {
		return d, err
	}
	defer f.Close()
	head := make([]byte, 2)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return d, err
	}
	stored, plain := artifact.Content{}.Hasher(), artifact.Content{}.Hasher()
	in := io.TeeReader(io.MultiReader(bytes.NewReader(head[:n]), &untilDone{ctx, f}), stored)
	mediaType := v1.MediaTypeImageLayer
	if string(head[:n]) == "\x1f\x8b" {
		mediaType = v1.MediaTypeImageLayerGzip
		z, err := gzip.NewReader(in)
		if err != nil {
			return d, err
		}
		if _, err := io.Copy(plain, z); err != nil {
			return d, err
		}
		if _, err := io.Copy(io.Discard, in); err != nil {
			return d, err
		}
	} else if _, err := io.Copy(plain, in); err != nil {
		return d, err
	}
	d = dockerLayer{l.found(name, mediaType, "sha256:"+stored.Sum().SHA256, size), "sha256:" + plain.Sum().SHA256}
	digest := string(d.Digest)
	p := filePath(blobFolder, digest)
	l.pinned[p] = artifact.File{Path: p, Size: size, SHA256: stored.Sum().SHA256, URLs: []string{l.addressOf(digest)}}
	return d, nil
}
