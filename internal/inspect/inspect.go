// Package inspect tells what an image or a lock holds, without a server: sources and their releases, sets, sizes, and the items
// with all that is known of them. It is for the verb of this name.
package inspect

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/catalog"
	"github.com/minimirror/minimirror/internal/image/layout"
	"github.com/minimirror/minimirror/internal/lockfile"
	"github.com/minimirror/minimirror/internal/needs"
	"github.com/minimirror/minimirror/internal/signing"
)

// A Subject is an image or a lock.
type Subject struct {
	Reference string // as the user wrote it
	// Catalog is the image's, in full, or what an image of the lock would have, without Files.
	Catalog *catalog.Catalog
	Kinds   []artifact.Kind

	// These are empty for a lock, and partly for an image that does not tell them.
	IsImage  bool
	Digest   string   // of the manifest, "sha256:…"
	Index    string   // digest of the index of several images, from which this one was chosen, "sha256:…"
	Platform string   // of the program inside
	Others   []string // platforms of all images of the index
	Layers   []image.LayerInfo
	Unused   Unused
	Keys     []signing.Info // that signed what the mirror says
	NoKey    error          // why Keys could not be read

	// Definition is the digest of the definition of a lock, "sha256:…"; empty for an image.
	Definition string

	files map[string]catalog.File
}

// FromImage reads an image's catalog.
func FromImage(ctx context.Context, reference string, r *image.Reader, kinds []artifact.Kind) (*Subject, error) {
	listed, err := r.Load(ctx)
	if err != nil {
		return nil, err
	}
	s := &Subject{Reference: reference, Catalog: listed, Kinds: kinds, IsImage: true, Digest: r.Digest, Index: r.IndexDigest(), Platform: r.Platform(), Others: r.Platforms(), Layers: r.LayerInfos(),
		files: make(map[string]catalog.File, len(listed.Files))}
	for _, f := range listed.Files {
		s.files[f.Path] = f
	}
	s.Unused.Files, s.Unused.Size = r.CountUnused()
	public, err := r.ReadFile(ctx, layout.KeyPath)
	if err != nil {
		return nil, err
	}
	s.Keys, s.NoKey = signing.ReadPublic(public)
	return s, nil
}

// FromLock takes a lock and the digest of its file.
func FromLock(reference string, l *lockfile.Lock, digest string, kinds []artifact.Kind) *Subject {
	return &Subject{Reference: reference, Kinds: kinds, Definition: l.Definition, Catalog: &catalog.Catalog{
		Name: l.Name, Date: l.Date, Lock: digest, Sources: l.Sources, Sets: l.Sets, Items: l.Items, Aliases: catalog.Aliases(kinds, l.Items)}}
}

// graph says why items are carried, and what needs them.
func (s *Subject) graph(ctx context.Context) (*needs.Graph, error) {
	return needs.New(ctx, s.Catalog, s.Kinds, func(_ context.Context, take func(*artifact.Item) error) error {
		for i := range s.Catalog.Items {
			if err := take(&s.Catalog.Items[i]); err != nil {
				return err
			}
		}
		return ctx.Err()
	})
}

// kind finds a kind by its name; nil: this program does not have it.
func (s *Subject) kind(name string) artifact.Kind {
	for _, k := range s.Kinds {
		if k.Name() == name {
			return k
		}
	}
	return nil
}

// File finds a file of the image: by its name in the catalog, or by the address of a file of an item, without the first slash. The
// error is fs.ErrNotExist.
func (s *Subject) File(name string) (catalog.File, error) {
	if f, is := s.files[name]; is {
		return f, nil
	}
	for i := range s.Catalog.Items {
		item := &s.Catalog.Items[i]
		for f := range item.Files {
			if s.address(item, &item.Files[f]) == "/"+name {
				return s.files[item.FileID(&item.Files[f])], nil
			}
		}
	}
	return catalog.File{}, fmt.Errorf("the image has no file %s: %w", name, fs.ErrNotExist)
}
