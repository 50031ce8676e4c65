package builder

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/cache"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/catalog"
	"github.com/minimirror/minimirror/internal/image/layout"
	"github.com/minimirror/minimirror/internal/image/tarlayer"
	"github.com/minimirror/minimirror/internal/lockfile"
	"github.com/minimirror/minimirror/internal/placement"
)

// A Base says which image the new one shares layers with.
type Base struct {
	Image   *image.Reference // an image; nil: the one that mirror.layers beside the lock describes, if there is one
	Compact bool             // keep no layers: build all of them again
}

// base returns the layers of the image that the new one follows.
func (b *Builder) base(ctx context.Context, d *Definition) ([]placement.Layer, error) {
	switch {
	case b.Base.Compact:
		return nil, nil
	case b.Base.Image != nil:
		images, err := openBases(ctx, *b.Base.Image, b.imageOptions())
		if err != nil {
			return nil, err
		}
		return images.layers(), images.Close()
	}
	layers, err := placement.Read(placement.LayersFile(d.LockFile()))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return layers, err
}

// writeLayers writes mirror.layers, if it does not say the same already. Layers of images for architectures for which none was built stay in it.
func (b *Builder) writeLayers(d *Definition, plans []*plan) error {
	var all []placement.Layer
	built := make(map[string]bool)
	for n, p := range plans {
		built[p.architecture] = true
		for i, l := range p.placed {
			if n == 0 || !p.isShared(i) {
				all = append(all, l)
			}
		}
	}
	base := plans[0].base
	if d.split && !built[""] {
		for _, l := range base {
			if l.Architecture != "" && !built[l.Architecture] {
				l.Kept = true
				all = append(all, l)
			}
		}
	}
	same := func(a, b placement.Layer) bool { return a.Kept && a.Architecture == b.Architecture }
	slices.SortStableFunc(all, func(a, b placement.Layer) int { return cmp.Compare(a.Architecture, b.Architecture) })
	if b.Base == (Base{}) && slices.EqualFunc(all, base, same) {
		return nil
	}
	return placement.Write(placement.LayersFile(d.LockFile()), all)
}

func (b *Builder) imageOptions() image.Options {
	return image.Options{Registry: b.Registry, TempDir: b.Cache.TempDir()}
}

// A baseImage is an image whose layers are used again.
type baseImage struct {
	*image.Reader
	catalog *catalog.Catalog // with its unused files
}

func openBase(ctx context.Context, ref image.Reference, o image.Options) (*baseImage, error) {
	ref.Platform = cmp.Or(ref.Platform, image.AnyPlatform)
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

// baseImages are an image, and those for other platforms in its index if each carries the items for its own architecture.
type baseImages []*baseImage

func openBases(ctx context.Context, ref image.Reference, o image.Options) (all baseImages, err error) {
	first, err := openBase(ctx, ref, o)
	if err != nil {
		return nil, err
	}
	all = append(all, first)
	for _, platform := range first.Platforms() {
		if first.Architecture == "" || platform == first.Platform() {
			continue
		}
		ref.Platform = platform
		other, err := openBase(ctx, ref, o)
		if err != nil {
			return nil, errors.Join(err, all.Close())
		}
		all = append(all, other)
	}
	return all, nil
}

// Close closes the images.
func (all baseImages) Close() (err error) {
	for _, img := range all {
		err = errors.Join(err, img.Close())
	}
	return err
}

// layers are the layers of the images, each once.
func (all baseImages) layers() (layers []placement.Layer) {
	for n, img := range all {
		for _, l := range img.layers() {
			if n == 0 || l.Architecture != "" {
				layers = append(layers, l)
			}
		}
	}
	return layers
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
		all[i].Title, all[i].Added = infos[i].Title, infos[i].Added
		if i < len(img.catalog.Layers) && img.catalog.Layers[i].Own {
			all[i].Architecture = img.catalog.Architecture
		}
	}
	stored := make([][]*catalog.File, len(all))
	for _, files := range [][]catalog.File{img.catalog.Files, img.catalog.Unused} {
		for i := range files {
			if f := &files[i]; f.Layer != made {
				stored[f.Layer] = append(stored[f.Layer], f)
			}
		}
	}
	kept := all[:0]
	for i, l := range all {
		if len(stored[i]) > 0 {
			addFiles(&l, stored[i])
			kept = append(kept, l)
		}
	}
	return kept
}

