package catalog

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/errgroup"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/layout"
)

const (
	MaxHead      = 4 << 20 // bytes of a head, compressed; uncompressed no more than maxBlock
	maxGap       = 1 << 10 // bytes read for nothing rather than asking twice
	maxRun       = 1 << 20 // bytes of blocks read at once
	maxKept      = 4 << 20 // bytes of blocks, uncompressed, kept for the next search
	parallelRuns = 4
)

// A Reader reads a catalog piece by piece. Its methods may be called by many
// goroutines.
type Reader struct {
	Head
	HeadDigest string // "sha256:…" of the head, which has the digests of all else: it identifies what the image carries

	layers  []int64 // sizes, uncompressed; nil: an unpacked tree
	size    int64   // of the records
	records func(ctx context.Context, offset, size int64) ([]byte, error)
	decoder *zstd.Decoder

	mu        sync.Mutex
	kept      map[int64]string // rows of blocks, by offset
	keptBytes int
}

// NewReader reads and checks the head. The records are checked
// when they are read.
func NewReader(head []byte, size int64, layers []int64, records func(ctx context.Context, offset, size int64) ([]byte, error)) (*Reader, error) {
	decoder, err := newBlockDecoder()
	if err != nil {
		return nil, err
	}
	r := &Reader{HeadDigest: DigestOf(head), layers: layers, size: size, records: records, decoder: decoder, kept: map[int64]string{}}
	text, err := decoder.DecodeAll(head, nil)
	if err != nil {
		return nil, Errorf("%w", err)
	}
	var version struct{ Version int }
	if err := json.Unmarshal(text, &version); err != nil {
		return nil, Errorf("%w", err)
	}
	if version.Version < 1 || version.Version > FormatVersion {
		return nil, artifact.Hint(fmt.Errorf("catalog: version %d: this program reads versions 1 to %d", version.Version, FormatVersion),
			"use the program that the image holds: /%s", layout.ProgramPath)
	}
	if err := json.Unmarshal(text, &r.Head); err != nil {
		return nil, Errorf("%w", err)
	}
	if r.Version == 1 {
		r.Tables.Items = r.Tables.Version1
	}
	r.Tables.Version1 = table{}
	return r, r.Head.check(size)
}

// CountUnused is the number of unused files, and their total size in bytes.
func (r *Reader) CountUnused() (files, size int64) { return r.Tables.Unused.Rows, r.Head.Unused }

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
func (r *Reader) read(ctx context.Context, n run, take func(ref *blockRef, text string) error) error {
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
func (r *Reader) texts(ctx context.Context, refs []blockRef) ([]string, error) {
	r.mu.Lock()
	known := make(map[int64]string, len(refs))
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
			return r.read(ctx, n, func(ref *blockRef, text string) error {
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
	texts := make([]string, len(refs))
	for i, ref := range refs {
		texts[i] = known[ref.Offset]
	}
	return texts, nil
}

func (r *Reader) keep(offset int64, text string) {
	if r.keptBytes+len(text) > maxKept {
		clear(r.kept)
		r.keptBytes = 0
	}
	if len(text) <= maxKept {
		r.kept[offset] = text
		r.keptBytes += len(text)
	}
}
