package image

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
	maxCatalog  = 1 << 30  // bytes of rows in all, uncompressed: a whole distribution has 80 MB
	maxReserved = 1 << 17  // rows that memory is set aside for before they are read
	loadRun     = 64 << 10 // bytes of blocks that are read at once
)

// An itemRow is a row of the table of artifacts: a Record, or an Alias.
type itemRow struct {
	Record
	Of []string `json:"alias_of"`
}

// A briefRow is an artifactRow; its own fields hide the two that are left out.
type briefRow struct {
	itemRow
	URLs     ignored `json:"urls"`
	Metadata ignored `json:"metadata"`
}

type ignored struct{}

func (*ignored) UnmarshalJSON([]byte) error { return nil }

func (a *itemRow) key() string   { return itemKey(a.Kind, a.Name) }
func (m *setMember) key() string { return m.Set }
func (f *File) key() string      { return f.Path }

// load reads the whole catalog and checks it. Where it is to be brief, artifacts
// come without URLs and Metadata, two thirds of it.
func (r *CatalogReader) load(ctx context.Context, brief bool) (*Catalog, map[string]int32, error) {
	c := &Catalog{Name: r.Name, Date: r.Date, Lock: r.Lock}
	l := loader{CatalogReader: r}
	if err := l.artifacts(ctx, c, brief); err != nil {
		return nil, nil, err
	}
	if err := each(ctx, &l, &r.Tables.Files, (*File).key, func(f *File) error {
		if f.Modified.IsZero() {
			return errCatalog("file %q is neither an artifact nor has it a date", f.Path)
		}
		c.Files = append(c.Files, *f)
		return f.check(r.layers)
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
	*CatalogReader
	bytes int64
}

// sets reads the sets. Their artifacts must be those of the catalog.
func (l *loader) sets(ctx context.Context, c *Catalog, index map[string]int32) error {
	members := make(map[string][]Record, len(l.Sets))
	err := each(ctx, l, &l.Tables.Sets, (*setMember).key, func(m *setMember) error {
		if at, found := index[m.ID()]; !found || c.Files[at] != m.File() {
			return errCatalog("set %q: no artifact %q, or they disagree", m.Set, m.ID())
		}
		members[m.Set] = append(members[m.Set], m.Record)
		return nil
	})
	if err != nil {
		return err
	}
	for i := range l.Sets {
		set, key := l.Sets[i].Set, setKey(l.Sets[i].Name, l.Sets[i].Architecture)
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
		return errCatalog("set %q is not in the head", key)
	}
	return nil
}

// artifacts reads artifacts and aliases. The table goes by kind and name, the catalog by
// kind and source, then name.
func (l *loader) artifacts(ctx context.Context, c *Catalog, brief bool) error {
	expected := min(l.Tables.Artifacts.Rows, maxReserved)
	c.Items = make([]artifact.Item, 0, expected)
	c.Files = make([]File, 0, expected+min(l.Tables.Files.Rows, maxReserved))
	var last *itemRow
	var channels []string
	take := func(a *itemRow) error {
		if err := a.check(last, l.layers); err != nil {
			return err
		}
		last = a
		if a.Of != nil {
			c.Aliases = append(c.Aliases, ownAlias(a))
			return nil
		}
		shareText(&a.Item)
		if slices.Equal(a.Channels, channels) {
			a.Channels = channels
		}
		channels = a.Channels
		id := ownText(&a.Item)
		c.Items = append(c.Items, a.Item)
		c.Files = append(c.Files, File{Path: id, Layer: a.Layer, Offset: a.Offset, Size: a.Size, SHA256: a.SHA256})
		return nil
	}
	var err error
	if brief {
		err = each(ctx, l, &l.Tables.Artifacts, func(b *briefRow) string { return b.key() }, func(b *briefRow) error { return take(&b.itemRow) })
	} else {
		err = each(ctx, l, &l.Tables.Artifacts, (*itemRow).key, take)
	}
	slices.SortFunc(c.Items, func(a, b artifact.Item) int { return artifact.Compare(&a, &b) })
	return err
}

// shareText keeps one copy of texts that most artifacts have in common.
func shareText(a *artifact.Item) {
	for _, text := range []*string{&a.Kind, &a.Source, &a.Architecture} {
		*text = unique.Make(*text).Value()
	}
	for i, channel := range a.Channels {
		a.Channels[i] = unique.Make(channel).Value()
	}
}

// ownText copies the other texts, which are parts of a block, but not URLs and Metadata. One piece of memory
// holds them all. It returns the ID.
func ownText(a *artifact.Item) (id string) {
	path, version := len(a.Source)+1, len(a.Version)
	text := a.Source + "/" + a.Path + a.Version + a.SHA256
	id, text = text[:path+len(a.Path)], text[path+len(a.Path):]
	a.Path, a.Version, a.SHA256 = id[path:], text[:version], text[version:]
	if at := strings.Index(id, a.Name); at >= 0 {
		a.Name = id[at:][:len(a.Name)]
	} else {
		a.Name = strings.Clone(a.Name)
	}
	return id
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
		if l.bytes += res.bytes; l.bytes > maxCatalog {
			return errCatalog("more than %d bytes", maxCatalog)
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
		return errCatalog("a table has other than %d rows", t.Rows)
	}
	return nil
}
