package bundle

import (
	"hash"
	"io"
	"sync"

	"github.com/minimirror/minimirror/internal/bundle/seal"
	"github.com/minimirror/minimirror/internal/hashpair"
)

// A partWriter encrypts a part, and hashes it in the clear, as it is carried, and the blobs in it, while it is written.
type partWriter struct {
	file           io.Writer
	body           io.WriteCloser // encrypts into waiting; nil: nothing does
	waiting        []byte
	clear, carried countedHash
}

func newPartWriter(file io.Writer, sealer seal.Sealer) (*partWriter, error) {
	w := &partWriter{file: file, clear: newCountedHash(), carried: newCountedHash()}
	if sealer == nil {
		return w, nil
	}
	var err error
	w.body, err = sealer.Seal((*sealed)(w))
	return w, err
}

// sealed takes what is encrypted.
type sealed partWriter

func (s *sealed) Write(p []byte) (int, error) {
	s.waiting = append(s.waiting, p...)
	return len(p), nil
}

func (w *partWriter) Write(p []byte) (int, error) { return len(p), w.write(p, nil) }

// write writes bytes in the clear. They are added to blob, too, unless it is nil.
func (w *partWriter) write(p []byte, blob hash.Hash) error {
	carried := p
	if w.body != nil {
		if _, err := w.body.Write(p); err != nil {
			return err
		}
		carried = w.waiting
	}
	w.clear.size += int64(len(p))
	return w.flush(p, carried, blob)
}

// flush writes what is encrypted, and hashes all meanwhile.
func (w *partWriter) flush(p, carried []byte, blob hash.Hash) error {
	var hashing sync.WaitGroup
	if len(carried) < 4096 {
		w.hash(p, carried, blob)
	} else {
		hashing.Go(func() { w.hash(p, carried, blob) })
	}
	_, err := w.file.Write(carried)
	hashing.Wait()
	w.carried.size += int64(len(carried))
	w.waiting = w.waiting[:0]
	return err
}

// hash adds the bytes to the hashes, of which two at a time have their turn.
func (w *partWriter) hash(p, carried []byte, blob hash.Hash) {
	clear, sealed := w.clear.hash, w.carried.hash
	switch {
	case w.body == nil && blob == nil:
		clear.Write(p)
	case w.body == nil:
		hashpair.Write(clear, blob, p, p)
	case blob == nil:
		hashpair.Write(clear, sealed, p, carried)
	default:
		half, halfCarried := len(p)/2, len(carried)/2
		hashpair.Write(clear, blob, p[:half], p[:half])
		hashpair.Write(clear, sealed, p[half:], carried[:halfCarried])
		hashpair.Write(blob, sealed, p[half:], carried[halfCarried:])
	}
}

// Close writes the rest. If nothing is encrypted, the part is carried as it is in the clear.
func (w *partWriter) Close() error {
	if w.body == nil {
		w.carried.hash = w.clear.hash
		return nil
	}
	if err := w.body.Close(); err != nil {
		return err
	}
	return w.flush(nil, w.waiting, nil)
}
