package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Get implements artifact.Upstream.
func (c *Client) Get(ctx context.Context, urls []string, limit int64) (body []byte, from string, err error) {
	var failures []error
	for _, u := range urls {
		if body, err = c.get(ctx, u, limit); err == nil {
			return body, u, nil
		}
		if ctx.Err() != nil {
			return nil, "", context.Cause(ctx)
		}
		failures = append(failures, err)
	}
	return nil, "", joined(failures)
}

// joined is the error of all addresses. It is fs.ErrNotExist only when each says so:
// one that does not answer may have the file.
func joined(failures []error) error {
	absent := func(err error) bool { return errors.Is(err, fs.ErrNotExist) }
	if slices.ContainsFunc(failures, func(err error) bool { return !absent(err) }) {
		for i, err := range failures {
			if absent(err) {
				failures[i] = errors.New(err.Error())
			}
		}
	}
	return errors.Join(failures...)
}

// get brings a small file. Nothing is known of it beforehand, so what broke off is
// resumed only with a validator.
func (c *Client) get(ctx context.Context, u string, limit int64) ([]byte, error) {
	h := c.host(u)
	if err := h.enter(ctx); err != nil {
		return nil, err
	}
	defer h.leave()
	p := newPatience(c.Log)
	if h.down.Load() {
		p.left = 1
	}
	for g := (&getting{client: c, url: u, limit: limit}); ; {
		had := len(g.body)
		err := g.answer(ctx)
		if err == nil {
			return g.body, nil
		}
		var again *temporary
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if !errors.As(err, &again) {
			h.judge(err)
			return nil, err
		}
		if got := int64(len(g.body) - had); got > 0 && got >= g.total/20 {
			c.Log.Debug("resuming", "error", err)
		} else if !p.wait(ctx, again.after, err) {
			h.judge(err)
			return nil, err
		}
	}
}

// A getting is a file on its way into memory.
type getting struct {
	client    *Client
	url       string
	limit     int64
	body      []byte
	total     int64 // bytes that were announced
	validator string
}

// answer makes one request that adds to what is there.
func (g *getting) answer(ctx context.Context) error {
	if g.validator == "" {
		g.body = nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	resp, err := g.client.request(ctx, request{url: g.url, at: int64(len(g.body)), validator: g.validator, fresh: true})
	if errors.Is(err, errRange) {
		g.validator = ""
	}
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		g.body = nil
	} else if !continues(resp, int64(len(g.body)), -1) {
		g.validator = ""
		return &temporary{fmt.Errorf("%s: the server sends another part than was asked for", Redacted(g.url)), 0}
	}
	if what := encoded(resp); what != "" {
		return artifact.Verifyf("%s: it can't be used: %s", Redacted(g.url), what)
	}
	g.validator = validator(resp)
	g.total = int64(len(g.body)) + max(resp.ContentLength, 0)
	watch := g.client.watch(ctx, resp.Body, cancel)
	defer watch.timer.Stop()
	more, err := io.ReadAll(io.LimitReader(watch, g.limit+1-int64(len(g.body))))
	if g.body = append(g.body, more...); int64(len(g.body)) > g.limit {
		return fmt.Errorf("%s: larger than %d bytes", Redacted(g.url), g.limit)
	}
	if err != nil {
		return &temporary{fmt.Errorf("%s: broken off after %d bytes: %w", Redacted(g.url), len(g.body), err), 0}
	}
	return nil
}
