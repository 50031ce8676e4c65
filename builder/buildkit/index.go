package buildkit

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// definition says where BuildKit finds the image.
func (s *sourceImage) definition(ctx context.Context) (*llb.Definition, error) {
	state := llb.OCILayout(layoutName+"@"+s.manifest.String(), llb.OCIStore("", storeID))
	return state.Marshal(ctx, llb.Platform(s.platform))
}

// build is a gateway.BuildFunc: it has BuildKit make an index of all images.
func (s *source) build(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
	index := gateway.NewResult()
	var known exptypes.Platforms
	for i := range s.images {
		img := &s.images[i]
		definition, err := img.definition(ctx)
		if err != nil {
			return nil, err
		}
		solved, err := c.Solve(ctx, gateway.SolveRequest{Definition: definition.ToPB()})
		if err != nil {
			return nil, err
		}
		ref, err := solved.SingleRef()
		if err != nil {
			return nil, err
		}
		id := platforms.FormatAll(img.platform)
		index.AddRef(id, ref)
		index.AddMeta(exptypes.ExporterImageConfigKey+"/"+id, img.config)
		known.Platforms = append(known.Platforms, exptypes.Platform{ID: id, Platform: img.platform})
	}
	text, err := json.Marshal(known)
	index.AddMeta(exptypes.ExporterPlatformsKey, text)
	return index, err
}

// manifests are the image's manifests: one, or those of the index.
func (img *baked) manifests(ctx context.Context) ([]ocispec.Descriptor, error) {
	if img.manifest.MediaType != ocispec.MediaTypeImageIndex {
		return []ocispec.Descriptor{img.manifest}, nil
	}
	text, err := content.ReadBlob(ctx, img.store, img.manifest)
	if err != nil {
		return nil, err
	}
	var index ocispec.Index
	if err := json.Unmarshal(text, &index); err != nil {
		return nil, fmt.Errorf("buildkit: index: %w", err)
	}
	return index.Manifests, nil
}

// documents are the blobs of the image besides the layers; each follows those that it names.
func (img *baked) documents(ctx context.Context) (all []ocispec.Descriptor, err error) {
	manifests, err := img.manifests(ctx)
	if err != nil {
		return nil, err
	}
	for _, d := range manifests {
		text, err := content.ReadBlob(ctx, img.store, d)
		if err != nil {
			return nil, err
		}
		var manifest ocispec.Manifest
		if err := json.Unmarshal(text, &manifest); err != nil {
			return nil, fmt.Errorf("buildkit: manifest: %w", err)
		}
		all = append(all, manifest.Config, d)
	}
	if img.manifest.MediaType == ocispec.MediaTypeImageIndex {
		all = append(all, img.manifest)
	}
	return all, nil
}
