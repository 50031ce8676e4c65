// Package fetch brings files from upstream into the cache. Nothing is kept or
// handed on before its size and SHA-256 were verified; when one address fails,
// the next is tried. It is the only package that opens connections to upstream.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/cache"
)

// A Client fetches over http, https and file addresses.
type Client struct {
	Cache     *cache.Cache
	Log       *slog.Logger
	UserAgent string
	// Received, if set, is called with the number of bytes that have just come in.
	Received func(n int64)

	stall time.Duration // without a byte: the connection is given up
	http  *http.Client
}

var _ artifact.Upstream = (*Client)(nil)

// New returns a client that keeps what it fetches in c.
func New(c *cache.Cache, log *slog.Logger, userAgent string) *Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableCompression = true // digests are of the bytes as stored
	transport.ResponseHeaderTimeout = 30 * time.Second
	transport.MaxIdleConnsPerHost = parallel
	transport.RegisterProtocol("file", http.NewFileTransport(http.Dir("/")))
	return &Client{Cache: c, Log: log, UserAgent: userAgent, stall: time.Minute, http: &http.Client{Transport: transport, CheckRedirect: checkRedirect}}
}

const (
	parallel    = 8 // files that All fetches at once
	maxFailures = 8 // after which All begins no more
)

// Get implements artifact.Upstream.
func (c *Client) Get(ctx context.Context, urls []string, limit int64) (body []byte, from string, err error) {
	var failures []error
	absent := 0
	for _, u := range urls {
		body, err = c.get(ctx, u, limit)
		switch {
		case err == nil:
			return body, u, nil
		case ctx.Err() != nil:
			return nil, "", context.Cause(ctx)
		case errors.Is(err, fs.ErrNotExist):
			absent++
		}
		failures = append(failures, err)
	}
	// A mirror that does not answer may have the file: that is not "absent".
	if absent < len(failures) {
		for i, err := range failures {
			if errors.Is(err, fs.ErrNotExist) {
				failures[i] = errors.New(err.Error())
			}
		}
	}
	return nil, "", errors.Join(failures...)
}

func (c *Client) get(ctx context.Context, u string, limit int64) ([]byte, error) {
	var body []byte
	err := c.patiently(ctx, func(ctx context.Context) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		resp, err := c.request(ctx, u, 0, "")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		watch := c.watch(resp.Body, cancel)
		defer watch.timer.Stop()
		body, err = io.ReadAll(io.LimitReader(watch, limit+1))
		if err == nil && int64(len(body)) > limit {
			return fmt.Errorf("%s: larger than %d bytes", Redacted(u), limit)
		}
		if err != nil {
			return &temporary{fmt.Errorf("%s: %w", Redacted(u), err), 0}
		}
		return nil
	})
	return body, err
}

// Artifact brings the artifact into the cache.
func (c *Client) Artifact(ctx context.Context, a *artifact.Artifact) error {
	want := artifact.Content{Size: a.Size, SHA256: a.SHA256}
	if c.Cache.Has(want) {
		return nil
	}
	w, err := c.Cache.Create()
	if err != nil {
		return err
	}
	defer w.Close()
	if err := c.download(ctx, a.URLs, want, w); err != nil {
		return fmt.Errorf("%s: %s: %w", a.Kind, a, err)
	}
	return w.Commit(want)
}

// All brings the artifacts into the cache, several at a time. A failure does
// not stop the others, so that a second run has less to do; after several
// failures no more are begun.
func (c *Client) All(ctx context.Context, artifacts []*artifact.Artifact) error {
	failures := make([]error, len(artifacts))
	var failed atomic.Int32
	var group errgroup.Group
	group.SetLimit(parallel)
	for i, a := range artifacts {
		if ctx.Err() != nil || failed.Load() >= maxFailures {
			break
		}
		group.Go(func() error {
			if failures[i] = c.Artifact(ctx, a); failures[i] != nil {
				failed.Add(1)
			}
			return nil
		})
	}
	group.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return errors.Join(failures...)
}

// Redacted is the address without a password.
func Redacted(u string) string {
	parsed, err := url.Parse(u)
	if err != nil {
		return u
	}
	return parsed.Redacted()
}
