package inspect

import (
	"context"
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/needs"
)

// An Item is what is known of an item.
type Item struct {
	ID           string              `json:"id"`
	Kind         string              `json:"kind"`
	Source       string              `json:"source"`
	System       string              `json:"system,omitempty"` // of the nodes that the source is for; empty: for all
	Name         string              `json:"name"`
	Version      string              `json:"version"`
	Architecture string              `json:"architecture,omitempty"`
	PackageURL   string              `json:"purl,omitempty"` // of an artifact.PackageURLer
	Attributes   artifact.Attributes `json:"attributes"`
	Requested    bool                `json:"requested"`
	Security     bool                `json:"security"`
	Size         int64               `json:"size"` // of its files, bytes
	Files        []File              `json:"files"`
	Sets         []InSet             `json:"sets"`

	*Details // nil: not asked for
}

// Details are what takes longer to find, or to read.
type Details struct {
	Description artifact.Description `json:"description"`
	Why         []string             `json:"why"`       // the shortest chain of names from a request to the item
	NeededBy    []string             `json:"needed_by"` // names of items that may need it
	Metadata    []string             `json:"metadata"`  // upstream's own, line by line
}

// A File is a file of an item.
type File struct {
	artifact.File
	Address string `json:"address"` // path on the mirror, not escaped
	*Place         // nil for a lock
}

// A Place is where a file is in an image.
type Place struct {
	Layer  int    `json:"layer"`                  // place in the manifest's list of layers, from 0
	Digest string `json:"layer_digest,omitempty"` // of the uncompressed layer; empty for an unpacked tree
	Offset int64  `json:"offset"`                 // of the content in the uncompressed layer
}

// InSet is a set that an item belongs to.
type InSet struct {
	Name         string `json:"name"`
	System       string `json:"system,omitempty"`
	Architecture string `json:"architecture"`
	Requested    bool   `json:"requested"` // the set requests it; otherwise something else of the set needs it
}

func (s *InSet) nodes() string {
	return (&artifact.Set{System: s.System, Architecture: s.Architecture}).Nodes()
}

// details is what finds sets and Details of items.
type details struct {
	sets  map[string][]InSet // by the ID of the item
	graph *needs.Graph       // nil: no Details
}

func (s *Subject) newDetails(ctx context.Context, all bool) (*details, error) {
	d := &details{sets: map[string][]InSet{}}
	for i := range s.Catalog.Sets {
		set := &s.Catalog.Sets[i]
		requested := make(map[string]bool, len(set.Requested))
		for _, id := range set.Requested {
			requested[id] = true
		}
		for _, id := range set.Items {
			d.sets[id] = append(d.sets[id], InSet{set.Name, set.System, set.Architecture, requested[id]})
		}
	}
	if !all {
		return d, nil
	}
	var err error
	d.graph, err = s.graph(ctx)
	return d, err
}

func (s *Subject) newItem(i *artifact.Item, d *details) Item {
	item := Item{ID: i.ID(), Kind: i.Kind, Source: i.Source, Name: i.Name, Version: i.Version, Architecture: i.Architecture(), Attributes: i.Attributes,
		Requested: i.Requested, Security: i.Security, Size: i.Size(), Files: make([]File, len(i.Files)), Sets: orNone(d.sets[i.ID()])}
	for f := range i.Files {
		file := File{File: i.Files[f], Address: s.address(i, &i.Files[f])}
		file.URLs = orNone(file.URLs)
		if at, is := s.files[i.FileID(&i.Files[f])]; is {
			file.Place = &Place{Layer: at.Layer, Offset: at.Offset}
			if at.Layer < len(s.Layers) {
				file.Digest = s.Layers[at.Layer].Digest
			}
		}
		item.Files[f] = file
	}
	if at := slices.IndexFunc(s.Catalog.Sources, func(source artifact.Source) bool { return source.Name == i.Source }); at >= 0 {
		item.System = s.Catalog.Sources[at].System
		if purler, able := artifact.Able[artifact.PackageURLer](s.kind(i.Kind)); able {
			item.PackageURL = purler.PackageURL(&s.Catalog.Sources[at], i)
		}
	}
	if d.graph != nil {
		item.Details = &Details{Why: orNone(d.graph.Why(item.System, i.Kind, i.Name)), NeededBy: orNone(d.graph.NeededBy(item.System, i.Kind, i.Name)), Metadata: orNone(i.Metadata)}
		if describer, able := artifact.Able[artifact.Describer](s.kind(i.Kind)); able {
			item.Description = describer.Describe(i)
		}
		item.Description.Fields = orNone(item.Description.Fields)
	}
	return item
}

// address is the path on the mirror at which a file is served.
func (s *Subject) address(i *artifact.Item, f *artifact.File) string {
	return artifact.Address(s.kind(i.Kind), i, f)
}
