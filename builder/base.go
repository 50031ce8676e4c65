package builder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"sync"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/cache"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/catalog"
	"github.com/minimirror/minimirror/internal/image/layout"
	"github.com/minimirror/minimirror/internal/lockfile"
	"github.com/minimirror/minimirror/internal/placement"
)

// A Base says with which image the new one shares layers.
type Base struct {
	Image   *image.Reference // an image; nil: the one that mirror.layers beside the lock describes, if there is one
	Compact bool             // none: everything is laid out anew
}

// base returns the layers of the image on which the new one is based.
func (b *Builder) base(ctx context.Context, d *Definition) ([]placement.Layer, error) {
	switch {
	case b.Base.Compact:
		return nil, nil
	case b.Base.Image != nil:
		img, err := openBase(ctx, *b.Base.Image, b.imageOptions())
		if err != nil {
			return nil, err
		}
		return img.layers(), img.Close()
	}
	layers, err := placement.Read(placement.LayersFile(d.LockFile()))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return layers, err
}

func (b *Builder) imageOptions() image.Options {
	return image.Options{Registry: b.Registry, TempDir: b.Cache.TempDir()}
}

// A baseImage is an image whose layers are reused.
type baseImage struct {
	*image.Reader
	catalog *catalog.Catalog // with its unused files
}

func openBase(ctx context.Context, ref image.Reference, o image.Options) (*baseImage, error) {
	r, err := image.OpenReader(ctx, ref, o)
	if err != nil {
		return nil, err
	}
	c, err := r.Load(ctx)
	if err == nil {
		c.Unused, err = r.Unused(ctx)
	}
	if err == nil && r.LayerCount() == 0 {
		err = artifact.Hint(errors.New("an unpacked image has no layers to share"), "name the image itself: a layout, an archive, or one in a registry")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", ref, err), r.Close())
	}
	return &baseImage{r, c}, nil
}

// layers are the layers of files of items and of what upstream signed.
func (img *baseImage) layers() []placement.Layer {
	infos := img.LayerInfos()
	all := make([]placement.Layer, len(infos))
	made := len(all) - 1 // the layer of generated files
	for i := range img.catalog.Files {
		if f := &img.catalog.Files[i]; f.Path == layout.KeyPath {
			made = f.Layer
		}
	}
	for i := range all {
		all[i].Title = infos[i].Title
	}
	for _, files := range [][]catalog.File{img.catalog.Files, img.catalog.Unused} {
		for i := range files {
			if f := &files[i]; f.Layer != made {
				all[f.Layer].Files = append(all[f.Layer].Files, placedFile(f))
			}
		}
	}
	kept := all[:0]
	for _, l := range all {
		if len(l.Files) > 0 {
			kept = append(kept, l)
		}
	}
	return kept
}

func placedFile(f *catalog.File) placement.File {
	return placement.File{Path: path.Join(layout.Root, f.Path), Size: f.Size, SHA256: f.SHA256}
}

// fromBase copies files of the lock that the cache lacks from the image that was named as the base: it may still have
// what upstream has removed. Files that the base also lacks are fetched.
func (b *Builder) fromBase(ctx context.Context, files []*lockedFile, lock *lockfile.Lock) error {
	if b.Base.Image == nil {
		return nil
	}
	missing := make(map[artifact.Content]string)
	for _, w := range slices.Concat(missingFiles(files, b.Cache, ""), missingProofs(lock, b.Cache)) {
		missing[w.Content] = w.Title
	}
	if len(missing) == 0 {
		return nil
	}
	return b.copyFrom(ctx, *b.Base.Image, missing)
}

// cacheProofs stores the content of mirror.proofs in the cache: a later image may keep a proof that mirror.proofs no longer has.
// Without a writable cache, such a build needs the previous image.
func (b *Builder) cacheProofs(lock *lockfile.Lock) {
	for i := range lock.Sources {
		for _, r := range lock.Sources[i].Releases {
			for _, p := range r.Proofs {
				content := artifact.Content{Size: p.Size, SHA256: p.SHA256}
				if p.Data == nil || b.Cache.Has(content) {
					continue
				}
				w, err := b.Cache.Resume(content)
				if err != nil {
					return
				}
				if err = w.Reset(); err == nil {
					if _, err = w.Write(p.Data); err == nil {
						err = w.Commit()
					}
				}
				if errors.Join(err, w.Close()) != nil {
					return
				}
			}
		}
	}
}

// unused copies into the cache the files that kept layers need besides those of the lock: an earlier image has them.
func (b *Builder) unused(ctx context.Context, p *plan, output image.Reference) error {
	missing := make(map[artifact.Content]string)
	for _, l := range p.placed {
		for _, f := range l.Unused {
			if content := (artifact.Content{Size: f.Size, SHA256: f.SHA256}); !b.Cache.Has(content) {
				missing[content] = f.Path
			}
		}
	}
	if len(missing) == 0 {
		return nil
	}
	from := output // often has the image before
	if b.Base.Image != nil {
		from = *b.Base.Image
	}
	err := b.copyFrom(ctx, from, missing)
	if b.Base.Image == nil && len(missing) > 0 && ctx.Err() == nil {
		return artifact.Hint(fmt.Errorf("the layers of the image before have %d files that are not in the cache, and not in %s", len(missing), from),
			"name that image, --base REFERENCE; or lay everything out anew, --compact: then all layers are new to those who have that image")
	}
	if err == nil && len(missing) > 0 {
		for content, name := range missing {
			return fmt.Errorf("%s: it has no file %s with sha256 %s", from, name, content.SHA256)
		}
	}
	return err
}

// copyFrom copies files from an image into the cache, and removes them from missing, which maps files to display names.
func (b *Builder) copyFrom(ctx context.Context, from image.Reference, missing map[artifact.Content]string) error {
	img, err := openBase(ctx, from, b.imageOptions())
	if err != nil {
		return err
	}
	defer img.Close()
	var wanted []catalog.File
	var size int64
	found := make(map[artifact.Content]bool, len(missing))
	for _, files := range [][]catalog.File{img.catalog.Files, img.catalog.Unused} {
		for i := range files {
			content := artifact.Content{Size: files[i].Size, SHA256: files[i].SHA256}
			if _, want := missing[content]; want && !found[content] {
				found[content] = true
				wanted = append(wanted, files[i])
				size += content.Size
			}
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	phase := b.Progress.Phase(fmt.Sprintf("copy %d files from %s", len(wanted), from), size)
	var mu sync.Mutex
	err = img.Fetch(ctx, wanted, func(f catalog.File) (image.Delivery, error) {
		content := artifact.Content{Size: f.Size, SHA256: f.SHA256}
		w, err := b.Cache.Resume(content)
		if err != nil {
			return nil, err
		}
		return &cached{Writer: w, done: func() {
			mu.Lock()
			defer mu.Unlock()
			delete(missing, content)
			phase.Add(content.Size)
		}}, w.Reset()
	})
	phase.End(err)
	return err
}

// cached is an image.Delivery that writes to the cache.
type cached struct {
	*cache.Writer
	done func()
}

func (c *cached) Commit() error {
	err := c.Writer.Commit()
	if err == nil {
		c.done()
	}
	return errors.Join(err, c.Close())
}

func (c *cached) Abort() { c.Close() }
