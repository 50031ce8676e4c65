package builder

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/cache"
	"github.com/minimirror/minimirror/internal/image/catalog"
	"github.com/minimirror/minimirror/internal/image/layout"
	"github.com/minimirror/minimirror/internal/image/tarlayer"
	"github.com/minimirror/minimirror/internal/lockfile"
	"github.com/minimirror/minimirror/internal/placement"
)

// maxGroups bounds the combinations of sets that have layers of their own.
const maxGroups = 30

// A plan is everything that goes into images that carry the same.
type plan struct {
	part
	digest   string // of the lock
	programs []Program
	entries  []tarlayer.Entry     // of the programs
	files    []artifact.Generated // generated
	scripts  []tarlayer.Entry     // generated, for who unpacks the image
	kinds    []artifact.Kind
	cache    *cache.Cache
	base     []placement.Layer // of the image that came before
	sizes    placement.Options
	placed   []placement.Layer // of the files, when the layers are laid out
	titles   []string          // of all layers, likewise; those of the program for each platform are the same
	label    string            // image.CatalogLabel, likewise
}

// layers lays the plan out: the files of items and what upstream signed, the program for the first platform,
// the generated files, the catalog. Container runtimes unpack again the first layer that changed, and all layers after it: what changes
// least comes first. made are the layers of other images by their plans: those that are the same are used again.
func (p *plan) layers(made map[string]*tarlayer.Layer) (layers []*tarlayer.Layer, err error) {
	entries := make(map[placement.File]tarlayer.Entry, len(p.items))
	if err := p.place(entries); err != nil {
		return nil, err
	}
	var titles []string
	var groups [][]tarlayer.Entry
	places := make(map[string]place, len(entries)) // by path in the image
	for i := range p.placed {
		if l := &p.placed[i]; !l.Kept {
			l.Added = p.lock.Date.UTC()
		}
	}
	for i, l := range p.placed {
		group := make([]tarlayer.Entry, 0, len(l.Files)+len(l.Unused))
		for _, f := range l.Files {
			places[f.Path] = place{i, cmp.Or(l.Links[f.Path], f.Path)}
			group = append(group, linkedEntry(&l, f.Path, entries[f]))
		}
		for _, f := range l.Unused {
			group = append(group, linkedEntry(&l, f.Path, p.cached(f.Path, artifact.Content{Size: f.Size, SHA256: f.SHA256})))
		}
		groups = append(groups, group)
		titles = append(titles, l.Title)
	}
	generated := make([]tarlayer.Entry, 0, len(p.files))
	for _, f := range p.files {
		generated = append(generated, fileEntry(f))
	}
	groups = append(groups, p.entries[:1], append(generated, p.scripts...))
	for _, entries := range groups {
		layer, err := tarlayer.New(entries)
		if err != nil {
			return nil, err
		}
		if same := made[layer.Plan()]; same != nil {
			layer = same
		}
		made[layer.Plan()] = layer
		layers = append(layers, layer)
	}
	listed, err := p.catalog(layers, places)
	if err != nil {
		return nil, err
	}
	last, label, err := catalog.NewLayer(listed)
	p.label, p.titles = label, append(titles, "program", "repository metadata", "catalog")
	return append(layers, last), err
}

// A place is where the content of a file is: the layer, and the file of the layer with this content that is not a link.
type place struct {
	layer int
	path  string
}

func (p place) offset(layers []*tarlayer.Layer) int64 { return layers[p.layer].Offset(p.path) }

// linkedEntry is the entry of a file of a layer; content is the entry if the file is not a link.
func linkedEntry(l *placement.Layer, name string, content tarlayer.Entry) tarlayer.Entry {
	if target := l.Links[name]; target != "" {
		return tarlayer.Entry{Path: name, Link: target}
	}
	return content
}

// wanted are the files to place: first those of each combination of sets together, so that a set is read without much else; then those
// in no set, with security updates separate because they are replaced most often; then what upstream signed. It adds each file's entry to entries.
func (p *plan) wanted(items []*lockedFile, proofs []tarlayer.Entry, entries map[placement.File]tarlayer.Entry) (all []placement.Wanted) {
	add := func(group string, e tarlayer.Entry) {
		f := placement.File{Path: e.Path, Size: e.Size, SHA256: e.SHA256}
		entries[f] = e
		all = append(all, placement.Wanted{File: f, Group: group})
	}
	for _, g := range groupFiles(items) {
		for _, f := range g.files {
			add(g.title, p.cached(path.Join(layout.Root, f.id), f.Content()))
		}
	}
	for _, e := range proofs {
		add("what upstream signed", e)
	}
	return all
}

// A group is files that share layers.
type group struct {
	title string
	files []*lockedFile
}

// groupFiles groups the items' files by the sets that need them, with one group for files in no set. Within a group, files are
// sorted by path, so that files from one upstream folder share a layer.
func groupFiles(files []*lockedFile) (groups []group) {
	bySets := make(map[string][]*lockedFile)
	var rest, security []*lockedFile
	for _, f := range slices.SortedFunc(slices.Values(files), func(a, b *lockedFile) int { return cmp.Compare(a.id, b.id) }) {
		switch key := f.setsKey(); {
		case key != "":
			bySets[key] = append(bySets[key], f)
		case f.item.Security:
			security = append(security, f)
		default:
			rest = append(rest, f)
		}
	}
	for i, key := range slices.Sorted(maps.Keys(bySets)) {
		if i < maxGroups {
			groups = append(groups, group{"sets: " + key, bySets[key]})
			continue
		}
		last := &groups[len(groups)-1]
		last.title, last.files = "sets: several", append(last.files, bySets[key]...)
	}
	for _, g := range []group{{"items of no set", rest}, {"security updates of no set", security}} {
		if len(g.files) > 0 {
			groups = append(groups, g)
		}
	}
	return groups
}

