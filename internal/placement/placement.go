// Package placement decides which layer of an image holds which file. An image with a base keeps the base's layers whose
// content is still mostly wanted, so that registries, nodes and USB sticks that have them need only what is new:
//
//	base (mirror.layers, or an image) ──┐
//	                                    ├─Place──▶ layers: kept ones, as they are, then new ones
//	files of the lock ──────────────────┘
//
// A kept layer has its old bytes, including files that are no longer wanted. If these become too many, Place drops the layers that have
// most of them, and puts their wanted files into new layers.
//
// In new layers, each content is stored once: other files with the same content are hard links to the first, in the same layer. A
// kept layer cannot get links, and no file can be a link to a file of another layer. So a content that a kept layer has is stored again if a file with
// another path needs it. Such copies count as unused when Place decides which layers to keep.
//
// Placing the same files with the result as the base changes nothing. So the digest of an image depends on the lock and either the base or
// the image itself.
package placement

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/tarlayer"
)

// A File is a regular file of a layer.
type File struct {
	Path   string // in the image
	Size   int64  // bytes
	SHA256 string // of the content, 64 lower-case hexadecimal digits
}

// A Wanted is a file with the name of the group with which it should share a layer.
type Wanted struct {
	File
	Group string
}

// A Layer is a layer of files, with its place among the layers.
type Layer struct {
	Title string    // for people; it goes into the image's history
	Added time.Time // date of the lock of the first image with the layer; zero: not known, or it is new
	// Architecture, in Go's words, is that of the only image that has the layer, where images for several platforms carry the items for
	// their own architecture. Empty: all images have it. Place neither reads nor sets it.
	Architecture string
	Kept         bool   // it is a layer of the base
	Files        []File // that are wanted, sorted by path
	Unused       []File // that the base once wanted, sorted by path
	// Links are the files that are hard links: the path of each, with the path of the file of this layer that has the content, which sorts before it
	// and is not a link. nil: there are none.
	Links map[string]string
}

// Options limit the layers.
type Options struct {
	LayerSize int64 // bytes: new layers are no larger, unless one file is, or all files make more than half of MaxLayers; 0: DefaultLayerSize
	MaxLayers int   // 0: DefaultMaxLayers
	MaxUnused int   // percent of all bytes, second copies of a content among them; 0: DefaultMaxUnused
}

// Defaults. Registries limit the size of a layer (10 GB is the smallest known limit), and
// overlay file systems limit the number (127).
const (
	DefaultLayerSize = 1 << 30
	DefaultMaxLayers = 60
	DefaultMaxUnused = 25
)

const (
	smallLayer = 64 << 20 // bytes: new files of a group that has fewer go together with others
	firstLayer = 32 << 20
	firstCuts  = 16  // a first image is divided into about so many layers, if they are not smaller than firstLayer
	largeParts = 200 // a folder with a part of so many of all bytes, and at least largeLayer, has a layer of its own
	largeLayer = 8 << 20
)

// Place divides the files into layers. The order of wanted files matters only for new layers: groups are in the
// order in which they first occur, and so are files within them. Paths of wanted files must be unique. The result has
// no empty layers.
func Place(base []Layer, wanted []Wanted, o Options) ([]Layer, error) {
	o.LayerSize = cmp.Or(o.LayerSize, DefaultLayerSize)
	o.MaxLayers = cmp.Or(o.MaxLayers, DefaultMaxLayers)
	o.MaxUnused = cmp.Or(o.MaxUnused, DefaultMaxUnused)
	paths := make(map[string]bool, len(wanted))
	for i := range wanted {
		if paths[wanted[i].Path] {
			return nil, fmt.Errorf("two files of the image are called %s", wanted[i].Path)
		}
		paths[wanted[i].Path] = true
	}
	p := placing{options: o, wanted: wanted}
	for p.find(base); p.giveUp(); {
		base = base[:0:0]
		for _, l := range p.kept {
			base = append(base, l.Layer)
		}
		p.find(base) // what was given up may have hidden something
	}
	p.first = len(p.kept) == 0
	for {
		layers := p.layers()
		if len(layers) <= o.MaxLayers {
			return layers, nil
		}
		if !p.merge(len(layers) - o.MaxLayers) {
			p.larger = max(2*p.larger, 2*o.LayerSize)
		}
	}
}

