// Package fetch brings files from upstream into the cache. Nothing is kept or
// handed on before its size and SHA-256 were verified. How servers are asked, and what happens when one fails,
// internal/transfer knows.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync/atomic"
	"syscall"

	"golang.org/x/sync/errgroup"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/cache"
	"github.com/minimirror/minimirror/internal/transfer"
)

// A Client fetches over http, https and file addresses.
type Client struct {
	Cache *cache.Cache
	Log   *slog.Logger
	// Received, if set, is called with the number of bytes that have just come in.
	Received func(n int64)

	transfer *transfer.Client
}

var _ artifact.Upstream = (*Client)(nil)

// New returns a client that keeps what it fetches in c.
func New(c *cache.Cache, log *slog.Logger, userAgent string, o transfer.Options) (*Client, error) {
	o.Log, o.UserAgent = log, userAgent
	client := &Client{Cache: c, Log: log}
	var err error
	if client.transfer, err = transfer.New(o); err != nil {
		return nil, err
	}
	client.transfer.Received = func(n int64) {
		if client.Received != nil {
			client.Received(n)
		}
	}
	return client, nil
}

const (
	maxTransfers = 32 // of All at once, from all hosts
	maxFailures  = 8  // after which All begins no more
)

// A Wanted is a file to fetch into the cache.
type Wanted struct {
	artifact.Content
	URLs   []string // in the order to try
	Source string   // whose it is, for people
	Title  string   // what it is, for people
}

// One fetches the file into the cache.
func (c *Client) One(ctx context.Context, w Wanted) error {
	if c.Cache.Has(w.Content) {
		return nil
	}
	if _, _, err := c.bring(ctx, transfer.Download{Addresses: transfer.URLs(w.URLs)}, w.Content, 0); err != nil {
		return fmt.Errorf("%s: %w", w.Title, err)
	}
	return nil
}

// bring fetches a file that a digest identifies into the cache. The stream is closed; nil: nobody was asked.
func (c *Client) bring(ctx context.Context, d transfer.Download, want artifact.Content, limit int64) (artifact.Content, *transfer.Stream, error) {
	w, err := c.Cache.Resume(want)
	if err != nil {
		return artifact.Content{}, nil, err
	}
	defer w.Close()
	s, err := c.download(ctx, d, want, w, limit)
	if err != nil {
		return artifact.Content{}, nil, err
	}
	return w.Content(), s, w.Commit()
}

// download writes the wanted content into w from the first address that delivers it whole and right.
func (c *Client) download(ctx context.Context, d transfer.Download, want artifact.Content, w *cache.Writer, limit int64) (*transfer.Stream, error) {
	if w.Size() > 0 && w.Size() == want.Size {
		if w.Verify() == nil {
			return nil, nil // all but the end of an earlier run
		}
		if err := w.Reset(); err != nil {
			return nil, err
		}
	}
	d.Size, d.Had, d.Verify = want.Size, w.Size(), w.Verify
	return c.stream(ctx, d, w, limit)
}

// stream writes what comes into w.
func (c *Client) stream(ctx context.Context, d transfer.Download, w *cache.Writer, limit int64) (*transfer.Stream, error) {
	d.Restart = w.Reset
	s := c.transfer.Open(ctx, d)
	defer s.Close()
	_, err := io.Copy(w, &bounded{s, w, limit})
	return s, err
}

// bounded reads a stream while it has no more bytes than the limit; 0: any number.
type bounded struct {
	*transfer.Stream
	w     *cache.Writer
	limit int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.Stream.Read(p)
	if b.limit > 0 && b.w.Size()+int64(n) > b.limit {
		return 0, fmt.Errorf("%s: larger than %d bytes", artifact.Redacted(b.URL()), b.limit)
	}
	return n, err
}

// All fetches the files into the cache, several at a time. A failure does
// not stop the others, so that a second run has less to do; after several
// failures, or on a full disk, no more are begun. A full disk is reported once.
func (c *Client) All(ctx context.Context, files []Wanted) error {
	failures := make([]error, len(files))
	var failed atomic.Int32
	var group errgroup.Group
	group.SetLimit(c.transfers(files))
	for i, w := range files {
		if ctx.Err() != nil || failed.Load() >= maxFailures {
			break
		}
		group.Go(func() error {
			if failures[i] = c.One(ctx, w); diskFull(failures[i]) {
				failed.Add(maxFailures)
			} else if failures[i] != nil {
				failed.Add(1)
			}
			return nil
		})
	}
	group.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if full := slices.IndexFunc(failures, diskFull); full >= 0 {
		return failures[full] // the others failed by it, too
	}
	return errors.Join(failures...)
}

func diskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// transfers is the number of files that All fetches at a time: enough to use every host.
func (c *Client) transfers(files []Wanted) int {
	hosts := make(map[string]bool)
	for _, w := range files {
		if len(w.URLs) > 0 {
			hosts[transfer.HostOf(w.URLs[0])] = true
		}
	}
	parallel := c.transfer.Parallel()
	return min(max(len(hosts), 1)*parallel, max(maxTransfers, parallel))
}
