package catalog

import (
	"context"
	"runtime"
	"slices"
	"strings"
	"unique"

	"github.com/minimirror/minimirror/internal/artifact"
)

const (
	maxRows     = 4 << 20  // of a table
	MaxCatalog  = 1 << 30  // bytes of rows in all, uncompressed: a whole distribution has 80 MB
	maxReserved = 1 << 17  // rows that memory is set aside for before they are read
	loadRun     = 64 << 10 // bytes of blocks that are read at once
)

func (r *itemRow) key() string   { return itemKey(r.Kind, r.Name) }
func (m *setMember) key() string { return m.Set }
func (f *File) key() string      { return f.Path }

// Load reads the whole catalog and checks it. If brief is set, it omits the items'
// URLs and Metadata, which are two thirds of it.
func (r *Reader) Load(ctx context.Context, brief bool) (*Catalog, map[string]int32, error) {
	c := &Catalog{Name: r.Name, Date: r.Date, Lock: r.Lock, Architecture: r.Architecture, Layers: r.Layers}
	l := loader{Reader: r}
	if err := l.items(ctx, c, brief); err != nil {
		return nil, nil, err
	}
	if err := each(ctx, &l, &r.Tables.Files, (*File).key, func(f *File) error {
		if f.Modified.IsZero() {
			return Errorf("file %q belongs to no item and has no date", f.Path)
		}
		c.Files = append(c.Files, *f)
		return f.Check(r.layers)
	}); err != nil {
		return nil, nil, err
	}
	if err := each(ctx, &l, &r.Tables.Sources, func(s *artifact.Source) string { return s.Name }, func(s *artifact.Source) error {
		c.Sources = append(c.Sources, *s)
		return nil
	}); err != nil {
		return nil, nil, err
	}
	slices.SortFunc(c.Files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	index, err := c.check()
	if err != nil {
		return nil, nil, err
	}
	return c, index, l.sets(ctx, c, index)
}

// A loader counts what it reads.
type loader struct {
	*Reader
	rowReader
	bytes int64
}

// sets reads the sets. Their items must be those of the catalog.
func (l *loader) sets(ctx context.Context, c *Catalog, index map[string]int32) error {
	if len(l.Sets) == 0 && l.Tables.Sets.Rows == 0 {
		return nil
	}
	members, ids := make(map[string][]Record, len(l.Sets)), c.ids()
	err := each(ctx, l, &l.Tables.Sets, (*setMember).key, func(m *setMember) error {
		r, err := l.record(&m.itemRow)
		if err != nil {
			return err
		}
		for _, f := range r.Stored() {
			if at, found := index[f.Path]; !found || c.Files[at] != f {
				return Errorf("set %q: item %q: no file %q, or they disagree", m.Set, r.ID(), f.Path)
			}
		}
		if !ids[r.ID()] {
			return Errorf("set %q: no item %q", m.Set, r.ID())
		}
		members[m.Set] = append(members[m.Set], r)
		return nil
	})
	if err != nil {
		return err
	}
	for i := range l.Sets {
		set, key := l.Sets[i].Set, setKey(&l.Sets[i].Set)
		if err := checkMembers(&l.Sets[i], members[key]); err != nil {
			return err
		}
		set.Items = nil
		for _, m := range members[key] {
			set.Items = append(set.Items, m.ID())
		}
		delete(members, key)
		c.Sets = append(c.Sets, set)
	}
	for key := range members {
		return Errorf("set %q is not in the head", key)
	}
	return nil
}

// items reads items and aliases. The table goes by kind and name, the catalog by
// kind and source, then name.
func (l *loader) items(ctx context.Context, c *Catalog, brief bool) error {
	expected := min(l.Tables.Items.Rows, maxReserved)
	c.Items = make([]artifact.Item, 0, expected)
	c.Files = make([]File, 0, expected+min(l.Tables.Files.Rows, maxReserved))
	check := rowCheck{layers: l.layers}
	take := func(row *itemRow) error {
		if row.Of != nil {
			c.Aliases = append(c.Aliases, ownAlias(row))
			return check.next(row, nil)
		}
		r, err := l.record(row)
		if err == nil {
			err = check.next(row, &r)
		}
		if err == nil {
			c.add(&r)
		}
		return err
	}
	var err error
	if brief {
		err = each(ctx, l, &l.Tables.Items, func(b *briefRow) string { return b.key() }, func(b *briefRow) error { return take(&b.itemRow) })
	} else {
		err = each(ctx, l, &l.Tables.Items, (*itemRow).key, take)
	}
	slices.SortFunc(c.Items, func(a, b artifact.Item) int { return artifact.Compare(&a, &b) })
	return err
}

// add adds an item and its files, in any order. It copies the strings, which are parts of a block, except URLs and Metadata: it stores
// common strings once, and the rest in one piece of memory.
func (c *Catalog) add(r *Record) {
	i := &r.Item
	i.Kind, i.Source = unique.Make(i.Kind).Value(), unique.Make(i.Source).Value()
	var text strings.Builder
	for f := range i.Files {
		text.WriteString(i.FileID(&i.Files[f]))
		text.WriteString(i.Files[f].SHA256)
	}
	text.WriteString(i.Version)
	text.WriteString(i.Key)
	rest, name := text.String(), ""
	take := func(n int) (piece string) {
		piece, rest = rest[:n], rest[n:]
		return piece
	}
	for at := range i.Files {
		f := &i.Files[at]
		id := take(len(i.Source) + 1 + len(f.Path))
		if found := strings.Index(id, i.Name); found >= 0 && name == "" {
			name = id[found:][:len(i.Name)]
		}
		f.Path, f.SHA256 = id[len(i.Source)+1:], take(len(f.SHA256))
		c.Files = append(c.Files, File{Path: id, Layer: r.Places[at].Layer, Offset: r.Places[at].Offset, Size: f.Size, SHA256: f.SHA256})
	}
	i.Version, i.Key = take(len(i.Version)), take(len(i.Key))
	if name == "" {
		name = strings.Clone(i.Name)
	}
	i.Name = name
	c.Items = append(c.Items, *i)
}

func ownAlias(a *itemRow) Alias {
	alias := Alias{unique.Make(a.Kind).Value(), strings.Clone(a.Name), slices.Clone(a.Of)}
	for i, name := range alias.Of {
		alias.Of[i] = strings.Clone(name)
	}
	return alias
}

// each reads all rows of a table, in order; blocks are decoded in parallel.
func each[T any](ctx context.Context, l *loader, t *table, key func(*T) string, take func(*T) error) error {
	refs, err := l.leaves(ctx, t, nil)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		rows  [][]T
		bytes int64
		err   error
	}
	queue := make(chan chan result, runtime.GOMAXPROCS(0))
	go func() {
		defer close(queue)
		for _, n := range runs(refs, loadRun) {
			one := make(chan result, 1)
			select {
			case queue <- one:
			case <-ctx.Done():
				return
			}
			go func() {
				var res result
				res.err = l.read(ctx, n, func(ref *blockRef, text string) error {
					rows, err := decodeRows(ref, text, key)
					res.rows, res.bytes = append(res.rows, rows), res.bytes+int64(len(text))
					return err
				})
				one <- res
			}()
		}
	}()
	var count int64
	for one := range queue {
		res := <-one
		if res.err != nil {
			return res.err
		}
		if l.bytes += res.bytes; l.bytes > MaxCatalog {
			return Errorf("more than %d bytes", MaxCatalog)
		}
		for _, rows := range res.rows {
			if count += int64(len(rows)); count > t.Rows {
				break
			}
			for i := range rows {
				if err := take(&rows[i]); err != nil {
					return err
				}
			}
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if count != t.Rows {
		return Errorf("a table has other than %d rows", t.Rows)
	}
	return nil
}
