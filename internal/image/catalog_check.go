package image

import (
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// check holds the catalog against the format and against the image's layers (nil: an
// unpacked tree), and returns the place of each path in c.Files.
func (c *Catalog) check(layers []StoredLayer) (map[string]int32, error) {
	lock, isDigest := strings.CutPrefix(c.Lock, "sha256:")
	switch {
	case !artifact.ValidName(c.Name):
		return nil, errCatalog("name %q", c.Name)
	case !isDigest || !artifact.ValidSHA256(lock):
		return nil, errCatalog("lock %q is not a sha256 digest", c.Lock)
	}
	index, err := c.checkFiles(layers)
	if err != nil {
		return nil, err
	}
	kinds, err := c.checkSources(index)
	if err != nil {
		return nil, err
	}
	if err := c.checkArtifacts(index, kinds); err != nil {
		return nil, err
	}
	return index, c.checkSets(index)
}

func errCatalog(format string, args ...any) error {
	return artifact.Verifyf("catalog: "+format, args...)
}

func (c *Catalog) checkFiles(layers []StoredLayer) (map[string]int32, error) {
	index := make(map[string]int32, len(c.Files))
	for i, f := range c.Files {
		switch {
		case !artifact.ValidPath(f.Path):
			return nil, errCatalog("file %q: not a valid path", f.Path)
		case i > 0 && f.Path <= c.Files[i-1].Path:
			return nil, errCatalog("file %q: out of order or there twice", f.Path)
		case !artifact.ValidSHA256(f.SHA256):
			return nil, errCatalog("file %q: sha256 %q", f.Path, f.SHA256)
		case f.Size < 0, f.Offset < 0, f.Layer < 0:
			return nil, errCatalog("file %q: a size, offset or layer below zero", f.Path)
		case layers != nil && f.Layer >= len(layers):
			return nil, errCatalog("file %q: layer %d of %d", f.Path, f.Layer, len(layers))
		case layers != nil && f.Offset > layers[f.Layer].Size-f.Size:
			return nil, errCatalog("file %q: %d bytes at %d lie outside layer %d, which has %d",
				f.Path, f.Size, f.Offset, f.Layer, layers[f.Layer].Size)
		}
		index[f.Path] = int32(i)
	}
	return index, nil
}

// checkSources returns the kind of each source.
func (c *Catalog) checkSources(index map[string]int32) (map[string]string, error) {
	kinds := make(map[string]string, len(c.Sources))
	for i := range c.Sources {
		s := &c.Sources[i]
		if !artifact.ValidName(s.Name) || !artifact.ValidName(s.Kind) {
			return nil, errCatalog("source %q of kind %q: not a valid name", s.Name, s.Kind)
		}
		if kinds[s.Name] != "" {
			return nil, errCatalog("source %q: there twice", s.Name)
		}
		kinds[s.Name] = s.Kind
		for _, r := range s.Releases {
			for _, p := range r.Proofs {
				at, found := index[s.ProofID(&p)]
				if !found || c.Files[at].Size != p.Size || c.Files[at].SHA256 != p.SHA256 || c.Files[at].Modified.IsZero() {
					return nil, errCatalog("source %q: proof %q is not among the files, or they disagree", s.Name, p.Path)
				}
			}
		}
	}
	return kinds, nil
}

func (c *Catalog) checkArtifacts(index map[string]int32, kinds map[string]string) error {
	claimed := make([]bool, len(c.Files))
	for i := range c.Artifacts {
		a := &c.Artifacts[i]
		at, found := index[a.ID()]
		switch {
		case kinds[a.Source] == "" || kinds[a.Source] != a.Kind:
			return errCatalog("artifact %q: no source %q of kind %q", a.ID(), a.Source, a.Kind)
		case i > 0 && artifact.Compare(a, &c.Artifacts[i-1]) <= 0:
			return errCatalog("artifact %q: out of order or there twice", a.ID())
		case !found:
			return errCatalog("artifact %q is not among the files", a.ID())
		case claimed[at]:
			return errCatalog("artifact %q: there twice", a.ID())
		}
		claimed[at] = true
		f := &c.Files[at]
		if f.Size != a.Size || f.SHA256 != a.SHA256 || !f.Modified.IsZero() {
			return errCatalog("artifact %q and its file disagree", a.ID())
		}
		a.Path, a.SHA256 = f.Path[len(a.Source)+1:], f.SHA256 // one copy of the text
	}
	for i, f := range c.Files {
		if !claimed[i] && f.Modified.IsZero() {
			return errCatalog("file %q is neither an artifact nor has it a date", f.Path)
		}
	}
	return nil
}

func (c *Catalog) checkSets(index map[string]int32) error {
	for i, set := range c.Sets {
		if !artifact.ValidName(set.Name) || !artifact.ValidName(set.Architecture) {
			return errCatalog("set %q for %q: not a valid name", set.Name, set.Architecture)
		}
		if i > 0 && artifact.CompareSets(c.Sets[i-1], set) >= 0 {
			return errCatalog("set %q for %q: out of order or there twice", set.Name, set.Architecture)
		}
		seen := make(map[string]bool, len(set.Artifacts))
		for _, id := range set.Artifacts {
			at, found := index[id]
			if !found || !c.Files[at].Modified.IsZero() {
				return errCatalog("set %q: no artifact %q", set.Name, id)
			}
			if seen[id] {
				return errCatalog("set %q: %q is there twice", set.Name, id)
			}
			seen[id] = true
		}
	}
	return nil
}
