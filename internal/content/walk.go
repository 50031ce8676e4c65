package content

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A Graph is what images consist of.
type Graph struct {
	Images []Image
	// Blobs has each blob once: manifests, indexes and configurations first, children before what lists them, then layers. The order depends on
	// the images alone.
	Blobs []Blob
	// Notes say what is left out, and why: images of an index that the source does not have, layers that are elsewhere by intention.
	Notes []string
}

// maxDepth is how deep indexes may list indexes.
const maxDepth = 8

// Walk reads the manifests of the images, and lists their blobs. It verifies the manifests, and reads nothing else.
func Walk(ctx context.Context, src Source, images []Image) (*Graph, error) {
	w := walk{src: src, graph: &Graph{Images: images}, seen: map[string]bool{}}
	for i, im := range images {
		if err := w.manifest(ctx, i, im.Descriptor, 0); err != nil {
			return nil, fmt.Errorf("%s: %w", im.Title(), err)
		}
	}
	w.graph.Blobs = append(w.graph.Blobs, w.layers...)
	return w.graph, nil
}

// Title names the image for people.
func (im Image) Title() string {
	if im.Name != "" {
		return im.Name
	}
	return im.Digest.String()
}

type walk struct {
	src    Source
	graph  *Graph
	layers []Blob
	seen   map[string]bool // digests
}

func (w *walk) manifest(ctx context.Context, image int, d v1.Descriptor, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("%s: indexes within indexes, more than %d deep", d.Digest, maxDepth)
	}
	b := BlobOf(d)
	if err := CheckBlob(b); err != nil {
		return err
	}
	if w.seen[b.Digest.String()] {
		return nil
	}
	b.Image = image
	body, err := w.src.Open(ctx, w.graph.Images[image], b, 0)
	if err != nil {
		return err
	}
	data, err := ReadAll(body, b)
	if err = errors.Join(err, body.Close()); err != nil {
		return err
	}
	m, err := ReadManifest(data)
	if err != nil {
		return fmt.Errorf("%s: %w", b.Digest, err)
	}
	w.seen[b.Digest.String()] = true
	for _, child := range m.Manifests {
		err := w.child(ctx, image, child, depth)
		if errors.Is(err, fs.ErrNotExist) {
			w.note("the index %s lists %s%s, which %s does not have: it is left out", b.Digest, child.Digest, platformText(child.Platform), w.src)
		} else if err != nil {
			return err
		}
	}
	if m.Config != nil {
		w.graph.Blobs = w.add(w.graph.Blobs, image, *m.Config)
	}
	for _, layer := range m.Layers {
		if len(layer.URLs) > 0 {
			if there, err := w.isThere(ctx, image, layer); err != nil {
				return err
			} else if !there {
				w.note("the layer %s of %s is not to be distributed: clients fetch it from %s: it is left out", layer.Digest, b.Digest, layer.URLs[0])
				continue
			}
		}
		w.layers = w.add(w.layers, image, layer)
	}
	w.graph.Blobs = append(w.graph.Blobs, b)
	return nil
}

// child is an entry of an index: a manifest, or rarely another blob. fs.ErrNotExist: that very entry is not there.
func (w *walk) child(ctx context.Context, image int, d v1.Descriptor, depth int) error {
	if there, err := w.isThere(ctx, image, d); err != nil {
		return err
	} else if !there {
		return fs.ErrNotExist
	}
	if !IsManifest(d.MediaType) {
		w.layers = w.add(w.layers, image, d)
		return nil
	}
	if err := w.manifest(ctx, image, d, depth+1); err != nil {
		if errors.Is(err, fs.ErrNotExist) { // a blob below it
			return artifact.Verifyf("%s: incomplete: %v", d.Digest, err)
		}
		return err
	}
	return nil
}

func (w *walk) isThere(ctx context.Context, image int, d v1.Descriptor) (bool, error) {
	if w.seen[d.Digest.String()] {
		return true, nil
	}
	body, err := w.src.Open(ctx, w.graph.Images[image], BlobOf(d), 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, body.Close()
}

func (w *walk) add(list []Blob, image int, d v1.Descriptor) []Blob {
	if w.seen[d.Digest.String()] {
		return list
	}
	w.seen[d.Digest.String()] = true
	b := BlobOf(d)
	b.Image = image
	return append(list, b)
}

func (w *walk) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(w.graph.Notes, text) {
		w.graph.Notes = append(w.graph.Notes, text)
	}
}

func platformText(p *v1.Platform) string {
	if p == nil {
		return ""
	}
	text := " (" + p.OS + "/" + p.Architecture
	if p.Variant != "" {
		text += "/" + p.Variant
	}
	return text + ")"
}
