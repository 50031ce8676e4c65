package image

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
)

// dockerManifestFile lists the images of a docker-archive.
const dockerManifestFile = "manifest.json"

// dockerManifest is one image of a docker-archive's manifest.json (Docker image
// specification 1.2, "combined image JSON + filesystem changeset format").
type dockerManifest struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// readDocker reads the manifest and configuration of an image that docker save, skopeo or BuildKit wrote. The
// manifest has no digests: the configuration is trusted, or verified if its
// name is its digest, and its diff_ids verify the layers.
func (a *archive) readDocker(ref Reference) (*opened, error) {
	var manifests []dockerManifest
	if err := readDocument(a, dockerManifestFile, &manifests); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("not a docker-archive: %w", err)
		}
		return nil, err
	}
	manifest, err := chooseDocker(manifests, ref.Name)
	if err != nil {
		return nil, err
	}
	switch {
	case manifest.Config == "":
		return nil, errIncomplete(dockerManifestFile, "names no configuration (Config)")
	case len(manifest.Layers) == 0:
		return nil, errIncomplete(dockerManifestFile, "names no layers (Layers)")
	}
	text, err := a.dockerConfig(manifest.Config)
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
	descriptors := v1.Manifest{Layers: make([]v1.Descriptor, len(manifest.Layers))}
	if err := checkLayers(descriptors, config); err != nil {
		return nil, err
	}
	var layers []StoredLayer
	for i, file := range manifest.Layers {
		content, err := a.blob(path.Clean(file))
		if err != nil {
			return nil, fmt.Errorf("layer %d: %w", i, missing(err))
		}
		layer, err := storedLayer(content, config.RootFS.DiffIDs[i])
		if err != nil {
			return nil, fmt.Errorf("layer %d: %w", i, err)
		}
		layers = append(layers, layer)
	}
	return &opened{config: text, labels: config.Config.Labels, layers: layers}, nil
}

func (a *archive) dockerConfig(file string) ([]byte, error) {
	b, err := a.blob(path.Clean(file))
	if err != nil {
		return nil, missing(err)
	}
	return b.document(configDigest(file))
}

// configDigest returns the digest that a configuration's file name states:
// HEX.json, or blobs/sha256/HEX.
func configDigest(file string) string {
	sum := strings.TrimSuffix(path.Base(file), ".json")
	if !artifact.ValidSHA256(sum) {
		return ""
	}
	return "sha256:" + sum
}

// chooseDocker finds the image with a tag, or the only one.
func chooseDocker(manifests []dockerManifest, tag string) (dockerManifest, error) {
	var tags []string
	for _, m := range manifests {
		if tag != "" && slices.ContainsFunc(m.RepoTags, func(t string) bool { return t == tag || fullTag(t) == fullTag(tag) }) {
			return m, nil
		}
		tags = append(tags, m.RepoTags...)
	}
	switch {
	case len(manifests) == 0:
		return dockerManifest{}, errIncomplete(dockerManifestFile, "names no image")
	case tag != "":
		return dockerManifest{}, errWhich(fmt.Sprintf("no image is called %q", tag), tags)
	case len(manifests) > 1:
		return dockerManifest{}, errWhich(fmt.Sprintf("there are %d images, and the reference does not name one", len(manifests)), tags)
	}
	return manifests[0], nil
}

// fullTag adds the default registry and tag: docker.io/library/NAME:latest.
func fullTag(tag string) string {
	ref, err := name.ParseReference(tag, name.WithDefaultRegistry("docker.io"))
	if err != nil {
		return tag
	}
	return ref.Name()
}
