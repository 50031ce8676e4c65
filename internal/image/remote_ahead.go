package image

import (
	"cmp"
	"context"
	"io"
	"math/bits"
	"slices"
	"sync"

	"github.com/minimirror/minimirror/internal/filecache"
	"github.com/minimirror/minimirror/internal/image/catalog"
)

const (
	aheadMost  = 4 << 20 // bytes that are read with one request if not all of them are requested: docker-registry reads as many for each request
	aheadFiles = 512     // with one request
	aheadReads = 16      // that are remembered
	aheadLeast = 16      // requests of 32 that must be for neighbours
)

// A readAhead extends reads from a registry by the files that follow, as long as clients request such files: it counts how many
// of the last 32 requests were for files near others that had just been read. As many of 32 parts of aheadMost are read, if they are at least aheadLeast.
type readAhead struct {
	cache *filecache.Cache
	open  func(ctx context.Context, f *catalog.File) (io.ReadCloser, error) // reads a file that did not come as it should
	files []*catalog.File                                                   // small ones, in the order of the layers

	mu     sync.Mutex
	near   uint32 // a bit for each request: it was near
	useful int64  // files that came ahead and were requested, as far as they are in near
	reads  [aheadReads]readStart
	at     int // in reads
}

// A readStart is where a read began.
type readStart struct {
	layer  int
	offset int64
}

func newReadAhead(cache *filecache.Cache, files []catalog.File, open func(context.Context, *catalog.File) (io.ReadCloser, error)) *readAhead {
	a := &readAhead{cache: cache, open: open, near: 0xfffff << 12}
	for i := range a.reads {
		a.reads[i].layer = -1
	}
	for i := range files {
		if f := &files[i]; f.Size > 0 && f.Size <= joinedFile {
			a.files = append(a.files, f)
		}
	}
	slices.SortStableFunc(a.files, inLayer)
	return a
}

func inLayer(a, b *catalog.File) int {
	return cmp.Or(cmp.Compare(a.Layer, b.Layer), cmp.Compare(a.Offset, b.Offset))
}

// extend adds files that are worth reading together with those that clients wait for, in the order of the layer.
func (a *readAhead) extend(batch []*joined) []*joined {
	first := batch[0].file
	limit := first.Offset + a.window(batch)
	at, _ := slices.BinarySearchFunc(a.files, first, inLayer)
	last := end(batch[len(batch)-1].file)
	var all []*joined
	for position := first.Offset; at < len(a.files) && len(all) < aheadFiles; at++ {
		f := a.files[at]
		if f.Layer != first.Layer || end(f) > limit || f.Offset > max(position, last)+joinedGap {
			break
		}
		for len(batch) > 0 && batch[0].file.Offset <= f.Offset {
			position = max(position, end(batch[0].file))
			all, batch = append(all, batch[0]), batch[1:]
		}
		if f.Offset < position {
			continue
		}
		source := func(ctx context.Context, _ bool) (io.ReadCloser, error) { return a.open(ctx, f) }
		if arrival := a.cache.Ahead(filecache.File{SHA256: f.SHA256, Size: f.Size}, source); arrival != nil {
			all = append(all, &joined{file: f, ahead: arrival})
			position = end(f)
		}
	}
	return append(all, batch...)
}

// window notes the requests, and returns how many bytes are worth reading.
func (a *readAhead) window(batch []*joined) int64 {
	useful := a.cache.Stats().Useful
	a.mu.Lock()
	defer a.mu.Unlock()
	for ; a.useful < useful; a.useful++ {
		a.note(true)
	}
	for i, w := range batch {
		at := readStart{w.file.Layer, w.file.Offset}
		a.note(i > 0 || slices.ContainsFunc(a.reads[:], func(read readStart) bool {
			return read.layer == at.layer && at.offset >= read.offset && at.offset < read.offset+aheadMost
		}))
	}
	a.reads[a.at] = readStart{batch[0].file.Layer, batch[0].file.Offset}
	a.at = (a.at + 1) % len(a.reads)
	near := bits.OnesCount32(a.near)
	if near < aheadLeast {
		return 0
	}
	return aheadMost / 32 * int64(near)
}

// parallel is how many requests are worth making at the same time.
func (a *readAhead) parallel() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	if bits.OnesCount32(a.near) >= aheadLeast {
		return nearReads
	}
	return joinedReads
}

func (a *readAhead) note(near bool) {
	a.near <<= 1
	if near {
		a.near |= 1
	}
}
