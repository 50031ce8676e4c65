package placement

import (
	"cmp"
	"path"
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/tarlayer"
)

// linkAbove is the size in bytes above which files with the same content are hard links to one of them. The headers of a link take up to
// 2 KiB, so links to smaller files would save nothing.
const linkAbove = 2 << 10

// A newFile is a content that goes into a new layer.
type newFile struct {
	File         // the first of its paths
	links []File // its other paths, sorted
	size  int64  // bytes: the most that all of them take in a layer, without their parent folders
}

func (f File) content() artifact.Content {
	return artifact.Content{Size: f.Size, SHA256: f.SHA256}
}

// newFiles are the wanted files that go into new layers, in their order, each with the group of its first path in this order. Files with the
// same content become one: a hard link and its target must be in the same layer.
func (p *placing) newFiles() (all []*newFile, groups []string) {
	byContent := make(map[artifact.Content]*newFile)
	for i, at := range p.at {
		if at != nil {
			continue
		}
		f := p.wanted[i].File
		if f.Size > linkAbove {
			if first := byContent[f.content()]; first != nil {
				first.links = append(first.links, f)
				continue
			}
		}
		one := &newFile{File: f}
		byContent[f.content()] = one
		all, groups = append(all, one), append(groups, p.wanted[i].Group)
	}
	for _, f := range all {
		if len(f.links) > 0 {
			paths := append(f.links, f.File)
			slices.SortFunc(paths, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
			f.File, f.links = paths[0], paths[1:]
		}
		f.size = cost(f.File)
		for _, link := range f.links {
			f.size += linkCost(link.Path, f.Path)
		}
	}
	return all, groups
}

// addTo adds the file to a layer.
func (f *newFile) addTo(l *Layer) {
	l.Files = append(l.Files, f.File)
	for _, link := range f.links {
		if l.Links == nil {
			l.Links = make(map[string]string)
		}
		l.Files = append(l.Files, link)
		l.Links[link.Path] = f.Path
	}
}

// folders returns the size of the parent folders of the file's paths that are not among known, and adds them to it if add is set; if it is
// not, a folder of several paths counts for each.
func (f *newFile) folders(known map[string]bool, add bool) (size int64) {
	for i := -1; i < len(f.links); i++ {
		name := f.Path
		if i >= 0 {
			name = f.links[i].Path
		}
		for dir := path.Dir(name); dir != "." && !known[dir]; dir = path.Dir(dir) {
			if add {
				known[dir] = true
			}
			size += tarlayer.TarBlock
		}
	}
	return size
}

// weigh counts the bytes of the layer. A content is used if one of its paths in the layer is wanted. stored are the contents that
// other layers of the image have; it adds those of this one.
func (l *keptLayer) weigh(stored map[artifact.Content]bool) {
	wanted := make(map[string]bool) // targets of wanted links
	for _, f := range l.Files {
		if target := l.Links[f.Path]; target != "" {
			wanted[target] = true
		}
	}
	use := func(f *File) {
		l.used += l.cost(f)
		if f.Size > linkAbove && l.Links[f.Path] == "" {
			if stored[f.content()] {
				l.copies += tarlayer.Padded(f.Size)
			}
			stored[f.content()] = true
		}
	}
	l.used, l.unused, l.copies = 0, 0, 0
	for i := range l.Files {
		use(&l.Files[i])
	}
	for i := range l.Unused {
		if f := &l.Unused[i]; wanted[f.Path] {
			use(f)
		} else {
			l.unused += l.cost(f)
		}
	}
}

// cost is the maximum size of a file of the layer, without its parent folders.
func (l *Layer) cost(f *File) int64 {
	if target := l.Links[f.Path]; target != "" {
		return linkCost(f.Path, target)
	}
	return cost(*f)
}

// linkCost is the maximum size of a hard link in a layer, without its parent folders.
func linkCost(name, target string) int64 {
	size := int64(tarlayer.TarBlock)
	if len(name) > longName || len(target) > longName {
		size += 2*tarlayer.TarBlock + tarlayer.Padded(int64(len(name)+len(target)))
	}
	return size
}

// UnusedSize is the size in bytes of the contents that no wanted file of the layer has.
func (l *Layer) UnusedSize() (size int64) {
	wanted := make(map[string]bool)
	for _, f := range l.Files {
		wanted[l.Links[f.Path]] = true
	}
	for _, f := range l.Unused {
		if l.Links[f.Path] == "" && !wanted[f.Path] {
			size += f.Size
		}
	}
	return size
}
