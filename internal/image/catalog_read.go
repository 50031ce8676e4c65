package image

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/errgroup"

	"github.com/minimirror/minimirror/internal/artifact"
)

const (
	maxHead      = 4 << 20 // bytes of a head, compressed; uncompressed no more than maxBlock
	maxGap       = 1 << 10 // bytes read for nothing rather than asking twice
	maxRun       = 1 << 20 // bytes of blocks read at once
	maxKept      = 4 << 20 // bytes of blocks, uncompressed, kept for the next search
	parallelRuns = 4
)

// A CatalogReader reads a catalog piece by piece. Its methods may be called by many
// goroutines.
type CatalogReader struct {
	Head
	layers  []StoredLayer // nil: an unpacked tree
	size    int64         // of the records
	records func(ctx context.Context, offset, size int64) ([]byte, error)
	decoder *zstd.Decoder

	mu        sync.Mutex
	kept      map[int64][]byte // rows of blocks, by offset
	keptBytes int
}

// newCatalogReader reads the head. What it says is checked here; what the records say,
// when they are read.
func newCatalogReader(head []byte, size int64, layers []StoredLayer, records func(ctx context.Context, offset, size int64) ([]byte, error)) (*CatalogReader, error) {
	decoder, err := newBlockDecoder()
	if err != nil {
		return nil, err
	}
	r := &CatalogReader{layers: layers, size: size, records: records, decoder: decoder, kept: map[int64][]byte{}}
	text, err := decoder.DecodeAll(head, nil)
	if err != nil {
		return nil, errCatalog("%w", err)
	}
	var version struct{ Version int }
	if err := json.Unmarshal(text, &version); err != nil {
		return nil, errCatalog("%w", err)
	}
	if version.Version != FormatVersion {
		return nil, artifact.Hint(fmt.Errorf("catalog: version %d, and this program reads %d", version.Version, FormatVersion),
			"use the program that the image holds: /%s", ProgramPath)
	}
	if err := json.Unmarshal(text, &r.Head); err != nil {
		return nil, errCatalog("%w", err)
	}
	return r, r.Head.check(size)
}

// findCatalog returns where the labels of an image's configuration say that its catalog is.
func findCatalog(labels map[string]string, layers []StoredLayer) (*catalogPlace, error) {
	if len(layers) == 0 {
		return nil, errForeign("it has no layers")
	}
	label := labels[CatalogLabel]
	if label == "" {
		return nil, errForeign("its configuration has no label " + CatalogLabel)
	}
	var place catalogPlace
	if err := json.Unmarshal([]byte(label), &place); err != nil {
		return nil, errCatalog("label %s: %w", CatalogLabel, err)
	}
	if !artifact.ValidSHA256(place.SHA256) {
		return nil, errCatalog("label %s: sha256 %q", CatalogLabel, place.SHA256)
	}
	size := layers[len(layers)-1].Size
	for _, p := range []layerPlace{place.Head, place.Records} {
		if p.Offset < 0 || p.Size < 0 || size >= 0 && p.Offset > size-p.Size {
			return nil, errCatalog("%d bytes at %d lie outside the last layer, which has %d", p.Size, p.Offset, size)
		}
	}
	if place.Head.Size > maxHead {
		return nil, errCatalog("a head of %d bytes, more than %d", place.Head.Size, maxHead)
	}
	return &place, nil
}

// verify holds the head against the label.
func (p *catalogPlace) verify(head []byte) error {
	if got := digestOf(head); got != "sha256:"+p.SHA256 {
		return errCatalog("sha256 mismatch: got %s, want sha256:%s", got, p.SHA256)
	}
	return nil
}

// A run is a list of blocks that are read at once.
type run struct {
	refs         []blockRef
	offset, size int64
}

// runs joins neighbours. refs are sorted by place.
func runs(refs []blockRef, most int64) (all []run) {
	for _, ref := range refs {
		if n := len(all) - 1; n >= 0 {
			last := &all[n]
			if end := last.offset + last.size; ref.Offset >= end && ref.Offset-end <= maxGap && ref.Offset+ref.Size-last.offset <= most {
				last.refs, last.size = append(last.refs, ref), ref.Offset+ref.Size-last.offset
				continue
			}
		}
		all = append(all, run{[]blockRef{ref}, ref.Offset, ref.Size})
	}
	return all
}