// addFiles adds the files of a layer of an image. Of files in one place, all but the first are links; see placement.Layer.Links.
func addFiles(l *placement.Layer, files []*catalog.File) {
	slices.SortFunc(files, func(a, b *catalog.File) int { return strings.Compare(a.Path, b.Path) })
	first := make(map[int64]placement.File) // by offset
	for _, f := range files {
		placed := placedFile(f)
		l.Files = append(l.Files, placed)
		target, found := first[f.Offset]
		switch {
		case !found:
			first[f.Offset] = placed
		case target.Size == placed.Size && target.SHA256 == placed.SHA256:
			if l.Links == nil {
				l.Links = make(map[string]string)
			}
			l.Links[placed.Path] = target.Path
		}
	}
}

func placedFile(f *catalog.File) placement.File {
	return placement.File{Path: path.Join(layout.Root, f.Path), Size: f.Size, SHA256: f.SHA256}
}

// fromBase copies files of the lock that the cache lacks from the image that was named as the base: what upstream does not
// have any more may still be there. What that lacks, too, is fetched.
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

// cacheProofs keeps in the cache what mirror.proofs has: the image after the next may still have it, when mirror.proofs does not. Whoever
// cannot write to the cache needs the previous image, then.
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

// layOut lays the image out, and brings into the cache what kept layers need besides the files of the lock. Where that cannot be had, those
// layers are given up.
func (b *Builder) layOut(ctx context.Context, plans []*plan, output image.Reference) ([][]*tarlayer.Layer, error) {
	layers, err := layersOf(plans)
	if err != nil {
		return nil, err
	}
	missing, err := b.unused(ctx, plans, output)
	if err != nil || len(missing) == 0 {
		return layers, err
	}
	lacks := func(l placement.Layer) bool {
		return slices.ContainsFunc(slices.Concat(l.Files, l.Unused), func(f placement.File) bool {
			_, lacking := missing[artifact.Content{Size: f.Size, SHA256: f.SHA256}]
			return lacking
		})
	}
	for _, p := range plans {
		p.base = slices.DeleteFunc(slices.Clone(p.base), lacks)
	}
	return layersOf(plans)
}

// layersOf are the layers of each plan. Those that are the same are the same pointer.
func layersOf(plans []*plan) (all [][]*tarlayer.Layer, err error) {
	made := make(map[string]*tarlayer.Layer)
	for _, p := range plans {
		layers, err := p.layers(made)
		if err != nil {
			return nil, err
		}
		all = append(all, layers)
	}
	return all, nil
}

// unused brings into the cache what kept layers need besides the files of the lock: an earlier image has it. It returns what cannot be had.
func (b *Builder) unused(ctx context.Context, plans []*plan, output image.Reference) (missing map[artifact.Content]string, err error) {
	missing = make(map[artifact.Content]string)
	for _, p := range plans {
		for _, l := range p.placed {
			for _, f := range l.Unused {
				if content := (artifact.Content{Size: f.Size, SHA256: f.SHA256}); !b.Cache.Has(content) {
					missing[content] = f.Path
				}
			}
		}
	}
	if len(missing) == 0 {
		return nil, nil
	}
	if b.Base.Image != nil {
		if err := b.copyFrom(ctx, *b.Base.Image, missing); err != nil {
			return nil, err
		}
		for content, name := range missing {
			return nil, artifact.Verifyf("%s: it has no file %s with sha256 %s", b.Base.Image, name, content.SHA256)
		}
		return nil, nil
	}
	err = b.copyFrom(ctx, output, missing) // which often has the previous image
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case len(missing) > 0:
		b.Log.Warn("some layers of the previous image are rebuilt: neither the cache nor the output has all of their files; name that image with --base to keep them",
			"files", len(missing), "output", output.String(), "error", err)
	}
	return missing, nil
}

// copyFrom copies files out of an image into the cache, and removes those that it had from missing, which has their names for people.
func (b *Builder) copyFrom(ctx context.Context, from image.Reference, missing map[artifact.Content]string) error {
	images, err := openBases(ctx, from, b.imageOptions())
	if err != nil {
		return err
	}
	defer images.Close()
	for _, img := range images {
		if err := b.copyFromImage(ctx, img, from, missing); err != nil {
			return err
		}
	}
	return nil
}

func (b *Builder) copyFromImage(ctx context.Context, img *baseImage, from image.Reference, missing map[artifact.Content]string) error {
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
	err := img.Fetch(ctx, wanted, func(f catalog.File) (image.Delivery, error) {
		content := artifact.Content{Size: f.Size, SHA256: f.SHA256}
		w, err := b.Cache.Resume(content)
		if err != nil {
			return nil, err
		}
		if err := w.Reset(); err != nil {
			return nil, errors.Join(err, w.Close())
		}
		return &cached{Writer: w, done: func() {
			mu.Lock()
			defer mu.Unlock()
			delete(missing, content)
			phase.Add(content.Size)
		}}, nil
	})
	phase.End(err)
	return err
}

// cached is an image.Delivery into the cache.
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
