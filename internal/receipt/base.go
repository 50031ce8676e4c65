package receipt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/content"
)

// A Base is what a bundle leaves out, because the site has it.
type Base struct {
	ID    string // of the receipt
	Notes []string
	blobs Blobs
}

// Has reports whether the site has a blob.
func (b *Base) Has(d digest.Digest) bool { return b.blobs.Has(d) }

// Base is what the receipt says that the site has. Blobs that a brief receipt implies are found in the sources, if one of them has the image of
// that digest, listed or not; if none has it, its blobs are sent again, and a note says so. The receipt must have been verified.
func (s *Signed) Base(ctx context.Context, sources ...content.Source) (*Base, error) {
	if s.By == "" {
		return nil, artifact.Verifyf("the receipt of %s was not verified", artifact.Printable(s.Receipt.Name))
	}
	b := &Base{ID: s.ID}
	for d := range s.Receipt.Blobs.sizes {
		b.blobs.Add(d, 0)
	}
	for _, im := range s.Receipt.Images {
		if !im.Implied {
			continue
		}
		graph, err := find(ctx, im, sources)
		if err != nil {
			return nil, err
		}
		if graph == nil {
			b.Notes = append(b.Notes, fmt.Sprintf("the receipt of %s says only the digest of the image %s %s, which is not here: its blobs are sent again", oneLine(s.Receipt.Name), oneLine(im.Name), im.Digest))
			continue
		}
		for _, blob := range graph.Blobs {
			b.blobs.Add(blob.Digest, 0)
		}
	}
	return b, nil
}

// find finds an image by its digest; nil: no source has it.
func find(ctx context.Context, im Image, sources []content.Source) (*content.Graph, error) {
	descriptor := v1.Descriptor{MediaType: im.MediaType, Digest: im.Digest, Size: im.Size}
	for _, src := range sources {
		images, err := src.Images(ctx)
		if err != nil {
			return nil, err
		}
		tried := make(map[string]bool)
		for _, beside := range images { // in a registry, it may be in one of their repositories
			repository := RepositoryOf(beside.Name)
			if tried[repository] {
				continue
			}
			tried[repository] = true
			graph, err := content.Walk(ctx, src, []content.Image{{Name: beside.Name, Descriptor: descriptor}})
			if err == nil {
				return graph, nil
			}
			if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, artifact.ErrVerify) {
				return nil, err
			}
		}
	}
	return nil, nil
}

// RepositoryOf is an image's name without its tag or digest.
func RepositoryOf(name string) string {
	name, _, _ = strings.Cut(name, "@")
	if at := strings.LastIndexByte(name, ':'); at > strings.LastIndexByte(name, '/') {
		return name[:at]
	}
	return name
}
