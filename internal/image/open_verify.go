package image

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Verify reads the whole image once, and holds every layer, every entry of the layers and
// every file against the catalog and its digests. Nothing may be there that the catalog
// does not name. The first thing that does not agree is the error.
func (img *Image) Verify(ctx context.Context) error {
	if img.Layers == nil {
		return verifyTree(ctx, img.root, img.Catalog, func(f *File) (io.ReadCloser, error) { return img.Open(f) })
	}
	layers := make([]layerContent, len(img.Layers))
	for i, layer := range img.Layers {
		layers[i] = localLayer{layer}
	}
	return verifyLayers(ctx, img.Catalog, img.place, layers)
}

// Verify reads the whole image, and holds it against its digests as Image.Verify does.
func (r *Reader) Verify(ctx context.Context) error {
	c, _, err := r.CatalogReader.load(ctx, true)
	if err != nil {
		return err
	}
	if r.layers == nil {
		return verifyTree(ctx, r.root, c, r.file)
	}
	if err := verifyConfig(r.config); err != nil {
		return err
	}
	return verifyLayers(ctx, c, r.place, r.layers)
}

// verifyTree reads the files of an unpacked image one by one, and looks for others.
func verifyTree(ctx context.Context, dir string, c *Catalog, open func(*File) (io.ReadCloser, error)) error {
	known := map[string]bool{HeadName: true, RecordsName: true}
	for i := range c.Files {
		known[c.Files[i].Path] = true
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if err := verifyFile(&c.Files[i], open); err != nil {
			return err
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	return fs.WalkDir(root.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case e.IsDir():
			return nil
		case !known[name] || !e.Type().IsRegular():
			return artifact.Verifyf("%s: the catalog does not name it", name)
		}
		return nil
	})
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
