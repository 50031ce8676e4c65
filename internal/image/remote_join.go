package image

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"slices"
	"sync"

	"github.com/minimirror/minimirror/internal/image/catalog"
)

const (
	joinedFile  = 256 << 10 // bytes; larger files are read alone
	joinedGap   = 64 << 10  // bytes that are read for nothing rather than asking twice
	joinedMost  = 2 << 20   // bytes that are read with one request, and held in memory
	joinedReads = 8         // at the same time
)

// A joiner reads small files from a registry. Those that wait for their turn are joined with their neighbours in the layer: a request costs the
// registry more than the bytes of a small file.
type joiner struct {
	part func(ctx context.Context, layer int, offset, size int64) (io.ReadCloser, error)
	ctx  context.Context // of the image

	mu      sync.Mutex
	waiting []*joined
	running int
	reads   sync.WaitGroup
}

// A joined is a file that waits.
type joined struct {
	file *catalog.File
	data []byte
	err  error
	done chan struct{} // closed when there is one or the other
}

// open waits for a file's turn, and reads it.
func (j *joiner) open(ctx context.Context, f *catalog.File) (io.ReadCloser, error) {
	w := &joined{file: f, done: make(chan struct{})}
	j.mu.Lock()
	j.waiting = append(j.waiting, w)
	if j.running < joinedReads && j.ctx.Err() == nil {
		j.running++
		j.reads.Go(j.work)
	}
	j.mu.Unlock()
	select {
	case <-w.done:
		return io.NopCloser(bytes.NewReader(w.data)), w.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-j.ctx.Done():
		return nil, context.Cause(j.ctx)
	}
}

// work reads until nobody waits.
func (j *joiner) work() {
	for {
		j.mu.Lock()
		batch := j.next()
		if len(batch) == 0 || j.ctx.Err() != nil {
			j.running--
			j.mu.Unlock()
			return
		}
		j.mu.Unlock()
		err := j.read(batch)
		for _, w := range batch {
			if w.data == nil {
				w.err = err
			}
			close(w.done)
		}
	}
}

// next takes the file that waits longest, and those around it, in the order of the layer.
func (j *joiner) next() []*joined {
	if len(j.waiting) == 0 {
		return nil
	}
	first := j.waiting[0]
	same := make([]*joined, 0, len(j.waiting))
	for _, w := range j.waiting {
		if w.file.Layer == first.file.Layer {
			same = append(same, w)
		}
	}
	slices.SortStableFunc(same, func(a, b *joined) int { return cmp.Compare(a.file.Offset, b.file.Offset) })
	from := slices.Index(same, first)
	to := from + 1
	size := func(from, to int) int64 { return end(same[to-1]) - same[from].file.Offset }
	for to < len(same) && near(same[to-1], same[to]) && size(from, to+1) <= joinedMost {
		to++
	}
	for from > 0 && near(same[from-1], same[from]) && size(from-1, to) <= joinedMost {
		from--
	}
	batch := same[from:to]
	j.waiting = slices.DeleteFunc(j.waiting, func(w *joined) bool { return slices.Contains(batch, w) })
	return batch
}

// near reports whether b is a little behind a, or in its place.
func near(a, b *joined) bool {
	gap := b.file.Offset - end(a)
	return gap >= 0 && gap <= joinedGap || again(a, b)
}

// again reports whether two wait for the same bytes.
func again(a, b *joined) bool { return a.file.Offset == b.file.Offset && a.file.Size == b.file.Size }

func end(w *joined) int64 { return w.file.Offset + w.file.Size }

// read reads the files of a batch. Those that it has not read have no data.
func (j *joiner) read(batch []*joined) error {
	start := batch[0].file.Offset
	body, err := j.part(j.ctx, batch[0].file.Layer, start, end(batch[len(batch)-1])-start)
	if err != nil {
		return err
	}
	defer body.Close()
	position := start
	for i, w := range batch {
		if i > 0 && again(batch[i-1], w) {
			w.data = batch[i-1].data
			continue
		}
		if gap := w.file.Offset - position; gap > 0 {
			if _, err := io.CopyN(io.Discard, body, gap); err != nil {
				return unexpected(err)
			}
			position += gap
		}
		data := make([]byte, w.file.Size)
		if _, err := io.ReadFull(body, data); err != nil {
			return unexpected(err)
		}
		position += w.file.Size
		w.data = data
	}
	_, err = body.Read(make([]byte, 1)) // to the end, so that the connection can serve again
	if err == io.EOF {
		err = nil
	}
	return err
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
