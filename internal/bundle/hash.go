package bundle

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"sync"
)

// chunkSize is how many bytes are read at once.
const chunkSize = 256 << 10

// A hashWriter hashes what it passes on, while it is written.
type hashWriter struct {
	next io.Writer // nil: nowhere
	hash hash.Hash
	size int64
}

func newHashWriter(next io.Writer) *hashWriter {
	return &hashWriter{next: next, hash: sha256.New()}
}

func (w *hashWriter) Write(p []byte) (n int, err error) {
	w.size += int64(len(p))
	if w.next == nil {
		return w.hash.Write(p)
	}
	if len(p) < 4096 {
		w.hash.Write(p)
		return w.next.Write(p)
	}
	var hashing sync.WaitGroup
	hashing.Go(func() { w.hash.Write(p) })
	n, err = w.next.Write(p)
	hashing.Wait()
	return n, err
}

func (w *hashWriter) sum() string { return hex.EncodeToString(w.hash.Sum(nil)) }
