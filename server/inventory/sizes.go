package inventory

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/catalog"
)

// Sizes say what the image weighs.
type Sizes struct {
	Size    int64 // of the items' files, each content once, bytes
	Origins []OriginSize
	Layers  []LayerSize // in the manifest's order
	Months  []MonthSize // from the first
	Undated int64       // bytes in layers of files of which it is not known since when they are there
	// New and NewSize are the layers of files that were added with the image's own lock; 0 if all were, as in a first image.
	New     int
	NewSize int64 // bytes of their files
}

// An OriginSize is the size of the files of items that were made from the same: see artifact.Originator. Items of other kinds are each
// by themselves.
type OriginSize struct {
	Kind, Name string
	Items      int
	Size       int64 // bytes
}

// A LayerSize is what a layer holds.
type LayerSize struct {
	Title        string    // empty: it is not known
	Added        time.Time // as catalog.LayerAbout; zero: it is not known
	Used, Unused int64     // bytes of its files that the image offers, and of others
	New          bool      // see Sizes.New
}

// A MonthSize is what the layers hold that were added in a month.
type MonthSize struct {
	Month        string // "2024-01"
	Layers       int
	Used, Unused int64 // as LayerSize
}

// Sizes finds the sizes, the first time from the whole catalog. Origins are sorted from the largest. They must not be changed.
func (v *Inventory) Sizes(ctx context.Context) (*Sizes, error) { return v.sizes.get(ctx, v.findSizes) }

func (v *Inventory) findSizes(ctx context.Context) (*Sizes, error) {
	s := new(Sizes)
	if err := v.findOrigins(ctx, s); err != nil {
		return nil, err
	}
	return s, v.findLayers(ctx, s)
}

func (v *Inventory) findOrigins(ctx context.Context, s *Sizes) error {
	originators := make(map[string]artifact.Originator)
	for _, kind := range v.Kinds {
		if originator, able := artifact.Able[artifact.Originator](kind); able {
			originators[kind.Name()] = originator
		}
	}
	type key struct{ kind, name string }
	places, counted := make(map[key]int), make(map[artifact.Content]bool)
	err := v.Image.EachItem(ctx, func(i *artifact.Item) error {
		k := key{i.Kind, i.Name}
		if originator := originators[i.Kind]; originator != nil {
			origin := originator.Origin(i)
			k.name, _ = origin.Of(i)
		}
		at, known := places[k]
		if !known {
			k = key{strings.Clone(k.kind), strings.Clone(k.name)} // they are parts of a block
			at = len(s.Origins)
			places[k] = at
			s.Origins = append(s.Origins, OriginSize{Kind: k.kind, Name: k.name})
		}
		s.Origins[at].Items++
		for f := range i.Files {
			if content := i.Files[f].Content(); !counted[content] {
				content.SHA256 = strings.Clone(content.SHA256) // it is a part of a block
				counted[content] = true
				s.Origins[at].Size += i.Files[f].Size
				s.Size += i.Files[f].Size
			}
		}
		return nil
	})
	slices.SortFunc(s.Origins, func(a, b OriginSize) int {
		return cmp.Or(cmp.Compare(b.Size, a.Size), strings.Compare(a.Name, b.Name), strings.Compare(a.Kind, b.Kind))
	})
	return err
}

// further are the layers after those of files: see package image.
var further = []string{"program", "repository metadata", "catalog"}

// findLayers counts the files in layers. An unpacked image has no layers, but its catalog tells them.
func (v *Inventory) findLayers(ctx context.Context, s *Sizes) error {
	unused, err := v.Image.Unused(ctx)
	if err != nil {
		return err
	}
	c := v.Image.Catalog
	most := len(v.Image.Layers)
	for i := range c.Files {
		most = max(most, c.Files[i].Layer+1)
	}
	for i := range unused {
		most = max(most, unused[i].Layer+1)
	}
	s.Layers = make([]LayerSize, most)
	counted := make(map[catalog.Place]bool, len(c.Files)) // a content may have several paths
	first := func(f *catalog.File) bool {
		at := catalog.Place{Layer: f.Layer, Offset: f.Offset}
		again := counted[at]
		counted[at] = true
		return !again
	}
	for i := range c.Files {
		if f := &c.Files[i]; first(f) {
			s.Layers[f.Layer].Used += f.Size
		}
	}
	for i := range unused {
		if f := &unused[i]; first(f) {
			s.Layers[f.Layer].Unused += f.Size
		}
	}
	months := make(map[string]*MonthSize)
	for i := range s.Layers {
		l := &s.Layers[i]
		if l.Used+l.Unused == 0 && i < len(v.Image.Layers) {
			l.Used = max(v.Image.Layers[i].Size, 0) // of the program and the catalog, which does not list itself
		}
		if i >= len(c.Layers) {
			if after := i - len(c.Layers); len(c.Layers) > 0 && after < len(further) {
				l.Title = further[after]
			}
			continue
		}
		l.Title, l.Added = c.Layers[i].Title, c.Layers[i].Added
		if l.Added.IsZero() {
			s.Undated += l.Used + l.Unused
			continue
		}
		if l.Added.Equal(c.Date) {
			l.New = true
			s.New++
			s.NewSize += l.Used + l.Unused
		}
		name := l.Added.UTC().Format("2006-01")
		if months[name] == nil {
			months[name] = &MonthSize{Month: name}
		}
		months[name].Layers++
		months[name].Used += l.Used
		months[name].Unused += l.Unused
	}
	if s.New == len(c.Layers) { // there is nothing to compare them with
		s.New, s.NewSize = 0, 0
		for i := range s.Layers {
			s.Layers[i].New = false
		}
	}
	for _, month := range months {
		s.Months = append(s.Months, *month)
	}
	slices.SortFunc(s.Months, func(a, b MonthSize) int { return strings.Compare(a.Month, b.Month) })
	return nil
}
