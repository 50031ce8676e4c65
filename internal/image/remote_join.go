package image

import (
	"cmp"
	"context"
	"io"
	"slices"
	"sync"

	"github.com/minimirror/minimirror/internal/filecache"
	"github.com/minimirror/minimirror/internal/image/catalog"
)

const (
	joinedFile  = filecache.Whole // bytes; larger files are read alone
	joinedGap   = 256 << 10       // bytes that are read and discarded rather than making two requests
	joinedMost  = 8 << 20         // bytes that are read with one request
	joinedReads = 8               // at the same time, of files here and there
	nearReads   = 4               // at the same time, if clients request neighbours: the fewer there are, the more files each has
)

// A joiner reads small files from a registry. It joins files that wait for their turn with their neighbours in the layer, and with files to
// read ahead: to the registry, a request costs more than the bytes of a small file.
type joiner struct {
	part  func(ctx context.Context, layer int, offset, size int64) (io.ReadCloser, error)
	ctx   context.Context // of the image
	ahead *readAhead

	mu      sync.Mutex
	waiting []*joined
	running int
	reads   sync.WaitGroup
}

// A joined is a file that is read with others: one that somebody waits for, or one that is read ahead.
type joined struct {
	file *catalog.File

	turn chan handed   // gets the file when it is its turn, or an error
	left chan struct{} // closed when the file has been read, or nobody wants it any more
	once sync.Once

	ahead *filecache.Arrival // nil: somebody waits
}

// A handed is a file whose turn it is.
type handed struct {
	body io.Reader
	err  error
}

// open waits for a file's turn. What it returns must be read without delay: others wait for it to be closed.
func (j *joiner) open(ctx context.Context, f *catalog.File) (io.ReadCloser, error) {
	w := &joined{file: f, turn: make(chan handed, 1), left: make(chan struct{})}
	j.mu.Lock()
	j.waiting = append(j.waiting, w)
	if j.running < j.ahead.parallel() && j.ctx.Err() == nil {
		j.running++
		j.reads.Go(j.work)
	}
	j.mu.Unlock()
	select {
	case h := <-w.turn:
		if h.err != nil {
			return nil, h.err
		}
		return &joinedBody{h.body, w}, nil
	case <-ctx.Done():
		w.leave()
		return nil, context.Cause(ctx)
	case <-j.ctx.Done():
		w.leave()
		return nil, context.Cause(j.ctx)
	}
}

func (w *joined) leave() { w.once.Do(func() { close(w.left) }) }

// A joinedBody is a file that is being read. Closed, it lets the next one be read.
type joinedBody struct {
	io.Reader
	joined *joined
}

func (b *joinedBody) Close() error {
	b.joined.leave()
	return nil
}

// work reads until nobody waits, or enough others read.
func (j *joiner) work() {
	for {
		j.mu.Lock()
		if len(j.waiting) == 0 || j.running > j.ahead.parallel() || j.ctx.Err() != nil {
			j.running--
			j.mu.Unlock()
			return
		}
		batch := j.next()
		j.mu.Unlock()
		batch = j.ahead.extend(batch)
		read, err := j.read(batch)
		for _, w := range batch[read:] {
			w.fail(err)
		}
	}
}

func (w *joined) fail(err error) {
	if w.ahead != nil {
		w.ahead.Fail(err)
	} else {
		w.turn <- handed{err: err}
	}
}

// next takes the file that waits longest, and those around it, in the order of the layer.
func (j *joiner) next() []*joined {
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
	size := func(from, to int) int64 { return end(same[to-1].file) - same[from].file.Offset }
	for to < len(same) && near(same[to-1].file, same[to].file) && size(from, to+1) <= joinedMost {
		to++
	}
	for from > 0 && near(same[from-1].file, same[from].file) && size(from-1, to) <= joinedMost {
		from--
	}
	batch := same[from:to]
	j.waiting = slices.DeleteFunc(j.waiting, func(w *joined) bool { return slices.Contains(batch, w) })
	return batch
}

// near reports whether b is a little behind a.
func near(a, b *catalog.File) bool {
	gap := b.Offset - end(a)
	return gap >= 0 && gap <= joinedGap
}

func end(f *catalog.File) int64 { return f.Offset + f.Size }

// read reads the files of a batch. It returns how many.
func (j *joiner) read(batch []*joined) (n int, err error) {
	position := batch[0].file.Offset
	body, err := j.part(j.ctx, batch[0].file.Layer, position, end(batch[len(batch)-1].file)-position)
	if err != nil {
		return 0, err
	}
	defer body.Close()
	for i, w := range batch {
		if err := skip(body, w.file.Offset-position); err != nil {
			return i, err
		}
		file := &failingReader{LimitedReader: io.LimitedReader{R: body, N: w.file.Size}}
		if w.ahead != nil {
			w.ahead.Take(file)
		} else {
			w.turn <- handed{body: file}
			select {
			case <-w.left:
			case <-j.ctx.Done():
				return i + 1, context.Cause(j.ctx)
			}
		}
		if file.err != nil {
			return i + 1, file.err
		}
		if err := skip(body, file.N); err != nil {
			return i + 1, err
		}
		position = end(w.file)
	}
	_, err = body.Read(make([]byte, 1)) // to the end, so that the connection can serve again
	if err == io.EOF {
		err = nil
	}
	return len(batch), err
}

// A failingReader remembers the error of what it reads.
type failingReader struct {
	io.LimitedReader
	err error
}

func (r *failingReader) Read(p []byte) (int, error) {
	n, err := r.LimitedReader.Read(p)
	if r.N > 0 && err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		r.err = err
	}
	return n, err
}

func skip(body io.Reader, n int64) error {
	_, err := io.CopyN(io.Discard, body, n)
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
