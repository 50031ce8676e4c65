package transfer

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
)

// crawl is so little, in bytes, that a connection that brings no more within the time of a stall is
// better tried anew.
const crawl = 1000

// A body is the body of an answer. It is given up when it does not get on for a while. Only the
// server's time counts, not that of who reads.
type body struct {
	io.ReadCloser
	ctx    context.Context // of the request
	cancel context.CancelCauseFunc
	client *Client
	watch  *time.Timer
	left   time.Duration // until the body has stalled
	since  int64         // bytes since left was set
}

// watch makes a context that ends when a server that is asked at address is silent for too long.
func (c *Client) watch(ctx context.Context, address string) *body {
	b := &body{client: c, left: c.o.Stall}
	b.ctx, b.cancel = context.WithCancelCause(ctx)
	b.watch = time.AfterFunc(b.left, func() {
		b.cancel(&Temporary{fmt.Errorf("%s: no progress for %s", artifact.Redacted(address), c.o.Stall), 0})
	})
	return b
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	limit := b.client.limit
	if limit != nil {
		p = p[:min(len(p), limit.Burst())]
	}
	begin := time.Now()
	b.watch.Reset(b.left)
	n, err := b.ReadCloser.Read(p)
	b.watch.Stop()
	if b.since += int64(n); b.since >= crawl {
		b.left, b.since = b.client.o.Stall, 0
	} else {
		b.left = max(b.left-time.Since(begin), time.Millisecond)
	}
	if n > 0 && b.client.Received != nil {
		b.client.Received(int64(n))
	}
	if err != nil && err != io.EOF {
		return n, b.cause(err)
	}
	if limit != nil && n > 0 {
		if waitErr := limit.WaitN(b.ctx, n); waitErr != nil {
			return n, b.cause(waitErr)
		}
	}
	return n, err
}

// cause is why the request ended, if it was not the server that ended it.
func (b *body) cause(err error) error {
	if cause := context.Cause(b.ctx); cause != nil {
		return cause
	}
	return err
}

// Close implements io.Closer.
func (b *body) Close() error {
	b.watch.Stop()
	b.cancel(nil)
	return b.ReadCloser.Close()
}
