// Package verify compares the bytes of an image with its catalog: each layer must be what tarlayer writes for the catalog's
// files, with no other entries and no other headers, and the configuration must run only the program. It reads streams and opens
// nothing; Reader.Verify of package image passes it the layers.
package verify

import (
	"crypto/sha256"
	"hash"
	"path"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/catalog"
	"github.com/minimirror/minimirror/internal/image/layout"
	"github.com/minimirror/minimirror/internal/image/tarlayer"
)

// A Verification has the expected content of each layer.
type Verification struct {
	// Program is the SHA-256 of the program, when its layer has been read.
	Program string

	files   [][]*catalog.File // by layer
	sets    []artifact.Set
	kinds   []string
	place   *catalog.Location
	program int // the layer of the program
	made    int // the layer of what is generated
	end     int // the layer of the catalog
	sum     hash.Hash
	buf     []byte
}

// New refuses a catalog if one file would hide another when
// the layers are unpacked. unused are its unused files.
func New(c *catalog.Catalog, unused []catalog.File, place *catalog.Location, layers int) (*Verification, error) {
	v := &Verification{files: make([][]*catalog.File, layers), sets: c.Sets, place: place, end: layers - 1,
		sum: sha256.New(), buf: make([]byte, 32<<10)}
	for i := range c.Sources {
		v.kinds = append(v.kinds, c.Sources[i].Kind)
	}
	folders := map[string]bool{}
	for i := range c.Files {
		f := &c.Files[i]
		if strings.HasPrefix(f.Path, tarlayer.Whiteout) || strings.Contains(f.Path, "/"+tarlayer.Whiteout) {
			return nil, catalog.Errorf("%s would delete a file of a lower layer", f.Path)
		}
		if f.Path == layout.KeyPath {
			v.made = f.Layer
		}
		v.files[f.Layer] = append(v.files[f.Layer], f)
		addFolders(folders, f.Path)
	}
	if err := v.addUnused(c, unused); err != nil {
		return nil, err
	}
	for i := range c.Files {
		if p := c.Files[i].Path; folders[p] || p == layout.HeadName || p == layout.RecordsName {
			return nil, catalog.Errorf("%s is a file, and something else", p)
		}
	}
	if folders[layout.HeadName] || folders[layout.RecordsName] {
		return nil, catalog.Errorf("it names files below itself")
	}
	if len(v.files[0]) > 0 {
		v.program = v.made - 1 // in the first versions of the format, the program came first
	}
	for _, number := range []int{v.program, v.end} {
		if number < 0 || len(v.files[number]) > 0 || v.program == v.end {
			return nil, catalog.Errorf("files in layer %d, which has the program or the catalog alone", number)
		}
	}
	return v, nil
}

// IsProgram reports whether the layer with a number has the program.
func (v *Verification) IsProgram(number int) bool { return number == v.program }

// addUnused adds unused files, none of which may hide another file of the catalog.
func (v *Verification) addUnused(c *catalog.Catalog, unused []catalog.File) error {
	if len(unused) == 0 {
		return nil
	}
	type entry struct {
		layer int
		path  string
	}
	var stack tarlayer.Stack
	offered := make(map[entry]bool, len(c.Files))
	for i := range c.Files {
		offered[entry{c.Files[i].Layer, c.Files[i].Path}] = true
	}
	for i := range unused {
		f := &unused[i]
		if offered[entry{f.Layer, f.Path}] {
			return catalog.Errorf("unused file %s: layer %d has it as a file that is offered", f.Path, f.Layer)
		}
		if strings.HasPrefix(f.Path, tarlayer.Whiteout) || strings.Contains(f.Path, "/"+tarlayer.Whiteout) || f.Path == layout.HeadName || f.Path == layout.RecordsName {
			return catalog.Errorf("unused file %s: an image cannot have it", f.Path)
		}
		v.files[f.Layer] = append(v.files[f.Layer], f)
		stack.Add(f.Layer, f.Path)
	}
	for i := range c.Files {
		stack.Add(c.Files[i].Layer, c.Files[i].Path)
	}
	for i := range c.Files {
		if f := &c.Files[i]; !stack.Sees(f.Layer, f.Path) {
			return catalog.Errorf("%s of layer %d is hidden by an unused file", f.Path, f.Layer)
		}
	}
	return nil
}

// addFolders adds the parent folders of a path.
func addFolders(folders map[string]bool, p string) {
	for dir := path.Dir(p); dir != "." && !folders[dir]; dir = path.Dir(dir) {
		folders[dir] = true
	}
}