// cached is the entry of a file in the cache.
func (p *plan) cached(name string, content artifact.Content) tarlayer.Entry {
	return tarlayer.Entry{Path: name, Size: content.Size, SHA256: content.SHA256,
		Open: func() (tarlayer.File, error) { return p.cache.Open(content) }}
}

// proofs are the entries of what upstream signed.
func (p *plan) proofs() (entries []tarlayer.Entry) {
	for i := range p.lock.Sources {
		s := &p.lock.Sources[i]
		for _, r := range s.Releases {
			for _, proof := range r.Proofs {
				name := path.Join(layout.Root, s.ProofID(&proof))
				e := tarlayer.Entry{Path: name, Data: proof.Data, Size: proof.Size, SHA256: proof.SHA256}
				if proof.Data == nil {
					e = p.cached(name, artifact.Content{Size: proof.Size, SHA256: proof.SHA256})
				}
				entries = append(entries, e)
			}
		}
	}
	return entries
}

func fileEntry(f artifact.Generated) tarlayer.Entry {
	e := tarlayer.Entry{Path: path.Join(layout.Root, f.Path), Data: f.Data}
	if f.Link != "" {
		e.Link = path.Join(layout.Root, f.Link)
	}
	return e
}

// noFileIsFolder refuses a file below another file: in different layers, each
// would replace the other when the image is unpacked.
func noFileIsFolder(files []catalog.File) error {
	is := make(map[string]bool, len(files))
	for _, f := range files {
		is[f.Path] = true
	}
	for _, f := range files {
		for dir := path.Dir(f.Path); dir != "."; dir = path.Dir(dir) {
			if is[dir] {
				return fmt.Errorf("%s is both a file and the folder of %s", dir, f.Path)
			}
		}
	}
	return nil
}

// catalog records the place of every file. places are those of the items' files and of what upstream signed, by path in the image.
func (p *plan) catalog(layers []*tarlayer.Layer, places map[string]place) (*catalog.Catalog, error) {
	c := &catalog.Catalog{Name: p.lock.Name, Date: p.lock.Date, Lock: p.digest, Architecture: p.architecture,
		Sets: p.lock.Sets, Items: p.lock.Items, Aliases: catalog.Aliases(p.kinds, p.lock.Items)}
	for _, l := range p.placed {
		c.Layers = append(c.Layers, catalog.LayerAbout{Title: l.Title, Added: l.Added, Own: l.Architecture != ""})
	}
	for _, s := range p.lock.Sources {
		s.Releases = slices.Clone(s.Releases)
		for i := range s.Releases {
			r := &s.Releases[i]
			r.Proofs = slices.Clone(r.Proofs)
			for j := range r.Proofs {
				proof := &r.Proofs[j]
				proof.Data, proof.Kept = nil, false // it is a file of the image
				name := path.Join(layout.Root, s.ProofID(proof))
				at := places[name]
				c.Files = append(c.Files, catalog.File{Path: s.ProofID(proof), Layer: at.layer, Size: proof.Size, SHA256: proof.SHA256,
					Modified: r.Date.UTC(), Offset: at.offset(layers)})
			}
		}
		c.Sources = append(c.Sources, s)
	}
	for _, f := range p.items {
		name := path.Join(layout.Root, f.id)
		at := places[name]
		c.Files = append(c.Files, catalog.File{Path: f.id, Layer: at.layer, Size: f.Size, SHA256: f.SHA256, Offset: at.offset(layers)})
	}
	at := len(layers) - 1
	byPath := make(map[string]artifact.Generated, len(p.files))
	for _, f := range p.files {
		byPath[f.Path] = f
	}
	for _, f := range p.files {
		content := f
		if f.Link != "" {
			content = byPath[f.Link]
		}
		c.Files = append(c.Files, catalog.File{Path: f.Path, Layer: at, Size: int64(len(content.Data)),
			SHA256: strings.TrimPrefix(lockfile.Digest(content.Data), "sha256:"), Modified: f.Modified.UTC(),
			Offset: layers[at].Offset(path.Join(layout.Root, content.Path))})
	}
	slices.SortFunc(c.Files, func(a, b catalog.File) int { return cmp.Compare(a.Path, b.Path) })
	for i := 1; i < len(c.Files); i++ {
		if c.Files[i].Path == c.Files[i-1].Path {
			return nil, fmt.Errorf("two files of the mirror are called %s", c.Files[i].Path)
		}
	}
	for i, l := range p.placed {
		for _, f := range l.Unused {
			c.Unused = append(c.Unused, catalog.File{Path: strings.TrimPrefix(f.Path, layout.Root+"/"), Layer: i, Size: f.Size, SHA256: f.SHA256,
				Offset: layers[i].Offset(cmp.Or(l.Links[f.Path], f.Path))})
		}
	}
	slices.SortFunc(c.Unused, func(a, b catalog.File) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Layer, b.Layer))
	})
	return c, noFileIsFolder(c.Files)
}
