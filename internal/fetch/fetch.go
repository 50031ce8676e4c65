// Package fetch brings files from upstream into the cache. Nothing is kept or
// handed on before its size and SHA-256 were verified; when one address fails,
// the next is tried; what broke off is resumed. It is the only package that opens
// connections to upstream.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/cache"
)

// Options say how upstream is reached. The zero value is for most.
type Options struct {
	Parallel int   // transfers at a time from one host; 0: 8
	Rate     int64 // bytes per second that all transfers together may take; 0: no limit

	CA         string // PEM file of authorities to accept beside the system's
	ClientCert string // PEM file of the certificate that this machine shows
	ClientKey  string // PEM file of its key, not encrypted; empty: in ClientCert's file

	Access []artifact.Access // settings made for other programs; of two that apply, the first counts
}

// A Client fetches over http, https and file addresses.
type Client struct {
	Cache     *cache.Cache
	Log       *slog.Logger
	UserAgent string
	// Received, if set, is called with the number of bytes that have just come in.
	Received func(n int64)

	parallel int
	stall    time.Duration // without progress: the connection is given up
	http     *http.Client
	ways     *ways
	limit    *rate.Limiter // nil: none

	mu    sync.Mutex
	hosts map[string]*host
}

// A host is what the client knows of an upstream's server.
type host struct {
	slots chan struct{}
	down  atomic.Bool // could not be reached lately
}

var _ artifact.Upstream = (*Client)(nil)

// New returns a client that keeps what it fetches in c.
func New(c *cache.Cache, log *slog.Logger, userAgent string, opt Options) (*Client, error) {
	client := &Client{Cache: c, Log: log, UserAgent: userAgent, parallel: opt.Parallel, stall: time.Minute, hosts: make(map[string]*host)}
	if client.parallel <= 0 {
		client.parallel = defaultParallel
	}
	if opt.Rate > 0 {
		client.limit = rate.NewLimiter(rate.Limit(opt.Rate), burst(opt.Rate))
	}
	var err error
	if client.ways, err = newWays(opt, client.parallel); err != nil {
		return nil, err
	}
	client.http = &http.Client{Transport: client.ways, CheckRedirect: checkRedirect}
	return client, nil
}

const (
	defaultParallel = 8
	maxTransfers    = 32 // of All at once, from all hosts
	maxFailures     = 8  // after which All begins no more
)

// host returns what is known of the server of an address.
func (c *Client) host(address string) *host {
	name := address
	if u, err := url.Parse(address); err == nil {
		name = u.Host
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.hosts[name]
	if h == nil {
		h = &host{slots: make(chan struct{}, c.parallel)}
		c.hosts[name] = h
	}
	return h
}

// enter waits for a slot; leave gives it back.
func (h *host) enter(ctx context.Context) error {
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (h *host) leave() { <-h.slots }

// judge remembers a host that can't be reached.
func (h *host) judge(err error) {
	if silent := (*noAnswer)(nil); errors.As(err, &silent) {
		h.down.Store(true)
	}
}

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
	if _, err := c.bring(ctx, w.URLs, w.Content); err != nil {
		return fmt.Errorf("%s: %w", w.Title, err)
	}
	return nil
}

// File implements artifact.Upstream.
func (c *Client) File(ctx context.Context, urls []string, want artifact.Content) (artifact.Content, error) {
	if kept, err := c.Cache.Check(want); err == nil {
		return kept, nil
	}
	return c.bring(ctx, urls, want)
}

// bring fetches a file into the cache.
func (c *Client) bring(ctx context.Context, urls []string, want artifact.Content) (artifact.Content, error) {
	w, err := c.Cache.Resume(want)
	if err != nil {
		return artifact.Content{}, err
	}
	defer w.Close()
	if err := c.download(ctx, urls, want, w, false); err != nil {
		return artifact.Content{}, err
	}
	return w.Content(), w.Commit()
}

// All fetches the files into the cache, several at a time. A failure does
// not stop the others, so that a second run has less to do; after several
// failures, or on a full disk, no more are begun. A full disk is told of once.
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
	hosts := make(map[*host]bool)
	for _, w := range files {
		if len(w.URLs) > 0 {
			hosts[c.host(w.URLs[0])] = true
		}
	}
	return min(max(len(hosts), 1)*c.parallel, max(maxTransfers, c.parallel))
}

// Redacted is the address without a password.
func Redacted(u string) string {
	parsed, err := url.Parse(u)
	if err != nil {
		return u
	}
	return parsed.Redacted()
}
