package filecache

import (
	"context"
	"crypto/sha256"
	"hash"
	"io"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A passing file goes from its source to one reader, past the folder. Every reading of it begins at the first byte, so that its
// digest is known at the end.
type passing struct {
	cache  *Cache
	ctx    context.Context
	file   File
	source Source

	body   io.ReadCloser // nil: not begun
	sum    hash.Hash
	next   int64             // the offset of what body gives next
	buffer *[bufferSize]byte // has the bytes before next:
	from   int64             // the offset of its first
}

func (c *Cache) pass(ctx context.Context, f File, source Source) (*passing, error) {
	select {
	case c.passing <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	c.mu.Lock()
	c.stats.Passed++
	c.mu.Unlock()
	p := &passing{cache: c, ctx: ctx, file: f, source: source, buffer: buffers.Get().(*[bufferSize]byte)}
	if err := p.begin(); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// begin reads the first bytes. A file that fits into the buffer is then verified.
func (p *passing) begin() (err error) {
	p.end()
	if p.body, err = p.source(p.ctx, true); err != nil {
		return err
	}
	p.sum, p.next, p.from = sha256.New(), 0, 0
	if err := p.fill(); err != nil || p.next < p.file.Size {
		return err
	}
	return p.verify()
}

// fill replaces what is in the buffer by what follows.
func (p *passing) fill() error {
	p.from = p.next
	n, err := io.ReadFull(p.body, p.buffer[:min(bufferSize, p.file.Size-p.next)])
	p.sum.Write(p.buffer[:n])
	p.next += int64(n)
	p.cache.received(n)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = artifact.Verifyf("size mismatch: got %d, want %d bytes", p.next, p.file.Size)
	}
	return err
}

// verify reads the rest and compares the digest. What is in the buffer is lost if there is a rest.
func (p *passing) verify() error {
	for p.next < p.file.Size {
		if err := p.fill(); err != nil {
			return err
		}
	}
	err := agrees(p.file, p.next, p.sum.Sum(nil))
	if n, _ := p.body.Read(make([]byte, 1)); err == nil && n > 0 {
		err = artifact.Verifyf("size mismatch: got more than %d bytes", p.file.Size)
	}
	if err != nil {
		p.cache.wrong()
	}
	return err
}

// read reads at least one byte. The last byte of to is read only when the whole file has been verified.
func (p *passing) read(to []byte, offset int64) (int, error) {
	if p.body == nil || offset < p.from {
		if err := p.begin(); err != nil {
			return 0, err
		}
	}
	for offset >= p.next {
		if err := p.fill(); err != nil {
			return 0, err
		}
	}
	if len(to) > 1 {
		return copy(to[:len(to)-1], p.buffer[offset-p.from:p.next-p.from]), nil
	}
	last := p.buffer[offset-p.from]
	if err := p.verify(); err != nil {
		return 0, err
	}
	to[0] = last
	return 1, nil
}

func (p *passing) end() {
	if p.body != nil {
		p.body.Close()
		p.body = nil
	}
}

func (p *passing) close() {
	p.end()
	buffers.Put(p.buffer)
	<-p.cache.passing
}
