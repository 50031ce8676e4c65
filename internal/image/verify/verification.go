// Package verify compares the bytes of an image with what its catalog says: each layer must be what tarlayer writes of the catalog's
// files, with no other entry and no other header, and the configuration must run nothing but the program. It reads streams and opens
// nothing; Reader.Verify of package image hands it the layers.
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

// A Verification knows what each layer must hold.
type Verification struct {
	files [][]*catalog.File // by layer
	sets  []artifact.Set
	kinds []string
	place *catalog.Location
	made  int // the layer of what is generated
	end   int // the layer of the catalog
	sum   hash.Hash
	buf   []byte
}

// New refuses a catalog of which one file would hide another when
// the layers are unpacked upon each other.
func New(c *catalog.Catalog, place *catalog.Location, layers int) (*Verification, error) {
	v := &Verification{files: make([][]*catalog.File, layers), sets: c.Sets, place: place, end: layers - 1,
		sum: sha256.New(), buf: make([]byte, 32<<10)}
	for i := range c.Sources {
		v.kinds = append(v.kinds, c.Sources[i].Kind)
	}
	folders := map[string]bool{}
	for i := range c.Files {
		f := &c.Files[i]
		if f.Layer == 0 || f.Layer == v.end {
			return nil, catalog.Errorf("%s: layer %d holds the program or the catalog alone", f.Path, f.Layer)
		}
		if strings.HasPrefix(f.Path, tarlayer.Whiteout) || strings.Contains(f.Path, "/"+tarlayer.Whiteout) {
			return nil, catalog.Errorf("%s would delete a file of a lower layer", f.Path)
		}
		if f.Path == layout.KeyPath {
			v.made = f.Layer
		}
		v.files[f.Layer] = append(v.files[f.Layer], f)
		addFolders(folders, f.Path)
	}
	for i := range c.Files {
		if p := c.Files[i].Path; folders[p] || p == layout.HeadName || p == layout.RecordsName {
			return nil, catalog.Errorf("%s is a file, and something else", p)
		}
	}
	if folders[layout.HeadName] || folders[layout.RecordsName] {
		return nil, catalog.Errorf("it names files below itself")
	}
	return v, nil
}

// addFolders adds the folders that a path is in.
func addFolders(folders map[string]bool, p string) {
	for dir := path.Dir(p); dir != "." && !folders[dir]; dir = path.Dir(dir) {
		folders[dir] = true
	}
}
