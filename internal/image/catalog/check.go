package catalog

import (
	"encoding/hex"
	"hash"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Errorf makes an artifact.ErrVerify about the catalog.
func Errorf(format string, args ...any) error {
	return artifact.Verifyf("catalog: "+format, args...)
}

// check compares the head with the size of the records.
func (h *Head) check(size int64) error {
	lock, isDigest := strings.CutPrefix(h.Lock, "sha256:")
	switch {
	case !artifact.ValidName(h.Name):
		return Errorf("name %q", h.Name)
	case !isDigest || !artifact.ValidSHA256(lock):
		return Errorf("lock %q is not a sha256 digest", h.Lock)
	case h.Architecture != "" && !artifact.ValidName(h.Architecture):
		return Errorf("architecture %q", h.Architecture)
	}
	for i, set := range h.Sets {
		switch {
		case !artifact.ValidName(set.Name), !set.ValidNodes():
			return Errorf("set %q for %q: not a valid name", set.Name, set.Nodes())
		case i > 0 && artifact.CompareSets(h.Sets[i-1].Set, set.Set) >= 0:
			return Errorf("set %q for %q: out of order or repeated", set.Name, set.Nodes())
		}
	}
	for _, t := range []*table{&h.Tables.Sets, &h.Tables.Items, &h.Tables.Files, &h.Tables.Sources, &h.Tables.Unused} {
		if t.Rows < 0 || t.Rows > maxRows || t.Levels < 0 || t.Levels > maxLevels {
			return Errorf("a table of %d rows in %d levels", t.Rows, t.Levels)
		}
		if err := checkRefs(t.Blocks, size, ""); err != nil {
			return err
		}
	}
	return nil
}

// Check checks a file against the format and the uncompressed sizes of the image's layers (nil: an unpacked tree; -1: unknown).
func (f *File) Check(layers []int64) error {
	switch {
	case !artifact.ValidPath(f.Path):
		return Errorf("file %q: not a valid path", f.Path)
	case !artifact.ValidSHA256(f.SHA256):
		return Errorf("file %q: sha256 %q", f.Path, f.SHA256)
	case f.Size < 0, f.Offset < 0, f.Layer < 0:
		return Errorf("file %q: a size, offset or layer below zero", f.Path)
	case layers != nil && f.Layer >= len(layers):
		return Errorf("file %q: layer %d of %d", f.Path, f.Layer, len(layers))
	case layers != nil && layers[f.Layer] >= 0 && f.Offset > layers[f.Layer]-f.Size:
		return Errorf("file %q: %d bytes at %d lie outside layer %d, which has %d",
			f.Path, f.Size, f.Offset, f.Layer, layers[f.Layer])
	}
	return nil
}

// A rowCheck checks the rows of the table of items against the format, the layers and the previous row. The
// order of keys is already checked.
type rowCheck struct {
	layers []int64 // sizes
	item   *Record // the previous row; nil: it was an alias, or there was none
	key    string  // of the previous row
	alias  bool    // it was one
}

// next checks a row, which is an alias where it has no record.
func (c *rowCheck) next(row *itemRow, r *Record) error {
	key := row.key()
	again, item, alias := key == c.key, c.item, c.alias
	c.item, c.key, c.alias = r, key, r == nil
	switch {
	case r == nil && (again && (alias || item != nil) || !artifact.ValidName(row.Kind)):
		return Errorf("alias %q of kind %q: out of order or repeated", row.Name, row.Kind)
	case r == nil:
		return nil
	case again && item != nil && artifact.Compare(&item.Item, &r.Item) >= 0:
		return Errorf("item %q: out of order or repeated", r.ID())
	}
	return r.check(c.layers)
}

// check checks an item against the format and the layers.
func (r *Record) check(layers []int64) error {
	if !artifact.ValidName(r.Kind) || !artifact.ValidName(r.Source) {
		return Errorf("item %q: no source %q of kind %q", r.ID(), r.Source, r.Kind)
	}
	if err := r.Check(); err != nil {
		return Errorf("item %q: %w", r.ID(), err)
	}
	for _, f := range r.Stored() {
		if err := f.Check(layers); err != nil {
			return err
		}
	}
	return nil
}

// checkMembers compares the items of a set with its summary.
func checkMembers(set *SetSummary, members []Record) error {
	seen := make(map[string]bool, len(members))
	for i := range members {
		id := members[i].ID()
		if seen[id] {
			return Errorf("set %q: %q is repeated", set.Name, id)
		}
		seen[id] = true
	}
	if size := sizeOf(members); len(members) != set.Count || size != set.Size {
		return Errorf("set %q: got %d items of %d bytes, want %d of %d", set.Name, len(members), size, set.Count, set.Size)
	}
	return nil
}

// sizeOf is the size of all files of the items in bytes, each counted once.
func sizeOf(items []Record) (size int64) {
	counted := make(map[string]bool, len(items))
	for i := range items {
		for f := range items[i].Files {
			if id := items[i].FileID(&items[i].Files[f]); !counted[id] {
				counted[id] = true
				size += items[i].Files[f].Size
			}
		}
	}
	return size
}

// share keeps each file once: items may share files, which must then be identical. IDs of items must be unique.
func (c *Catalog) share() error {
	all := len(c.Files)
	c.Files = slices.CompactFunc(c.Files, func(a, b File) bool { return a == b && a.Modified.IsZero() })
	for i := 1; i < len(c.Files); i++ {
		if c.Files[i].Path == c.Files[i-1].Path {
			return Errorf("file %q: repeated", c.Files[i].Path)
		}
	}
	keyless := !slices.ContainsFunc(c.Items, func(i artifact.Item) bool { return i.Key != "" })
	if keyless && len(c.Files) == all || len(c.ids()) == len(c.Items) {
		return nil // the paths of the files distinguish the items
	}
	return Errorf("two items are the same")
}

// ids are the IDs of all items.
func (c *Catalog) ids() map[string]bool {
	ids := make(map[string]bool, len(c.Items))
	for i := range c.Items {
		ids[c.Items[i].ID()] = true
	}
	return ids
}

// check checks that the tables agree with each other, and returns the place of each path in c.Files, which is sorted.
func (c *Catalog) check() (map[string]int32, error) {
	if err := c.share(); err != nil {
		return nil, err
	}
	index := make(map[string]int32, len(c.Files))
	for i := range c.Files {
		index[c.Files[i].Path] = int32(i)
	}
	kinds := make(map[string]string, len(c.Sources))
	for i := range c.Sources {
		s := &c.Sources[i]
		if !artifact.ValidName(s.Name) || !artifact.ValidName(s.Kind) {
			return nil, Errorf("source %q of kind %q: not a valid name", s.Name, s.Kind)
		}
		if kinds[s.Name] != "" {
			return nil, Errorf("source %q: repeated", s.Name)
		}
		kinds[s.Name] = s.Kind
		for _, r := range s.Releases {
			for _, p := range r.Proofs {
				at, found := index[s.ProofID(&p)]
				if !found || c.Files[at].Size != p.Size || c.Files[at].SHA256 != p.SHA256 || c.Files[at].Modified.IsZero() {
					return nil, Errorf("source %q: proof %q is not among the files, or they disagree", s.Name, p.Path)
				}
			}
		}
	}
	for i := range c.Items {
		a := &c.Items[i]
		if kinds[a.Source] == "" || kinds[a.Source] != a.Kind {
			return nil, Errorf("item %q: no source %q of kind %q", a.ID(), a.Source, a.Kind)
		}
	}
	return index, nil
}

// Agrees compares the file's SHA-256 with sum, the hash of its content; its error is an artifact.ErrVerify.
func (f *File) Agrees(sum hash.Hash) error {
	if got := hex.EncodeToString(sum.Sum(nil)); got != f.SHA256 {
		return artifact.Verifyf("%s: sha256 mismatch: got %s, want %s", f.Path, got, f.SHA256)
	}
	return nil
}
