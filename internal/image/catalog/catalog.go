// Package catalog reads and writes the image's list of its contents: its items with the locations of their files, sets, sources and
// generated files. NewLayer writes it as the last layer of an image. A Reader reads single parts of it, each verified when it is read,
// from wherever the image is; Load reads all. Package image specifies the format.
package catalog

import (
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A Catalog is the image's list of its contents and their locations.
type Catalog struct {
	Name string    // of the definition
	Date time.Time // of the lock
	Lock string    // digest of mirror.lock, "sha256:…"
	// Architecture, in Go's words, is set if the image carries only the part of the lock that machines of this architecture may need.
	Architecture string
	Sources      []artifact.Source
	Sets         []artifact.Set
	Items        []artifact.Item // in the order of artifact.Compare
	Aliases      []Alias         // in the order of kind and name
	Files        []File          // generated files and those of items, each once, sorted by path
	Unused       []File          // sorted by path and layer; see Reader.Unused. Load leaves them out
	Layers       []LayerAbout    // of files, in the manifest's order; there may be more layers
}

// A File of the mirror: one of an item (Path is Item.FileID) or a generated file.
type File struct {
	Path   string `json:"path"`   // below Root
	Layer  int    `json:"layer"`  // place in the manifest's list of layers, from 0
	Offset int64  `json:"offset"` // of the first byte of content in the uncompressed layer
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	// Modified is the modification time of a generated file; zero for files of items.
	Modified time.Time `json:"modified,omitzero"`
}

// A Record is an item and the locations of its files.
type Record struct {
	artifact.Item
	Places []Place // of Item.Files, in their order
}

// A Place is the location where a file's content begins.
type Place struct {
	Layer  int   // as File.Layer
	Offset int64 // as File.Offset
}

// Stored are the item's files as files of the mirror.
func (r *Record) Stored() []File {
	files := make([]File, len(r.Files))
	for i := range r.Files {
		f, at := &r.Files[i], r.Places[i]
		files[i] = File{Path: r.FileID(f), Layer: at.Layer, Offset: at.Offset, Size: f.Size, SHA256: f.SHA256}
	}
	return files
}

// An Alias is another name under which items of a kind can be requested.
type Alias struct {
	Kind string   `json:"kind"`
	Name string   `json:"name"`
	Of   []string `json:"alias_of"` // names of items of the kind, sorted
}

// A LayerAbout says what a layer is.
type LayerAbout struct {
	Title string    `json:"title"`          // for people
	Added time.Time `json:"added,omitzero"` // date of the lock of the first image with the layer; zero: not known
	// Own tells that the layer is for the catalog's Architecture; images for other architectures do not have it.
	Own bool `json:"own,omitempty"`
}

// A SetSummary is a set without the list of its items.
type SetSummary struct {
	artifact.Set       // Items is nil
	Count        int   `json:"count"` // of items
	Size         int64 `json:"size"`  // of their files, each once, bytes
}
