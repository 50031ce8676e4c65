package buildkit

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/tarlayer"
)

// A layerSet is the layers of all images, each once, and their descriptors as blobs.
type layerSet struct {
	layers      []*tarlayer.Layer
	notes       tarlayer.Notes
	descriptors []ocispec.Descriptor
	distinct    []ocispec.Descriptor // without those that are a layer again
	byDigest    map[digest.Digest]*tarlayer.Layer
}

// describe finds every layer's digest: from the notes, else by reading it.
func describe(ctx context.Context, o Options, progress *meter) (*layerSet, error) {
	for _, img := range o.images() {
		if len(img.Layers) == 0 {
			return nil, errors.New("an image needs at least one layer")
		}
	}
	layers := o.layers()
	set := &layerSet{layers: layers, notes: o.Notes, descriptors: make([]ocispec.Descriptor, len(layers)), byDigest: make(map[digest.Digest]*tarlayer.Layer)}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(1, runtime.GOMAXPROCS(0)/2)) // a layer takes two cores
	for i, l := range layers {
		group.Go(func() (err error) {
			read := false
			set.descriptors[i], err = l.Descriptor(ctx, o.Notes, func(n int) {
				read = true
				progress.add(n)
			})
			if !read {
				progress.skip(l.Size())
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for i, d := range set.descriptors {
		if set.byDigest[d.Digest] == nil {
			set.distinct = append(set.distinct, d)
		}
		set.byDigest[d.Digest] = layers[i]
	}
	return set, nil
}

// of returns the descriptors of some layers of the set.
func (s *layerSet) of(layers []*tarlayer.Layer) []ocispec.Descriptor {
	descriptors := make([]ocispec.Descriptor, len(layers))
	for i, l := range layers {
		descriptors[i] = s.descriptors[slices.Index(s.layers, l)]
	}
	return descriptors
}

// verify reads all layers again after the digest of one turned out wrong, to say
// which file is.
func (s *layerSet) verify(ctx context.Context) error {
	for i, l := range s.layers {
		sum, err := l.Verify(ctx, nil)
		if err != nil {
			return err
		}
		if want := s.descriptors[i].Digest; sum != want {
			if s.notes != nil {
				l.Forget(s.notes)
			}
			return artifact.Hint(artifact.Verifyf("layer %d: digest mismatch: got %s, noted %s", i, sum, want),
				"the note is gone now: run the same command again")
		}
	}
	return nil
}

// complete returns the configuration with everything that depends on the layers.
func complete(config ocispec.Image, layers []ocispec.Descriptor) (ocispec.Image, error) {
	if config.OS == "" || config.Architecture == "" {
		return config, errors.New("the image's configuration names no os or no architecture")
	}
	created := epoch(config)
	config.Created = &created
	config.RootFS = ocispec.RootFS{Type: "layers"}
	for _, d := range layers {
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, d.Digest) // uncompressed: both digests are one
	}
	if len(config.History) == 0 {
		for range layers {
			config.History = append(config.History, ocispec.History{Created: &created, CreatedBy: "minimirror build"})
		}
	}
	described := 0
	history := make([]ocispec.History, len(config.History))
	for i, h := range config.History {
		if h.Created == nil {
			h.Created = &created
		}
		if !h.EmptyLayer {
			described++
		}
		history[i] = h
	}
	config.History = history
	if described != len(layers) {
		return config, fmt.Errorf("the image's configuration has a history of %d layers, not %d", described, len(layers))
	}
	return config, nil
}
