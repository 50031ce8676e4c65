package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/cache"
)

const (
	attempts  = 4 // at one address, while the trouble looks temporary
	firstWait = 250 * time.Millisecond
	longest   = 30 * time.Second // that a server's Retry-After is honoured
)

// temporary is an error that another attempt may mend.
type temporary struct {
	error
	after time.Duration // what the server asked for, or 0
}

func (e *temporary) Unwrap() error { return e.error }

// download writes the wanted content into w from the first address that
// delivers it whole and right. The bytes of a broken transfer are kept for the
// next attempt at the same address.
func (c *Client) download(ctx context.Context, urls []string, want artifact.Content, w *cache.Writer) error {
	var failures []error
	for _, u := range urls {
		if err := w.Reset(); err != nil {
			return err
		}
		var validator string
		err := c.patiently(ctx, func(ctx context.Context) error {
			return c.transfer(ctx, u, want, w, &validator)
		})
		if err == nil {
			if err = w.Verify(want); err == nil {
				return nil
			}
			err = fmt.Errorf("%s: %w", Redacted(u), err)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		c.Log.Debug("address failed", "error", err)
		failures = append(failures, err)
	}
	if len(failures) == 0 {
		return errors.New("no address is known for it")
	}
	return errors.Join(failures...)
}

// transfer makes one request that adds to what w has.
func (c *Client) transfer(ctx context.Context, u string, want artifact.Content, w *cache.Writer, validator *string) error {
	if *validator == "" && w.Size() > 0 {
		if err := w.Reset(); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	resp, err := c.request(ctx, u, w.Size(), *validator)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if w.Size() > 0 && !continues(resp, w.Size()) {
		if err := w.Reset(); err != nil {
			return err
		}
	}
	*validator = resp.Header.Get("ETag")
	if strings.HasPrefix(*validator, "W/") || *validator == "" { // RFC 9110, section 13.1.5
		*validator = resp.Header.Get("Last-Modified")
	}
	left := want.Size - w.Size()
	if want.Size >= 0 && resp.ContentLength >= 0 && resp.ContentLength != left {
		return fmt.Errorf("%s: %w", Redacted(u), artifact.Verifyf("size mismatch: the server announces %d bytes, want %d", resp.ContentLength+w.Size(), want.Size))
	}
	body := c.watch(resp.Body, cancel)
	defer body.timer.Stop()
	var reader io.Reader = body
	if want.Size >= 0 {
		reader = io.LimitReader(body, left+1)
	}
	if _, err := io.Copy(w, reader); err != nil {
		if body.failed != nil {
			return &temporary{fmt.Errorf("%s: broken off after %d bytes: %w", Redacted(u), w.Size(), err), 0}
		}
		return err
	}
	return nil
}

// continues reports whether the answer goes on at byte at. Only a 206 was asked
// to; a server without ranges starts anew with 200.
func continues(resp *http.Response, at int64) bool {
	return resp.StatusCode == http.StatusPartialContent &&
		strings.HasPrefix(resp.Header.Get("Content-Range"), "bytes "+strconv.FormatInt(at, 10)+"-")
}

// request asks for u, from byte at on if the file is still the one that the
// validator names. Every answer but 200 and 206 is an error: fs.ErrNotExist for
// 404 and 410.
func (c *Client) request(ctx context.Context, u string, at int64, validator string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", c.UserAgent)
	if at > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", at))
		req.Header.Set("If-Range", validator)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		hinted := artifact.Hint(err, "check the address, the network and the proxy settings (http_proxy, https_proxy)")
		if final(err) {
			return nil, hinted
		}
		return nil, &temporary{hinted, 0}
	}
	switch status := resp.StatusCode; {
	case status == http.StatusOK, status == http.StatusPartialContent && at > 0:
		return resp, nil
	case status == http.StatusNotFound, status == http.StatusGone:
		err = fmt.Errorf("%s: the server answers %s: %w", Redacted(u), resp.Status, fs.ErrNotExist)
	case status == http.StatusTooManyRequests, status >= 500:
		err = &temporary{fmt.Errorf("%s: the server answers %s", Redacted(u), resp.Status), retryAfter(resp.Header)}
	default:
		err = fmt.Errorf("%s: the server answers %s", Redacted(u), resp.Status)
	}
	resp.Body.Close()
	return nil, err
}

// final reports whether asking the same address again is of no use.
func final(err error) bool {
	var dns *net.DNSError
	return errors.Is(err, errRedirects) || errors.Is(err, errRedirected) || errors.Is(err, syscall.ECONNREFUSED) || errors.As(err, &dns) && dns.IsNotFound
}

var (
	errRedirects  = errors.New("more than 10 redirects")
	errRedirected = errors.New("a redirect away from http and https")
)

// checkRedirect keeps redirects few and on the network: an upstream must not
// make this machine read its own files.
func checkRedirect(r *http.Request, via []*http.Request) error {
	if len(via) >= 10 {
		return errRedirects
	}
	if r.URL.Scheme != "http" && r.URL.Scheme != "https" {
		return fmt.Errorf("%w: to %s://", errRedirected, r.URL.Scheme)
	}
	return nil
}

// patiently repeats f while its error is temporary.
func (c *Client) patiently(ctx context.Context, f func(context.Context) error) error {
	wait := firstWait
	for attempt := 1; ; attempt++ {
		err := f(ctx)
		var again *temporary
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if !errors.As(err, &again) || attempt == attempts {
			return err
		}
		pause := max(wait+rand.N(wait), again.after)
		c.Log.Debug("trying again", "error", err, "in", pause)
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pause):
		}
		wait *= 2
	}
}

// retryAfter reads RFC 9110, section 10.2.3; absurd values are cut.
func retryAfter(h http.Header) time.Duration {
	value := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil {
		return min(max(0, time.Duration(seconds)*time.Second), longest)
	}
	if t, err := http.ParseTime(value); err == nil {
		return min(max(0, time.Until(t)), longest)
	}
	return 0
}

// watched is a body that is given up when no byte comes for a while.
type watched struct {
	io.Reader
	stall    time.Duration
	timer    *time.Timer
	received func(int64)
	failed   error // of the network, as opposed to the disk
}

func (c *Client) watch(body io.Reader, giveUp func()) *watched {
	return &watched{Reader: body, stall: c.stall, timer: time.AfterFunc(c.stall, giveUp), received: c.Received}
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	w.timer.Reset(w.stall)
	if n > 0 && w.received != nil {
		w.received(int64(n))
	}
	if err != nil && err != io.EOF {
		w.failed = err
	}
	return n, err
}
