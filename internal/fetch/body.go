package fetch

import (
	"context"
	"io"
	"time"
)

// watched is a body that is given up when it does not get on for a while.
type watched struct {
	io.Reader
	ctx      context.Context
	client   *Client
	timer    *time.Timer
	since    int64 // bytes since the timer was set
	received func(int64)
	failed   error // of the network, as opposed to the disk
}

// crawl is so little, in bytes, that a connection that brings no more in a minute is
// better tried anew.
const crawl = 1000

func (c *Client) watch(ctx context.Context, body io.Reader, giveUp func()) *watched {
	return &watched{Reader: body, ctx: ctx, client: c, timer: time.AfterFunc(c.stall, giveUp), received: c.Received}
}

func (w *watched) Read(p []byte) (int, error) {
	if limit := w.client.limit; limit != nil {
		p = p[:min(len(p), limit.Burst())]
	}
	n, err := w.Reader.Read(p)
	if w.since += int64(n); w.since >= crawl {
		w.timer.Reset(w.client.stall)
		w.since = 0
	}
	if n > 0 && w.received != nil {
		w.received(int64(n))
	}
	if err != nil && err != io.EOF {
		w.failed = err
		return n, err
	}
	if limit := w.client.limit; limit != nil && n > 0 {
		w.timer.Stop() // this wait is of our own making
		if waitErr := limit.WaitN(w.ctx, n); waitErr != nil {
			w.failed = waitErr
			return n, waitErr
		}
		w.timer.Reset(w.client.stall)
	}
	return n, err
}