// placing is one Place.
type placing struct {
	options Options
	wanted  []Wanted
	first   bool
	kept    []*keptLayer // in the order of the base
	at      []*keptLayer // of each wanted file; nil: it goes into a new layer
	larger  int64        // replaces LayerSize, where that makes too many layers
}

// A keptLayer is one of the base.
type keptLayer struct {
	Layer
	number       int
	used, unused int64 // bytes
	copies       int64 // bytes of used, of contents that other layers have, too
}

// find finds the wanted files in the base. It ignores a file that a later layer would hide.
func (p *placing) find(base []Layer) {
	p.kept = nil
	var stack tarlayer.Stack
	has := make(map[string][]*keptLayer)
	contents := make([]map[string]File, len(base))
	for i := range base {
		l := &keptLayer{Layer: Layer{Title: base[i].Title, Added: base[i].Added, Links: base[i].Links, Kept: true}, number: i}
		p.kept = append(p.kept, l)
		contents[i] = make(map[string]File, len(base[i].Files)+len(base[i].Unused))
		for _, f := range slices.Concat(base[i].Files, base[i].Unused) {
			stack.Add(i, f.Path)
			has[f.Path] = append(has[f.Path], l)
			contents[i][f.Path] = f
		}
	}
	p.at = make([]*keptLayer, len(p.wanted))
	for i, w := range p.wanted {
		for _, l := range has[w.Path] {
			if contents[l.number][w.Path] == w.File && stack.Sees(l.number, w.Path) {
				p.at[i] = l
				l.Files = append(l.Files, w.File)
				delete(contents[l.number], w.Path)
			}
		}
	}
	for i, l := range p.kept {
		for _, name := range slices.Sorted(maps.Keys(contents[i])) {
			l.Unused = append(l.Unused, contents[i][name])
		}
		slices.SortFunc(l.Files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	}
	stored := make(map[artifact.Content]bool)
	for i, at := range p.at {
		if at == nil {
			stored[p.wanted[i].content()] = true
		}
	}
	for _, l := range p.kept {
		l.weigh(stored)
	}
}

// giveUp drops the layers without wanted files. If there are none, but too much is unused or stored twice, it drops the layers with the largest
// share of that. It reports whether it dropped any.
func (p *placing) giveUp() (dropped bool) {
	before := len(p.kept)
	p.kept = slices.DeleteFunc(p.kept, func(l *keptLayer) bool { return len(l.Files) == 0 })
	if len(p.kept) < before {
		return true
	}
	var all, unused int64
	for _, l := range p.kept {
		all += l.used + l.unused
		unused += l.unused + l.copies
	}
	files, _ := p.newFiles()
	for _, f := range files {
		all += f.size
	}
	byShare := slices.Clone(p.kept)
	share := func(l *keptLayer) float64 { return float64(l.unused+l.copies) / float64(l.used+l.unused) }
	slices.SortStableFunc(byShare, func(a, b *keptLayer) int { return cmp.Compare(share(b), share(a)) })
	for _, l := range byShare {
		if unused*100 <= all*int64(p.options.MaxUnused) {
			break
		}
		unused -= l.unused + l.copies
		all -= l.unused + l.copies
		p.drop(l)
		dropped = true
	}
	return dropped
}

// drop moves the layer's wanted files to new layers.
func (p *placing) drop(l *keptLayer) {
	p.kept = slices.DeleteFunc(p.kept, func(k *keptLayer) bool { return k == l })
	for i := range p.at {
		if p.at[i] == l {
			p.at[i] = nil
		}
	}
}

// merge drops the n+1 smallest layers, to have n layers fewer: their wanted files need one new layer. It reports
// false if none is left.
func (p *placing) merge(n int) bool {
	if len(p.kept) == 0 {
		return false
	}
	bySize := slices.Clone(p.kept)
	slices.SortStableFunc(bySize, func(a, b *keptLayer) int { return cmp.Compare(a.used, b.used) })
	for _, l := range bySize[:min(n+1, len(bySize))] {
		p.drop(l)
	}
	return true
}

// layers are the kept layers and the new ones.
func (p *placing) layers() []Layer {
	var all []Layer
	for _, l := range p.kept {
		all = append(all, l.Layer)
	}
	groups, total := p.groups()
	limit := max(p.options.LayerSize, 2*p.size()/int64(p.options.MaxLayers), p.larger) // so that there is room for updates
	if p.first && p.larger == 0 {
		limit = min(limit, max(firstLayer, total/firstCuts))
	}
	large := max(p.size()/largeParts, largeLayer)
	rest := newGroup{title: "update"}
	for _, g := range groups {
		if p.larger > 0 {
			rest.files = append(rest.files, g.files...)
			continue
		}
		apart := g.apart(large, limit, p.options.MaxLayers*2/3-len(all))
		for _, g := range apart {
			all = append(all, g.cut(limit)...)
		}
		if !p.first && g.size < smallLayer {
			rest.files = append(rest.files, g.files...)
			continue
		}
		all = append(all, g.cut(limit)...)
	}
	return append(all, rest.cut(limit)...)
}

// groups are the files that go into new layers, and their total size in bytes.
func (p *placing) groups() (all []*newGroup, total int64) {
	byName := make(map[string]*newGroup)
	files, groups := p.newFiles()
	for i, f := range files {
		g := byName[groups[i]]
		if g == nil {
			g = &newGroup{title: groups[i]}
			byName[groups[i]] = g
			all = append(all, g)
		}
		g.files = append(g.files, f)
		g.size += f.size
		total += f.size
	}
	return all, total
}

// size is the total size of the wanted files in bytes, each content counted once.
func (p *placing) size() (size int64) {
	counted := make(map[artifact.Content]bool, len(p.wanted))
	for i := range p.wanted {
		if f := &p.wanted[i].File; f.Size <= linkAbove || !counted[f.content()] {
			counted[f.content()] = true
			size += cost(*f)
		}
	}
	return size
}

// A newGroup is files that go into new layers together.
type newGroup struct {
	title string
	files []*newFile
	size  int64 // bytes
}

// apart moves folders whose total size is large, but fits into a layer, to groups of their own; no more than most, the largest first.
// Files in one folder often come from one upstream source and are replaced together, and then their whole layer is dropped.
func (g *newGroup) apart(large, limit int64, most int) (all []*newGroup) {
	folders := make(map[string]*newGroup)
	for _, f := range g.files {
		dir := path.Dir(f.Path)
		if folders[dir] == nil {
			folders[dir] = &newGroup{title: g.title}
			all = append(all, folders[dir])
		}
		folders[dir].size += f.size
		folders[dir].files = append(folders[dir].files, f)
	}
	all = slices.DeleteFunc(all, func(g *newGroup) bool { return g.size < large || g.size > limit })
	slices.SortStableFunc(all, func(a, b *newGroup) int { return cmp.Compare(b.size, a.size) })
	all = all[:max(0, min(len(all), most))]
	taken := make(map[string]bool, len(all))
	for _, t := range all {
		taken[path.Dir(t.files[0].Path)] = true
		g.size -= t.size
	}
	g.files = slices.DeleteFunc(g.files, func(f *newFile) bool { return taken[path.Dir(f.Path)] })
	return all
}

// cut makes layers no larger than limit, unless a single file is larger.
func (g *newGroup) cut(limit int64) (layers []Layer) {
	var size int64
	var folders map[string]bool
	for _, f := range g.files {
		if len(layers) == 0 || size+f.size+f.folders(folders, false) > limit {
			layers = append(layers, Layer{Title: g.title})
			size, folders = tarlayer.TarTrailer, make(map[string]bool)
		}
		size += f.size + f.folders(folders, true)
		f.addTo(&layers[len(layers)-1])
	}
	for i := range layers {
		slices.SortFunc(layers[i].Files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	}
	return layers
}

// longName is the length from which a path may need a pax header, which takes two more blocks and their header.
const longName = 99

// cost is the maximum size of the file in a layer, without its parent folders.
func cost(f File) int64 {
	size := tarlayer.TarBlock + tarlayer.Padded(f.Size)
	if len(f.Path) > longName || f.Size >= 8<<30 {
		size += 2*tarlayer.TarBlock + tarlayer.Padded(int64(2*len(f.Path)))
	}
	return size
}
