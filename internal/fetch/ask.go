package fetch

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/transfer"
)

// Ask implements artifact.Upstream.
func (c *Client) Ask(ctx context.Context, r artifact.Request) (*artifact.Answer, error) {
	if len(r.URLs) == 0 {
		return nil, errors.New("no address is known for it")
	}
	switch {
	case r.Head:
		return c.head(ctx, r)
	case r.Want.Identified():
		return c.identified(ctx, r)
	case r.Keep:
		return c.unidentified(ctx, r)
	}
	return c.page(ctx, r)
}

// addresses are those of a request, with its header.
func addresses(r artifact.Request) []transfer.Address {
	all := transfer.URLs(r.URLs)
	for i := range all {
		all[i].Header = r.Header
	}
	return all
}

// head asks for a header alone.
func (c *Client) head(ctx context.Context, r artifact.Request) (*artifact.Answer, error) {
	s := c.transfer.Open(ctx, transfer.Download{Addresses: addresses(r), Size: -1, Fresh: true, Head: true})
	defer s.Close()
	if err := s.Begin(); err != nil {
		return nil, err
	}
	size, err := strconv.ParseInt(s.Header().Get("Content-Length"), 10, 64)
	if err != nil {
		size = -1
	}
	return &artifact.Answer{URL: s.URL(), Base: s.Base(), Header: s.Header(), Content: artifact.Content{Size: size}}, nil
}

// identified brings a file that a digest identifies.
func (c *Client) identified(ctx context.Context, r artifact.Request) (*artifact.Answer, error) {
	if r.Limit > 0 && r.Want.Size > r.Limit {
		return nil, fmt.Errorf("%s: larger than %d bytes", artifact.Redacted(r.URLs[0]), r.Limit)
	}
	if kept, err := c.Cache.Check(r.Want); err == nil {
		return c.open(kept, nil)
	}
	content, s, err := c.bring(ctx, transfer.Download{Addresses: addresses(r)}, r.Want, r.Limit)
	if err != nil {
		return nil, err
	}
	return c.open(content, s)
}

// unidentified brings a file that the cache keeps by what came.
func (c *Client) unidentified(ctx context.Context, r artifact.Request) (*artifact.Answer, error) {
	w, err := c.Cache.Create()
	if err != nil {
		return nil, err
	}
	defer w.Close()
	s, err := c.stream(ctx, transfer.Download{Addresses: addresses(r), Size: -1, Fresh: true}, w, r.Limit)
	if err != nil {
		return nil, err
	}
	if err := w.KeepFile(); err != nil {
		return nil, err
	}
	return c.open(w.Content(), s)
}

// open is the answer with a file of the cache. s is where the file came from; nil: it was there.
func (c *Client) open(content artifact.Content, s *transfer.Stream) (*artifact.Answer, error) {
	f, err := c.Cache.Open(content)
	if err != nil {
		return nil, err
	}
	a := &artifact.Answer{Content: content, Body: f}
	if s != nil {
		a.URL, a.Base, a.Header = s.URL(), s.Base(), s.Header()
	}
	return a, nil
}
