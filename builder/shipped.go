package builder

import (
	"fmt"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/layout"
)

// Shipped says how much of an image is new to nodes that have the image on which it is based.
type Shipped struct {
	Layers int   `json:"layers"` // in all
	Kept   int   `json:"kept"`   // layers of the previous image
	Size   int64 `json:"size"`   // of all layers, bytes
	New    int64 `json:"new"`    // of the layers that are not kept, bytes, with the metadata and without the program
	Unused int64 `json:"unused"` // bytes of kept layers that this image does not use
}

// ship adds an image; sizes are the sizes of its layers. Layers that all images have are counted with the first.
func (s *Shipped) ship(p *plan, sizes []int64, first bool) {
	for i, size := range sizes {
		if !first && p.isShared(i) {
			continue
		}
		s.Layers++
		s.Size += size
		switch {
		case i < len(p.placed) && p.placed[i].Kept:
			s.Kept++
		case i != len(p.placed): // the program's
			s.New += size
		}
		if i < len(p.placed) {
			s.Unused += p.placed[i].UnusedSize()
		}
	}
}

// isShared reports whether a layer is the same in all images.
func (p *plan) isShared(layer int) bool {
	return layer < len(p.placed) && p.placed[layer].Architecture == ""
}

// Limits of registries for a layer, bytes.
const (
	warnLayer   = 10_000_000_000 // GitHub's and Amazon's public registries
	refuseLayer = 52_000 << 20   // Amazon's
)

// checkSizes warns about layers that some registries refuse, and refuses those that all registries may refuse. Layers that all images have
// are checked with the first.
func (b *Builder) checkSizes(p *plan, sizes []int64, first bool) error {
	for i, size := range sizes {
		if !first && p.isShared(i) {
			continue
		}
		title := p.titles[i]
		if i < len(p.placed) && len(p.placed[i].Files) == 1 {
			title = strings.TrimPrefix(p.placed[i].Files[0].Path, layout.Root+"/")
		}
		switch {
		case size > refuseLayer && !b.LargeLayers:
			return artifact.Hint(fmt.Errorf("a layer of %d bytes (%s): registries take 52,000 MiB at most", size, title),
				"build with --large-layers if the image never goes to a registry")
		case size > warnLayer:
			b.Log.Warn("some registries refuse layers of more than 10 GB", "layer", title, "bytes", size)
		}
	}
	return nil
}
