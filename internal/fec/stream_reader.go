package fec

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/cespare/xxhash/v2"
)

// A Gap is bytes of a stream that are lost.
type Gap struct{ Offset, Length int64 }

func (g Gap) String() string { return fmt.Sprintf("bytes %d to %d", g.Offset, g.Offset+g.Length-1) }

// A LostError is the error of a Reader at the first bytes that it cannot restore. Length 0: the end of the stream is lost, and nobody knows how many bytes there were.
type LostError struct{ Gap Gap }

func (e *LostError) Error() string {
	if e.Gap.Length == 0 {
		return fmt.Sprintf("the stream ends after %d bytes, and its end is lost", e.Gap.Offset)
	}
	return e.Gap.String() + " of the stream are lost, more than its parity restores"
}

// A Reader reads what a Writer has written, after some of it was lost, damaged, repeated or exchanged within a window; also if what was lost were not whole frames. It keeps at most two windows
// in memory: about 24 MB.
type Reader struct {
	// Lost is called for each gap, in order. If it returns nil, the gap reads as zeros. If Lost is nil, or returns an error, that is the error of Read: a *LostError.
	// A gap without a length is the unknown rest of the stream.
	Lost func(Gap) error
	// Restored is how many frames of data were restored.
	Restored int64

	src     *bufio.Reader
	known   bool // stream is set
	stream  [8]byte
	windows map[uint32]*window
	next    uint32 // the window that Read needs
	offset  int64  // of what was put into pieces
	end     int64  // of the stream; -1: not known
	sourced error  // what ended src
	ended   bool   // the last frame was read
	pieces  []piece
	free    [][]byte // memory for payloads
	err     error
}

// A piece is bytes to be read: b, or so many zeros. done is the memory that is free afterwards.
type piece struct {
	b     []byte
	zeros int64
	done  []byte
}

// A window is what has arrived of it.
type window struct {
	frame    // of any of its frames
	payloads [][]byte
	have     [windowWords]int
}

// NewReader reads a stream.
func NewReader(src io.Reader) *Reader {
	return &Reader{src: bufio.NewReaderSize(src, 64<<10), windows: map[uint32]*window{}, end: -1}
}

// Read implements io.Reader.
func (r *Reader) Read(p []byte) (int, error) {
	for {
		for len(r.pieces) > 0 {
			if n := r.pieces[0].read(p); n > 0 || len(p) == 0 {
				return n, nil
			}
			if done := r.pieces[0].done; done != nil {
				r.free = append(r.free, done)
			}
			r.pieces = r.pieces[1:]
		}
		if r.err == nil {
			r.err = r.advance()
		}
		if r.err != nil && len(r.pieces) == 0 {
			return 0, r.err
		}
	}
}

func (p *piece) read(b []byte) int {
	if p.zeros > 0 {
		b = b[:min(int64(len(b)), p.zeros)]
		clear(b)
		p.zeros -= int64(len(b))
		return len(b)
	}
	n := copy(b, p.b)
	p.b = p.b[n:]
	return n
}

// advance reads frames until a window is complete, or cannot be any more, and makes pieces of it.
func (r *Reader) advance() error {
	for {
		if r.end >= 0 && r.offset >= r.end {
			return io.EOF
		}
		if w := r.windows[r.next]; w != nil && w.complete() {
			return r.deliver(w)
		}
		if r.sourced != nil {
			return r.finish()
		}
		b, err := r.scan()
		if err != nil {
			r.sourced = err
			continue
		}
		if w := r.accept(b); w != nil {
			return r.deliver(w)
		}
	}
}

// finish is advance when nothing follows: what there is of other windows is delivered in its order.
func (r *Reader) finish() error {
	if !errors.Is(r.sourced, io.EOF) {
		return r.sourced
	}
	if w := r.oldest(); w != nil {
		return r.deliver(w)
	}
	if r.end < 0 {
		if err := r.lost(Gap{Offset: r.offset}); err != nil {
			return err
		}
		return io.EOF
	}
	if err := r.gap(r.end); err != nil {
		return err
	}
	return io.EOF
}

// oldest is the window in memory with the lowest number.
func (r *Reader) oldest() (oldest *window) {
	for _, w := range r.windows {
		if oldest == nil || w.window < oldest.window {
			oldest = w
		}
	}
	return oldest
}

// scan finds the next frame whose checksums are right, wherever it begins. The bytes are valid until the next call.
func (r *Reader) scan() ([]byte, error) {
	for {
		b, err := r.src.Peek(frameSize)
		if len(b) == frameSize {
			if f, ok := parseFrame(b); ok && xxhash.Sum64(b[frameHeader:]) == f.payload {
				r.src.Discard(frameSize) //nolint:errcheck // as many are buffered
				return b, nil
			}
		} else if len(b) == 0 {
			return nil, err
		}
		b, _ = r.src.Peek(r.src.Buffered())
		skip := bytes.Index(b[1:], []byte(frameMagic)) + 1
		if skip == 0 {
			skip = max(1, len(b)-len(frameMagic)+1)
		}
		r.src.Discard(skip) //nolint:errcheck // the same
	}
}

// Drain reads what follows the last byte of the stream, up to the last repetition of its end, so that what writes into the pipe does not find it
// closed.
func (r *Reader) Drain() error {
	for r.sourced == nil && !r.ended {
		b, err := r.scan()
		if err != nil {
			r.sourced = err
			break
		}
		r.accept(b)
	}
	if errors.Is(r.sourced, io.EOF) {
		return nil
	}
	return r.sourced
}

// accept stores a frame. If it is of a window so far ahead that the oldest one is not waited for any more, it returns that one.
func (r *Reader) accept(b []byte) *window {
	f, _ := parseFrame(b)
	if !r.known {
		r.known, r.stream = true, f.stream
	}
	if f.stream != r.stream {
		return nil // of something else that is in the pipe
	}
	if f.kind == endOfStream {
		r.end = max(r.end, f.offset)
		r.ended = r.ended || f.index == endFrames-1
		return nil
	}
	if f.window < r.next {
		return nil // repeated, or late
	}
	w := r.windows[f.window]
	if w == nil {
		w = newWindow(f)
		r.windows[f.window] = w
	}
	if f.kind == lastWindow {
		r.end = f.offset + int64(f.length)
	}
	if i := int(f.index); w.same(f) && w.payloads[i] == nil && (i < w.sent() || i >= int(w.words)*int(w.data)) {
		w.payloads[i] = append(r.memory()[:0], b[frameHeader:]...)
		w.have[i%int(w.words)]++
	}
	if len(r.windows) > 2 {
		return r.oldest()
	}
	return nil
}

// memory is memory for a payload.
func (r *Reader) memory() []byte {
	if n := len(r.free); n > 0 {
		b := r.free[n-1]
		r.free = r.free[:n-1]
		return b
	}
	return make([]byte, payloadSize)
}

func newWindow(f frame) *window {
	w := &window{frame: f, payloads: make([][]byte, int(f.words)*(int(f.data)+int(f.parity)))}
	for i := w.sent(); i < int(f.words)*int(f.data); i++ { // known to be zeros
		w.have[i%int(f.words)]++
	}
	return w
}

// same reports whether a frame gives the window as its other frames do.
func (w *window) same(f frame) bool {
	return f.offset == w.offset && f.words == w.words && f.data == w.data && f.parity == w.parity && f.length == w.length && f.kind == w.kind
}

// complete reports whether the window can be restored.
func (w *window) complete() bool {
	for _, n := range w.have[:w.words] {
		if n < int(w.data) {
			return false
		}
	}
	return true
}
