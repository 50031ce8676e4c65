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
)

// layerSize is where the layer of items that belong to no set is cut, so
// that no layer is too large for a registry. Images have about maxLayers at most:
// overlay file systems take 127.
const (
	layerSize = 512 << 20
	maxLayers = 100
)

// A plan is all that goes into an image.
type plan struct {
	lock    *lockfile.Lock
	items   []*lockedFile // the files of its items
	digest  string        // of the lock
	program tarlayer.Entry
	files   []artifact.Generated // generated
	scripts []tarlayer.Entry     // generated, for who unpacks the image
	kinds   []artifact.Kind
	cache   *cache.Cache
	label   string // image.CatalogLabel, when the layers are laid out
}

// layers lays the plan out: the program, the items of each combination of
// sets, the others, the generated files, the catalog. titles say what each holds.
func (p *plan) layers() (layers []*tarlayer.Layer, titles []string, err error) {
	groups := [][]tarlayer.Entry{{p.program}}
	titles = []string{"program"}
	places := make(map[string]int, len(p.items)) // of the items' files, by ID
	for _, group := range groupFiles(p.items) {
		var entries []tarlayer.Entry
		for _, f := range group.files {
			places[f.id] = len(groups)
			entries = append(entries, p.entry(f))
		}
		groups = append(groups, entries)
		titles = append(titles, group.title)
	}
	proofs := len(groups)
	if entries := p.proofs(); len(entries) > 0 {
		groups = append(groups, entries)
		titles = append(titles, "what upstream signed")
	}
	generated := make([]tarlayer.Entry, 0, len(p.files))
	for _, f := range p.files {
		generated = append(generated, fileEntry(f))
	}
	generated = append(generated, p.scripts...)
	groups = append(groups, generated)
	for _, entries := range groups {
		layer, err := tarlayer.New(entries)
		if err != nil {
			return nil, nil, err
		}
		layers = append(layers, layer)
	}
	listed, err := p.catalog(layers, places, proofs)
	if err != nil {
		return nil, nil, err
	}
	last, label, err := catalog.NewLayer(listed)
	p.label = label
	return append(layers, last), append(titles, "repository metadata", "catalog"), err
}

// A group is what shares a layer.
type group struct {
	title string
	files []*lockedFile
}

// groupFiles divides the items' files into layers. Those that the same sets need share
// a layer, so that a set is read without anything else.
func groupFiles(files []*lockedFile) (groups []group) {
	bySets := make(map[string][]*lockedFile)
	var others int64
	for _, f := range files {
		key := f.setsKey()
		bySets[key] = append(bySets[key], f)
		if key == "" {
			others += f.Size
		}
	}
	rest := bySets[""]
	delete(bySets, "")
	for i, key := range slices.Sorted(maps.Keys(bySets)) {
		if i < maxLayers/2 {
			groups = append(groups, group{"sets: " + key, bySets[key]})
			continue
		}
		// More combinations than an image may have layers.
		last := &groups[len(groups)-1]
		last.title, last.files = "sets: several", append(last.files, bySets[key]...)
	}
	limit := max(layerSize, others/(maxLayers/4)+1)
	var size int64
	start := 0
	for i, f := range rest {
		if size > 0 && size+f.Size > limit {
			groups = append(groups, group{"items of no set", rest[start:i]})
			start, size = i, 0
		}
		size += f.Size
	}
	if start < len(rest) {
		groups = append(groups, group{"items of no set", rest[start:]})
	}
	return groups
}

func (p *plan) entry(f *lockedFile) tarlayer.Entry {
	content := f.Content()
	return tarlayer.Entry{
		Path: path.Join(layout.Root, f.id), Size: f.Size, SHA256: f.SHA256,
		Open: func() (tarlayer.File, error) { return p.cache.Open(content) },
	}
}

// proofs are the entries of what upstream signed.
func (p *plan) proofs() (entries []tarlayer.Entry) {
	for i := range p.lock.Sources {
		s := &p.lock.Sources[i]
		for _, r := range s.Releases {
			for _, proof := range r.Proofs {
				e := tarlayer.Entry{Path: path.Join(layout.Root, s.ProofID(&proof)), Data: proof.Data}
				if proof.Data == nil {
					content := artifact.Content{Size: proof.Size, SHA256: proof.SHA256}
					e.Size, e.SHA256 = content.Size, content.SHA256
					e.Open = func() (tarlayer.File, error) { return p.cache.Open(content) }
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
				return fmt.Errorf("%s would be a file and the folder of %s", dir, f.Path)
			}
		}
	}
	return nil
}

// catalog names the place of every file. places are the layers of the items' files,
// proofs is that of what upstream signed.
func (p *plan) catalog(layers []*tarlayer.Layer, places map[string]int, proofs int) (*catalog.Catalog, error) {
	c := &catalog.Catalog{Name: p.lock.Name, Date: p.lock.Date, Lock: p.digest,
		Sets: p.lock.Sets, Items: p.lock.Items, Aliases: catalog.Aliases(p.kinds, p.lock.Items)}
	for _, s := range p.lock.Sources {
		s.Releases = slices.Clone(s.Releases)
		for i := range s.Releases {
			r := &s.Releases[i]
			r.Proofs = slices.Clone(r.Proofs)
			for j := range r.Proofs {
				proof := &r.Proofs[j]
				proof.Data, proof.Kept = nil, false // it is a file of the image
				c.Files = append(c.Files, catalog.File{Path: s.ProofID(proof), Layer: proofs, Size: proof.Size, SHA256: proof.SHA256,
					Modified: r.Date.UTC(), Offset: layers[proofs].Offset(path.Join(layout.Root, s.ProofID(proof)))})
			}
		}
		c.Sources = append(c.Sources, s)
	}
	for _, f := range p.items {
		at := places[f.id]
		c.Files = append(c.Files, catalog.File{Path: f.id, Layer: at, Size: f.Size, SHA256: f.SHA256, Offset: layers[at].Offset(path.Join(layout.Root, f.id))})
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
	return c, noFileIsFolder(c.Files)
}
