package fec

import (
	"fmt"

	"github.com/minimirror/minimirror/internal/fec/erasure"
)

// deliver restores what it can of a window, and makes pieces of it.
func (r *Reader) deliver(w *window) error {
	delete(r.windows, w.window)
	r.next = w.window + 1
	if w.offset < r.offset {
		return fmt.Errorf("window %d begins at byte %d of the stream, and the one before ends at %d", w.window, w.offset, r.offset)
	}
	if err := r.gap(w.offset); err != nil {
		return err
	}
	if err := r.restore(w); err != nil {
		return err
	}
	end := w.offset + int64(w.length)
	for i := range w.sent() {
		to := min(w.offset+int64(i+1)*payloadSize, end)
		b := w.payloads[i]
		if b == nil {
			continue // the next one that is there, or the end, makes the gap
		}
		if err := r.gap(w.offset + int64(i)*payloadSize); err != nil {
			return err
		}
		r.pieces = append(r.pieces, piece{b: b[:to-r.offset], done: b})
		r.offset = to
	}
	for _, b := range w.payloads[w.sent():] {
		if b != nil {
			r.free = append(r.free, b)
		}
	}
	return r.gap(end)
}

// restore restores the codewords of a window that can be.
func (r *Reader) restore(w *window) error {
	words, n := int(w.words), int(w.data)+int(w.parity)
	var code *erasure.Code
	shards, present := make([][]byte, n), make([]bool, n)
	for c := range words {
		if w.have[c] < int(w.data) {
			continue
		}
		missing := false
		for i := range shards {
			at := i*words + c
			shards[i] = w.payloads[at]
			present[i] = shards[i] != nil || at >= w.sent() && i < int(w.data)
			if !present[i] && i < int(w.data) {
				shards[i] = r.memory()
				w.payloads[at] = shards[i]
				missing = true
				r.Restored++
			}
		}
		if !missing {
			continue
		}
		var err error
		if code == nil {
			code, err = erasure.New(int(w.data), int(w.parity))
		}
		if err == nil {
			err = code.Restore(shards, present)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// gap makes zeros up to a place in the stream, if there is anything before it.
func (r *Reader) gap(end int64) error {
	if end <= r.offset {
		return nil
	}
	if err := r.lost(Gap{r.offset, end - r.offset}); err != nil {
		return err
	}
	r.pieces = append(r.pieces, piece{zeros: end - r.offset})
	r.offset = end
	return nil
}

func (r *Reader) lost(g Gap) error {
	if r.Lost == nil {
		return &LostError{g}
	}
	return r.Lost(g)
}
