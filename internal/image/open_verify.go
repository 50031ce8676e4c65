package image

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Verify reads every layer once and holds it and every file against their digests.
// The first that does not agree is the error: a file, by its path, or a layer
// that is wrong between its files.
func (img *Image) Verify(ctx context.Context) error {
	if img.Layers == nil {
		return verifyFiles(ctx, img.Catalog.Files, func(f *File) (io.ReadCloser, error) { return img.Open(f) })
	}
	layers := make([]layerContent, len(img.Layers))
	for i, layer := range img.Layers {
		layers[i] = localLayer{layer}
	}
	return verifyLayers(ctx, img.Catalog.Files, layers)
}

// Verify reads the whole image, and holds it against its digests as Image.Verify does.
func (r *Reader) Verify(ctx context.Context) error {
	c, _, err := r.CatalogReader.load(ctx, true)
	if err != nil {
		return err
	}
	if r.layers == nil {
		return verifyFiles(ctx, c.Files, r.file)
	}
	return verifyLayers(ctx, c.Files, r.layers)
}

// verifyFiles reads files one by one.
func verifyFiles(ctx context.Context, files []File, open func(*File) (io.ReadCloser, error)) error {
	for i := range files {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if err := verifyFile(&files[i], open); err != nil {
			return err
		}
	}
	return nil
}

func verifyFile(f *File, open func(*File) (io.ReadCloser, error)) error {
	body, err := open(f)
	if err != nil {
		return err
	}
	defer body.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, body); err != nil {
		return fmt.Errorf("%s: %w", f.Path, err)
	}
	return f.agrees(sum)
}

// agrees holds the file against the hash of its content.
func (f *File) agrees(sum hash.Hash) error {
	if got := hex.EncodeToString(sum.Sum(nil)); got != f.SHA256 {
		return artifact.Verifyf("%s: sha256 mismatch: got %s, want %s", f.Path, got, f.SHA256)
	}
	return nil
}

// verifyLayers reads each layer, and the files on the way.
func verifyLayers(ctx context.Context, files []File, layers []layerContent) error {
	byLayer := make([][]*File, len(layers))
	for i := range files {
		byLayer[files[i].Layer] = append(byLayer[files[i].Layer], &files[i])
	}
	for i, layer := range layers {
		if err := verifyLayer(ctx, layer, byLayer[i]); err != nil {
			return fmt.Errorf("layer %d: %w", i, err)
		}
	}
	return nil
}

func verifyLayer(ctx context.Context, layer layerContent, files []*File) error {
	slices.SortFunc(files, comparePlaces)
	body, err := layer.whole(ctx)
	if err != nil {
		return err
	}
	var position int64
	var last *File
	for _, f := range files {
		if last != nil && f.Offset == last.Offset && f.Size == last.Size {
			if f.SHA256 != last.SHA256 {
				return errors.Join(errCatalog("%s and %s are the same bytes, and have other digests", last.Path, f.Path), body.Close())
			}
			continue
		}
		if f.Offset < position {
			return errors.Join(errCatalog("%s and %s overlap", last.Path, f.Path), body.Close())
		}
		sum := sha256.New()
		_, err := io.CopyN(io.Discard, body, f.Offset-position)
		if err == nil {
			_, err = io.CopyN(sum, body, f.Size)
		}
		if err == nil {
			err = f.agrees(sum)
		} else if err == io.EOF {
			err = artifact.Verifyf("%s lies beyond the layer's end", f.Path)
		}
		if err != nil {
			return errors.Join(err, body.Close())
		}
		position, last = f.Offset+f.Size, f
	}
	_, err = io.Copy(io.Discard, body)
	return errors.Join(err, body.Close())
}

// comparePlaces orders files by their place in a layer.
func comparePlaces(a, b *File) int {
	return cmp.Or(cmp.Compare(a.Offset, b.Offset), cmp.Compare(a.Size, b.Size), cmp.Compare(a.Path, b.Path))
}
