package diff

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/catalog"
	"github.com/minimirror/minimirror/internal/image/layout"
	"github.com/minimirror/minimirror/internal/lockfile"
	"github.com/minimirror/minimirror/internal/placement"
)

// A Layer is a layer of B.
type Layer struct {
	Digest string    `json:"digest,omitempty"` // of the uncompressed tar; empty for a lock
	Title  string    `json:"title,omitempty"`
	Kept   bool      `json:"kept"`           // A has it, too
	Size   int64     `json:"size"`           // bytes, uncompressed; of a compressed layer and of a lock: of its files
	Files  int       `json:"files"`          // that the catalog lists, unused ones among them
	Unused int64     `json:"unused"`         // bytes of files that B does not offer
	Added  time.Time `json:"added,omitzero"` // date of the lock of the first image with the layer; zero: not known
}

// Ship says how much a site needs that has A.
type Ship struct {
	By     string `json:"by"`     // layers, or files if the layers are not known
	Size   int64  `json:"size"`   // bytes that A does not have
	New    int    `json:"new"`    // layers, or files, that A does not have
	Kept   int    `json:"kept"`   // layers, or files, that A has
	Unused int64  `json:"unused"` // bytes of files in kept layers that B does not use
	Total  int64  `json:"total"`  // bytes of all layers, or files, of B
}

// A sideLayer is a layer with what identifies it.
type sideLayer struct {
	Layer
	content string // digest of the list of its files; empty: only the image's digest identifies it
}

// imageLayers describes the layers of an image. The catalog has its unused files.
func imageLayers(infos []image.LayerInfo, c *catalog.Catalog) []sideLayer {
	layers := make([]sideLayer, len(infos))
	files := make([][]*catalog.File, len(infos))
	generated := len(infos) - 1
	offered := make(map[catalog.Place]bool, len(c.Files))
	for i := range c.Files {
		f := &c.Files[i]
		files[f.Layer] = append(files[f.Layer], f)
		offered[catalog.Place{Layer: f.Layer, Offset: f.Offset}] = true
		if f.Path == layout.KeyPath {
			generated = f.Layer
		}
	}
	for i := range c.Unused {
		f := &c.Unused[i]
		files[f.Layer] = append(files[f.Layer], f)
		if at := (catalog.Place{Layer: f.Layer, Offset: f.Offset}); !offered[at] {
			offered[at] = true // the other paths of this content
			layers[f.Layer].Unused += f.Size
		}
	}
	lines, bytes := make([][]string, len(infos)), make([]int64, len(infos))
	for i := range files {
		slices.SortFunc(files[i], func(a, b *catalog.File) int { return strings.Compare(a.Path, b.Path) })
		contents := make(map[int64]bool)
		for _, f := range files[i] {
			lines[i] = append(lines[i], fileLine(path.Join(layout.Root, f.Path), f.Size, f.SHA256, contents[f.Offset]))
			if !contents[f.Offset] {
				contents[f.Offset] = true
				bytes[i] += f.Size
			}
		}
	}
	for i, info := range infos {
		l := &layers[i]
		l.Digest, l.Title, l.Size, l.Files, l.Added = info.Digest, info.Title, info.Size, len(lines[i]), info.Added
		if l.Size < 0 {
			l.Size = bytes[i]
		}
		if len(lines[i]) > 0 && i != generated {
			l.content = digestOf(lines[i])
		}
	}
	return layers
}

// lockLayers describes the layers of files that a lock's image has.
func lockLayers(l *lockfile.Lock, placed []placement.Layer) []sideLayer {
	wanted := wantedFiles(l)
	layers := make([]sideLayer, len(placed))
	for i := range placed {
		to := &layers[i]
		to.Title, to.Added = placed[i].Title, placed[i].Added
		var lines []string
		used := make(map[string]bool) // paths of contents that are wanted
		for _, f := range slices.Concat(placed[i].Files, placed[i].Unused) {
			target := placed[i].Links[f.Path]
			lines = append(lines, fileLine(f.Path, f.Size, f.SHA256, target != ""))
			if target == "" {
				to.Size += f.Size
			}
			if wanted[f.Path] == f.SHA256 {
				used[cmp.Or(target, f.Path)] = true
			}
		}
		for _, f := range slices.Concat(placed[i].Files, placed[i].Unused) {
			if placed[i].Links[f.Path] == "" && !used[f.Path] {
				to.Unused += f.Size
			}
		}
		to.Files, to.content = len(lines), digestOf(lines)
	}
	return layers
}

