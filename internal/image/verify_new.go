package image

import (
	"crypto/sha256"
	"hash"
	"path"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A verification knows what each layer must hold.
type verification struct {
	files [][]*File // by layer
	sets  []artifact.Set
	kinds []string
	place *catalogPlace
	made  int // the layer of what is generated
	end   int // the layer of the catalog
	sum   hash.Hash
	buf   []byte
}

// newVerification refuses a catalog of which one file would hide another when
// the layers are unpacked upon each other.
func newVerification(c *Catalog, place *catalogPlace, layers int) (*verification, error) {
	v := &verification{files: make([][]*File, layers), sets: c.Sets, place: place, end: layers - 1,
		sum: sha256.New(), buf: make([]byte, 32<<10)}
	for i := range c.Sources {
		v.kinds = append(v.kinds, c.Sources[i].Kind)
	}
	folders := map[string]bool{}
	for i := range c.Files {
		f := &c.Files[i]
		if f.Layer == 0 || f.Layer == v.end {
			return nil, errCatalog("%s: layer %d holds the program or the catalog alone", f.Path, f.Layer)
		}
		if strings.HasPrefix(f.Path, whiteout) || strings.Contains(f.Path, "/"+whiteout) {
			return nil, errCatalog("%s would delete a file of a lower layer", f.Path)
		}
		if f.Path == KeyPath {
			v.made = f.Layer
		}
		v.files[f.Layer] = append(v.files[f.Layer], f)
		addFolders(folders, f.Path)
	}
	for i := range c.Files {
		if p := c.Files[i].Path; folders[p] || p == HeadName || p == RecordsName {
			return nil, errCatalog("%s is a file, and something else", p)
		}
	}
	if folders[HeadName] || folders[RecordsName] {
		return nil, errCatalog("it names files below itself")
	}
	return v, nil
}

// addFolders adds the folders that a path is in.
func addFolders(folders map[string]bool, p string) {
	for dir := path.Dir(p); dir != "." && !folders[dir]; dir = path.Dir(dir) {
		folders[dir] = true
	}
}
