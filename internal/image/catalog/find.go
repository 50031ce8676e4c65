package catalog

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// leaves returns the table's blocks of rows: those that can have the keys, or all when keys is nil.
func (r *Reader) leaves(ctx context.Context, t *table, keys []string) ([]blockRef, error) {
	refs := t.Blocks
	for level := t.Levels; ; level-- {
		if keys != nil {
			refs = cover(refs, keys)
		}
		if level == 0 {
			return refs, nil
		}
		texts, err := r.texts(ctx, refs)
		if err != nil {
			return nil, err
		}
		var below []blockRef
		for i, text := range texts {
			inner, err := decodeRows(&refs[i], text, func(b *blockRef) string { return b.First })
			if err != nil {
				return nil, err
			}
			if err := checkRefs(inner, r.size, refs[i].end); err != nil {
				return nil, err
			}
			below = append(below, inner...)
		}
		refs = below
	}
}

// find reads the rows with these keys, from as few blocks as possible.
func find[T any](ctx context.Context, r *Reader, t *table, keys []string, key func(*T) string) (map[string][]T, error) {
	refs, err := r.leaves(ctx, t, keys)
	if err != nil {
		return nil, err
	}
	texts, err := r.texts(ctx, refs)
	if err != nil {
		return nil, err
	}
	wanted := make(map[string]bool, len(keys))
	for _, k := range keys {
		wanted[k] = true
	}
	found := make(map[string][]T, len(keys))
	for i, text := range texts {
		rows, err := decodeRows(&refs[i], text, key)
		if err != nil {
			return nil, err
		}
		for j := range rows {
			if k := key(&rows[j]); wanted[k] {
				found[k] = append(found[k], rows[j])
			}
		}
	}
	return found, nil
}

// Find returns the items of a kind with these names, by name, and the names for which aliases
// stand. A name may be both. Names that the image does not have are absent from the result.
func (r *Reader) Find(ctx context.Context, kind string, names []string) (map[string][]Record, map[string][]string, error) {
	keys := make([]string, len(names))
	for i, name := range names {
		keys[i] = itemKey(kind, name)
	}
	rows, err := find(ctx, r, &r.Tables.Items, keys, (*itemRow).key)
	if err != nil {
		return nil, nil, err
	}
	var reader rowReader
	records, aliases := make(map[string][]Record, len(names)), map[string][]string{}
	for _, list := range rows {
		check := rowCheck{layers: r.layers}
		for i := range list {
			row := &list[i]
			if row.Of != nil {
				aliases[row.Name] = row.Of
				if err := check.next(row, nil); err != nil {
					return nil, nil, err
				}
				continue
			}
			record, err := reader.record(row)
			if err == nil {
				err = check.next(row, &record)
			}
			if err != nil {
				return nil, nil, err
			}
			records[row.Name] = append(records[row.Name], record)
		}
	}
	return records, aliases, nil
}

// Set returns the items of a set, in its order, without URLs and Metadata. nodes is as Set.Nodes says.
func (r *Reader) Set(ctx context.Context, name, nodes string) ([]Record, error) {
	i := slices.IndexFunc(r.Sets, func(s SetSummary) bool { return s.Name == name && s.Nodes() == nodes })
	if i < 0 {
		return nil, errNoSet(name, nodes, r.Sets)
	}
	key := setKey(&r.Sets[i].Set)
	rows, err := find(ctx, r, &r.Tables.Sets, []string{key}, (*setMember).key)
	if err != nil {
		return nil, err
	}
	var reader rowReader
	records := make([]Record, len(rows[key]))
	for at := range records {
		if records[at], err = reader.record(&rows[key][at].itemRow); err == nil {
			err = records[at].check(r.layers)
		}
		if err != nil {
			return nil, err
		}
	}
	return records, checkMembers(&r.Sets[i], records)
}

func errNoSet(name, nodes string, sets []SetSummary) error {
	var there []string
	for _, s := range sets {
		there = append(there, s.Name+" ("+s.Nodes()+")")
	}
	err := fmt.Errorf("the image has no set %q for %s", name, nodes)
	if len(there) == 0 {
		return artifact.Hint(err, "it has no sets: add one to the definition, and build again")
	}
	return artifact.Hint(err, "it has: %s", strings.Join(there, ", "))
}

// Files returns generated files by path. Files that the image does not have are absent from the result.
func (r *Reader) Files(ctx context.Context, paths []string) (map[string]File, error) {
	rows, err := find(ctx, r, &r.Tables.Files, paths, (*File).key)
	if err != nil {
		return nil, err
	}
	files := make(map[string]File, len(rows))
	for path, list := range rows {
		if len(list) > 1 {
			return nil, Errorf("file %q: repeated", path)
		}
		if err := list[0].Check(r.layers); err != nil {
			return nil, err
		}
		files[path] = list[0]
	}
	return files, nil
}