// wantedFiles are the digests of the files of items, and of what upstream signed, by path in the image.
func wantedFiles(l *lockfile.Lock) map[string]string {
	wanted := make(map[string]string, len(l.Items))
	for i := range l.Items {
		for f := range l.Items[i].Files {
			file := &l.Items[i].Files[f]
			wanted[path.Join(layout.Root, l.Items[i].FileID(file))] = file.SHA256
		}
	}
	for i := range l.Sources {
		for _, r := range l.Sources[i].Releases {
			for p := range r.Proofs {
				wanted[path.Join(layout.Root, l.Sources[i].ProofID(&r.Proofs[p]))] = r.Proofs[p].SHA256
			}
		}
	}
	return wanted
}

// missingFile is a file of the lock that none of the layers has; empty: there is none.
func missingFile(l *lockfile.Lock, placed []placement.Layer) string {
	has := make(map[placement.File]bool)
	for i := range placed {
		for _, f := range placed[i].Files {
			has[placement.File{Path: f.Path, SHA256: f.SHA256}] = true
		}
	}
	for i := range l.Items {
		for f := range l.Items[i].Files {
			file := &l.Items[i].Files[f]
			id := l.Items[i].FileID(file)
			if !has[placement.File{Path: path.Join(layout.Root, id), SHA256: file.SHA256}] {
				return id
			}
		}
	}
	return ""
}

// fileLine identifies a file of a layer. link says that it is a hard link to a file before it.
func fileLine(name string, size int64, sha256 string, link bool) string {
	line := fmt.Sprintf("%d %s %s", size, sha256, name)
	if link {
		line += " link"
	}
	return line
}

func digestOf(lines []string) string {
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	return hex.EncodeToString(sum[:])
}

// ship finds what A does not have: by layers, if both sides tell them.
func (d *Diff) ship(a, b *Side) {
	for _, s := range []struct {
		name string
		side *Side
	}{{"A", a}, {"B", b}} {
		if architecture := s.side.Catalog.Architecture; architecture != "" {
			carries := "carries only the items"
			if !s.side.IsImage {
				carries = "is a lock: this is about its items"
			}
			d.note("%s (%s) %s for %s, and for all machines", s.name, s.side.Reference, carries, architecture)
		}
		if s.side.among != "" && s.side.Catalog.Architecture != "" {
			d.note("%s (%s) has images for %s: this is about %s", s.name, s.side.Reference, s.side.among, s.side.platform)
		} else if s.side.among != "" {
			d.note("%s (%s) has images for %s, which share the layers of files: this is about %s", s.name, s.side.Reference, s.side.among, s.side.platform)
		}
		if s.side.layers == nil {
			d.note("%s (%s): %s; so the bytes to ship are those of files, not of layers", s.name, s.side.Reference, s.side.noLayers)
		}
	}
	if a.layers == nil || b.layers == nil {
		d.shipFiles(a, b)
		return
	}
	both := a.IsImage && b.IsImage
	if !both {
		d.note("a lock does not say how large the program, the repository metadata and the catalog are, nor the headers of the layers: the bytes to ship are those of files in new layers")
	}
	has := make(map[string]bool)
	for _, l := range a.layers {
		has[l.Digest], has[l.content] = true, true
	}
	delete(has, "")
	d.Ship.By = "layers"
	for _, l := range b.layers {
		if !both && l.content == "" {
			continue
		}
		layer := l.Layer
		layer.Kept = has[l.content]
		if both {
			layer.Kept = has[l.Digest]
		}
		d.Layers = append(d.Layers, layer)
		d.Ship.Total += layer.Size
		if layer.Kept {
			d.Ship.Kept++
			d.Ship.Unused += layer.Unused
		} else {
			d.Ship.New++
			d.Ship.Size += layer.Size
		}
	}
}

// shipFiles counts the contents of files of B that A does not have.
func (d *Diff) shipFiles(a, b *Side) {
	d.Ship.By = "files"
	has := make(map[artifact.Content]bool)
	a.eachFile(func(_ string, f *artifact.File) { has[f.Content()] = true })
	counted := make(map[artifact.Content]bool)
	b.eachFile(func(_ string, f *artifact.File) {
		content := f.Content()
		if counted[content] {
			return
		}
		counted[content] = true
		d.Ship.Total += f.Size
		if has[content] {
			d.Ship.Kept++
		} else {
			d.Ship.New++
			d.Ship.Size += f.Size
		}
	})
}

func (d *Diff) note(format string, args ...any) {
	d.Notes = append(d.Notes, fmt.Sprintf(format, args...))
}
