package server

import (
	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
)

// itemPlaces finds items in Catalog.Items by their files and their IDs.
type itemPlaces struct {
	image  *image.Image
	first  []int32           // by index in Catalog.Files: the index of an item that has the file, or -1
	others map[int32][]int32 // by index in Catalog.Files: all such items, if there are several
	keyed  map[string]int32  // by ID, for items with a Key
}

func newItemPlaces(img *image.Image) *itemPlaces {
	p := &itemPlaces{image: img, first: make([]int32, len(img.Catalog.Files)), others: map[int32][]int32{}, keyed: map[string]int32{}}
	for i := range p.first {
		p.first[i] = -1
	}
	for i := range img.Catalog.Items {
		item := &img.Catalog.Items[i]
		if item.Key != "" {
			p.keyed[item.ID()] = int32(i)
		}
		for f := range item.Files {
			at := img.Index(item.FileID(&item.Files[f]))
			switch {
			case at < 0:
			case p.first[at] < 0:
				p.first[at] = int32(i)
			case p.others[int32(at)] == nil:
				p.others[int32(at)] = []int32{p.first[at], int32(i)}
			default:
				p.others[int32(at)] = append(p.others[int32(at)], int32(i))
			}
		}
	}
	return p
}

// of returns the indexes of the items that have a file, in the catalog's order. The list is valid until the next call.
func (p *itemPlaces) of(file int) []int32 {
	if others := p.others[int32(file)]; others != nil {
		return others
	}
	if p.first[file] < 0 {
		return nil
	}
	return p.first[file : file+1]
}

// at returns the index of the item with the ID, or -1.
func (p *itemPlaces) at(id string) int {
	if at, found := p.keyed[id]; found {
		return int(at)
	}
	if file := p.image.Index(id); file >= 0 {
		for _, at := range p.of(file) {
			if i := &p.image.Catalog.Items[at]; i.Key == "" && i.ID() == id {
				return int(at)
			}
		}
	}
	return -1
}

// item returns the item at an index.
func (p *itemPlaces) item(at int32) *artifact.Item { return &p.image.Catalog.Items[at] }
