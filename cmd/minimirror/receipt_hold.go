package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/catalog"
	"github.com/minimirror/minimirror/internal/progress"
	"github.com/minimirror/minimirror/internal/receipt"
)

// hold reads what the site has.
func (f *receiptFlags) hold(ctx context.Context, c *command, r *receipt.Receipt) error {
	phase := progress.To(os.Stderr).Phase("read what the site has", 0)
	defer phase.Stop()
	h := &receipt.Holding{Read: phase.Add}
	var refs []image.Reference
	for _, text := range f.images {
		ref, err := c.receiptReference(text)
		if err != nil {
			return err
		}
		if err := f.holdOne(ctx, c, h, ref); err != nil {
			return err
		}
		refs = append(refs, ref)
	}
	h.Fill(r, f.brief)
	return f.imported(r, refs)
}

// imported adds what import remembers.
func (f *receiptFlags) imported(r *receipt.Receipt, refs []image.Reference) error {
	records, err := recordFiles(refs, f.state)
	if err != nil {
		return err
	}
	for _, record := range records {
		imports, err := record.Read()
		if err != nil {
			return err
		}
		for _, i := range imports {
			one := receipt.Import{Name: i.Name, Signer: i.Signer, Sequence: i.Sequence, ID: i.ID}
			if !slices.Contains(r.Imported, one) {
				r.Imported = append(r.Imported, one)
			}
		}
	}
	return nil
}

// receiptReference is where a site has images. A path is a folder or an archive in the OCI layout.
func (c *command) receiptReference(text string) (image.Reference, error) {
	ref, err := image.ParseReadable(text)
	if err != nil {
		return ref, err
	}
	if ref.Transport == image.Anywhere {
		info, err := os.Stat(ref.Path)
		switch {
		case err != nil:
			return ref, hintEmpty(err, ref.Path)
		case info.IsDir():
			ref.Transport = image.OCI
		default:
			ref.Transport = image.OCIArchive
		}
	}
	return ref, nil
}

func hintEmpty(err error, dir string) error {
	if errors.Is(err, fs.ErrNotExist) {
		return artifact.Hint(err, "if the site has nothing yet: mkdir %s", dir)
	}
	return err
}

func (f *receiptFlags) holdOne(ctx context.Context, c *command, h *receipt.Holding, ref image.Reference) error {
	if ref.Transport == image.OCI && ref.Name == "" {
		return hintEmpty(h.AddFolder(ctx, ref.Path), ref.Path)
	}
	src, err := c.openContent(ctx, ref.String(), f.registry)
	if err != nil {
		return err
	}
	return errors.Join(h.AddSource(ctx, src, ref.Transport == image.Docker && !f.read), src.Close())
}

// catalogs are those of the images that are mirrors. One that cannot be read is named, and left out.
func (f *receiptFlags) catalogs(ctx context.Context, c *command, r *receipt.Receipt) (all []*catalog.Catalog) {
	var refs []image.Reference
	for _, text := range f.images {
		ref, err := c.receiptReference(text)
		if err != nil || ref.Transport != image.OCI || ref.Name != "" {
			refs = append(refs, ref)
			continue
		}
		for _, im := range r.Images {
			if im.Complete && im.Name != "" {
				ref.Name = im.Name
				refs = append(refs, ref)
			}
		}
	}
	for _, ref := range refs {
		platforms := []string{image.AnyPlatform}
		for i := 0; i < len(platforms); i++ {
			ref.Platform = platforms[i]
			read, more, err := readCatalog(ctx, ref, image.Options{Registry: *f.registry})
			if err != nil {
				fmt.Fprintf(c.stderr, "warning: %s: what it carries is not known: %s\n", ref, message(err))
				break
			}
			all = append(all, read)
			if i == 0 && read.Architecture != "" { // each platform carries its own
				platforms = append(platforms, more...)
			}
		}
	}
	return all
}

// readCatalog reads the catalog of an image. others are the platforms for which there are images beside it.
func readCatalog(ctx context.Context, ref image.Reference, options image.Options) (read *catalog.Catalog, others []string, err error) {
	img, err := image.OpenReader(ctx, ref, options)
	if err != nil {
		return nil, nil, err
	}
	defer img.Close()
	read, err = img.Load(ctx)
	others = slices.DeleteFunc(slices.Clone(img.Platforms()), func(p string) bool { return p == img.Platform() })
	return read, others, err
}
