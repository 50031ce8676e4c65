package bundle

import (
	"context"
	"hash"
	"io"

	"github.com/minimirror/minimirror/internal/content"
	"github.com/minimirror/minimirror/internal/hashpair"
)

// A carriedReader reads a part as it is carried, and hashes it.
type carriedReader struct {
	ctx      context.Context
	r        io.Reader
	hash     countedHash
	waiting  []byte // what was read and is not hashed yet
	progress func(int64)
	err      error // the first
}

func newCarriedReader(ctx context.Context, r io.Reader, progress func(int64)) *carriedReader {
	return &carriedReader{ctx: ctx, r: r, hash: newCountedHash(), progress: progress}
}

func (c *carriedReader) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		c.err = context.Cause(c.ctx)
		return 0, c.err
	}
	n, err := c.r.Read(p)
	c.waiting = append(c.waiting, p[:n]...)
	c.hash.size += int64(n)
	if len(c.waiting) >= 2*chunkSize {
		c.settle()
	}
	c.progress(int64(n))
	if err != nil && c.err == nil {
		c.err = err
	}
	return n, err
}

func (c *carriedReader) settle() {
	c.hash.hash.Write(c.waiting)
	c.waiting = c.waiting[:0]
}

// sum is the digest of what was read.
func (c *carriedReader) sum() string {
	c.settle()
	return c.hash.sum()
}

var _ content.Hasher = (*pieceReader)(nil)

// A pieceReader reads a piece of a blob from a part. The blob's hash has its turn together with the part's.
type pieceReader struct {
	io.LimitedReader
	part *carriedReader
}

// Hash implements content.Hasher.
func (r *pieceReader) Hash(h hash.Hash, p []byte) {
	hashpair.Write(r.part.hash.hash, h, r.part.waiting, p)
	r.part.waiting = r.part.waiting[:0]
}