// read reads the run and hands over the rows of each block.
func (r *CatalogReader) read(ctx context.Context, n run, take func(ref *blockRef, text []byte) error) error {
	data, err := r.records(ctx, n.offset, n.size)
	if err != nil {
		return err
	}
	for i := range n.refs {
		ref := &n.refs[i]
		text, err := ref.open(r.decoder, data[ref.Offset-n.offset:][:ref.Size])
		if err == nil {
			err = take(ref, text)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// texts returns the rows of blocks, in the order of refs.
func (r *CatalogReader) texts(ctx context.Context, refs []blockRef) ([][]byte, error) {
	r.mu.Lock()
	known := make(map[int64][]byte, len(refs))
	var missing []blockRef
	for _, ref := range refs {
		if text, found := r.kept[ref.Offset]; found {
			known[ref.Offset] = text
		} else {
			missing = append(missing, ref)
		}
	}
	r.mu.Unlock()
	slices.SortFunc(missing, func(a, b blockRef) int { return int(min(max(a.Offset-b.Offset, -1), 1)) })
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallelRuns)
	for _, n := range runs(missing, maxRun) {
		group.Go(func() error {
			return r.read(ctx, n, func(ref *blockRef, text []byte) error {
				r.mu.Lock()
				defer r.mu.Unlock()
				known[ref.Offset] = text
				r.keep(ref.Offset, text)
				return nil
			})
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	texts := make([][]byte, len(refs))
	for i, ref := range refs {
		texts[i] = known[ref.Offset]
	}
	return texts, nil
}

func (r *CatalogReader) keep(offset int64, text []byte) {
	if r.keptBytes+len(text) > maxKept {
		clear(r.kept)
		r.keptBytes = 0
	}
	if len(text) <= maxKept {
		r.kept[offset] = text
		r.keptBytes += len(text)
	}
}

// leaves returns the table's blocks of rows: those that can have the keys, or all when keys is nil.
func (r *CatalogReader) leaves(ctx context.Context, t *table, keys []string) ([]blockRef, error) {
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

// find reads the rows with these keys, and no more blocks than they need.
func find[T any](ctx context.Context, r *CatalogReader, t *table, keys []string, key func(*T) string, check func(*T) error) (map[string][]T, error) {
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
			k := key(&rows[j])
			if !wanted[k] {
				continue
			}
			if err := check(&rows[j]); err != nil {
				return nil, err
			}
			found[k] = append(found[k], rows[j])
		}
	}
	return found, nil
}

// Find returns the artifacts of a kind with these names, by name, and the names behind those that are
// aliases. A name may be both. Those that the image has not are missing.
func (r *CatalogReader) Find(ctx context.Context, kind string, names []string) (map[string][]Record, map[string][]string, error) {
	keys := make([]string, len(names))
	for i, name := range names {
		keys[i] = artifactKey(kind, name)
	}
	var last *artifactRow
	rows, err := find(ctx, r, &r.Tables.Artifacts, keys, (*artifactRow).key, func(a *artifactRow) error {
		defer func() { last = a }()
		return a.check(last, r.layers)
	})
	if err != nil {
		return nil, nil, err
	}
	records, aliases := make(map[string][]Record, len(names)), map[string][]string{}
	for _, list := range rows {
		for i := range list {
			a := &list[i]
			if a.Of != nil {
				aliases[a.Name] = a.Of
			} else {
				records[a.Name] = append(records[a.Name], a.Record)
			}
		}
	}
	return records, aliases, nil
}

// Set returns the artifacts of a set, in its order, without URLs and Metadata.
func (r *CatalogReader) Set(ctx context.Context, name, architecture string) ([]Record, error) {
	i := slices.IndexFunc(r.Sets, func(s SetSummary) bool { return s.Name == name && s.Architecture == architecture })
	if i < 0 {
		return nil, errNoSet(name, architecture, r.Sets)
	}
	key := setKey(name, architecture)
	rows, err := find(ctx, r, &r.Tables.Sets, []string{key}, (*setMember).key, func(m *setMember) error { return m.check(r.layers) })
	if err != nil {
		return nil, err
	}
	records := make([]Record, len(rows[key]))
	for i := range records {
		records[i] = rows[key][i].Record
	}
	return records, checkMembers(&r.Sets[i], records)
}

func errNoSet(name, architecture string, sets []SetSummary) error {
	var there []string
	for _, s := range sets {
		there = append(there, s.Name+" ("+s.Architecture+")")
	}
	err := fmt.Errorf("the image has no set %q for %s", name, architecture)
	if len(there) == 0 {
		return artifact.Hint(err, "it has no sets: add one to the definition, and build again")
	}
	return artifact.Hint(err, "it has: %s", strings.Join(there, ", "))
}

// Files returns generated files by path. Those that the image has not are missing.
func (r *CatalogReader) Files(ctx context.Context, paths []string) (map[string]File, error) {
	rows, err := find(ctx, r, &r.Tables.Files, paths, (*File).key, func(f *File) error { return f.check(r.layers) })
	if err != nil {
		return nil, err
	}
	files := make(map[string]File, len(rows))
	for path, list := range rows {
		if len(list) > 1 {
			return nil, errCatalog("file %q: there twice", path)
		}
		files[path] = list[0]
	}
	return files, nil
}
