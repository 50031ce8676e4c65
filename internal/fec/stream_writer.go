package fec

import (
	"crypto/rand"
	"fmt"
	"io"

	"github.com/minimirror/minimirror/internal/fec/erasure"
)

// A Writer writes a stream with parity. It keeps one window in memory: about 12 MB.
type Writer struct {
	out    io.Writer
	share  Share
	stream [8]byte
	data   int // frames of data in each codeword of a full window
	offset int64
	window uint32
	memory []byte // of the window: data
	filled int
	parity []byte
	closed bool
}

// NewWriter begins a stream that survives the loss of the declared share of its frames, or of somewhat less of its bytes if what is lost are not frames. Close ends
// it.
func NewWriter(out io.Writer, share Share) (*Writer, error) {
	if share < MinShare || share > MaxShare {
		return nil, fmt.Errorf("%s: not between %s and %s", share, MinShare, MaxShare)
	}
	w := &Writer{out: out, share: share, data: fullWindow(share)}
	w.memory = make([]byte, windowWords*w.data*payloadSize)
	rand.Read(w.stream[:]) //nolint:errcheck // never fails
	return w, nil
}

// fullWindow is the largest number of frames of data in a codeword.
func fullWindow(share Share) int {
	for data := erasure.MaxPoints - 1; ; data -= 32 {
		if data < 32 || erasure.Fits(data, streamParity(share, data)) {
			return data
		}
	}
}

// Write implements io.Writer.
func (w *Writer) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		if w.filled == len(w.memory) {
			if err := w.flush(0); err != nil {
				return n, err
			}
		}
		k := copy(w.memory[w.filled:], p)
		w.filled += k
		n += k
		p = p[k:]
	}
	return n, nil
}

// Close ends the stream. It does not close what it was written to.
func (w *Writer) Close() error {
	if w.closed {
		return nil
	}
	w.closed = true
	if w.filled > 0 {
		if err := w.flush(lastWindow); err != nil {
			return err
		}
	}
	b := make([]byte, frameSize)
	for i := range uint32(endFrames) {
		f := frame{stream: w.stream, offset: w.offset, window: w.window, index: i, kind: endOfStream}
		f.put(b)
		if _, err := w.out.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// flush writes the window.
func (w *Writer) flush(kind byte) error {
	sent := (w.filled + payloadSize - 1) / payloadSize
	words := 1
	if sent > w.data {
		words = windowWords
	}
	data := (sent + words - 1) / words
	parity := streamParity(w.share, data)
	code, err := erasure.New(data, parity)
	if err != nil {
		return err
	}
	clear(w.memory[w.filled : sent*payloadSize])
	if len(w.parity) < words*parity*payloadSize {
		w.parity = make([]byte, words*parity*payloadSize)
	}
	payload := func(i int) []byte { // of a frame
		switch {
		case i < sent:
			return w.memory[i*payloadSize:][:payloadSize]
		case i < words*data:
			return nil
		}
		return w.parity[(i-words*data)*payloadSize:][:payloadSize]
	}
	shards := make([][]byte, data+parity)
	for c := range words {
		for i := range shards {
			shards[i] = payload(i*words + c)
		}
		if err := code.Encode(shards[:data], shards[data:]); err != nil {
			return err
		}
	}
	f := frame{stream: w.stream, offset: w.offset, window: w.window, words: uint16(words), data: uint16(data), parity: uint16(parity), kind: kind, length: uint32(w.filled)} //nolint:gosec // see erasure.MaxPoints
	b := make([]byte, 0, 64*frameSize)
	for i := range words * (data + parity) {
		if p := payload(i); p != nil {
			f.index = uint32(i) //nolint:gosec // the same
			at := len(b)
			b = append(b[:at+frameHeader], p...)
			f.put(b[at:])
		}
		if len(b) == cap(b) || i == words*(data+parity)-1 {
			if _, err := w.out.Write(b); err != nil {
				return err
			}
			b = b[:0]
		}
	}
	w.offset += int64(w.filled)
	w.window++
	w.filled = 0
	return nil
}

// StreamSize is how many bytes a stream of so many bytes has with parity.
func StreamSize(share Share, size int64) int64 {
	full := int64(fullWindow(share))
	frames := (size + payloadSize - 1) / payloadSize
	windows := size / (windowWords * full * payloadSize)
	frames += windows * windowWords * int64(streamParity(share, int(full)))
	if rest := size - windows*windowWords*full*payloadSize; rest > 0 {
		sent, words := (rest+payloadSize-1)/payloadSize, int64(1)
		if sent > full {
			words = windowWords
		}
		frames += words * int64(streamParity(share, int((sent+words-1)/words)))
	}
	return (frames + endFrames) * frameSize
}
