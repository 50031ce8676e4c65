package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/cache"
)

// A download is one file on its way into the cache.
type download struct {
	client *Client
	want   artifact.Content
	w      *cache.Writer
	fresh  bool // caches between here and upstream must ask upstream

	// What w holds so far came from url, in several answers. validator tells the
	// server which file it was.
	url       string
	answers   int
	validator string
	whole     bool // what was put together there was wrong: no more ranges

	// earlier is how much of w is of an earlier run, from some address: the digest is what counts.
	earlier int64
}

// download writes the wanted content into w from the first address that
// delivers it whole and right. Addresses with a passing trouble are asked again
// when the others have failed, too.
func (c *Client) download(ctx context.Context, urls []string, want artifact.Content, w *cache.Writer, fresh bool) error {
	if len(urls) == 0 {
		return errors.New("no address is known for it")
	}
	d := &download{client: c, want: want, w: w, fresh: fresh}
	if w.Size() > 0 && w.Size() == want.Size && w.Verify() == nil {
		return nil // all but the end of an earlier run
	}
	if w.Size() != want.Size {
		d.earlier = w.Size()
	}
	failures := make(map[string]error)
	passing := c.byHealth(urls)
	for p := newPatience(c.Log); ; {
		var alive []string
		after := longest
		for _, u := range passing {
			err := d.from(ctx, u)
			if err == nil {
				return nil
			}
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			c.Log.Debug("address failed", "error", err)
			failures[u] = err
			c.host(u).judge(err)
			if again := (*temporary)(nil); errors.As(err, &again) {
				alive = append(alive, u)
				after = min(after, again.after)
			}
		}
		var all []error
		for _, u := range urls {
			all = append(all, failures[u])
		}
		err := joined(all)
		if passing = alive; len(passing) == 0 || !p.wait(ctx, after, err) {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return err
		}
	}
}

// from brings the file from one address. While a connection that breaks off has
// brought a good part, it is resumed at once.
func (d *download) from(ctx context.Context, u string) error {
	h := d.client.host(u)
	if err := h.enter(ctx); err != nil {
		return err
	}
	defer h.leave()
	switch {
	case d.earlier > 0 && d.earlier == d.w.Size():
		d.url, d.answers, d.validator = u, 1, ""
	case d.url != u:
		*d = download{client: d.client, want: d.want, w: d.w, fresh: d.fresh, url: u}
		if err := d.w.Reset(); err != nil {
			return err
		}
	}
	for {
		had := d.w.Size()
		odd, err := d.answer(ctx)
		if err == nil {
			err = d.w.Verify()
			if err == nil {
				return nil
			}
			if d.answers > 1 { // perhaps of two files: not even a validator is a promise
				d.whole = true
				if err := d.begin(); err != nil {
					return err
				}
				continue
			}
			if odd != "" {
				odd = " (" + odd + ")"
			}
			return errors.Join(fmt.Errorf("%s: %w%s", Redacted(u), err, odd), d.begin())
		}
		var again *temporary
		if ctx.Err() != nil || !errors.As(err, &again) || again.after > 0 || d.w.Size()-had < d.goodPart() {
			return err
		}
		d.client.Log.Debug("resuming", "error", err)
	}
}

// goodPart is so much that getting it again and again comes to an end soon.
func (d *download) goodPart() int64 {
	if d.want.Size < 0 {
		return 1 << 20
	}
	return max(d.want.Size/20, 1)
}

// begin forgets what came so far.
func (d *download) begin() error {
	d.answers, d.validator, d.earlier = 0, "", 0
	return d.w.Reset()
}

// answer makes one request that adds to what is there. odd tells what is
// remarkable about the answer, should it turn out to be wrong.
func (d *download) answer(ctx context.Context) (odds string, err error) {
	if d.whole {
		if err := d.begin(); err != nil {
			return "", err
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	at := d.w.Size()
	resp, err := d.client.request(ctx, request{url: d.url, at: at, validator: d.validator, fresh: d.fresh})
	if err != nil {
		if errors.Is(err, errRange) {
			d.whole = true
		}
		return "", err
	}
	defer resp.Body.Close()
	if at > 0 && resp.StatusCode == http.StatusOK { // a server without ranges, or another file by now
		if err := d.begin(); err != nil {
			return "", err
		}
		at = 0
	}
	if at > 0 && !continues(resp, at, d.want.Size) {
		d.whole = true
		return "", &temporary{fmt.Errorf("%s: asked to go on at byte %d, the server sends %q", Redacted(d.url), at, resp.Header.Get("Content-Range")), 0}
	}
	d.answers++
	d.validator = validator(resp)
	odds = odd(resp)
	left := d.want.Size - at
	if d.want.Size >= 0 && resp.ContentLength >= 0 && resp.ContentLength != left {
		err := artifact.Verifyf("size mismatch: the server announces %d bytes, want %d", resp.ContentLength+at, d.want.Size)
		if odds != "" {
			err = artifact.Verifyf("%w (%s)", err, odds)
		}
		return "", fmt.Errorf("%s: %w", Redacted(d.url), err)
	}
	body := d.client.watch(ctx, resp.Body, cancel)
	defer body.timer.Stop()
	var reader io.Reader = body
	if d.want.Size >= 0 {
		reader = io.LimitReader(body, left+1)
	}
	_, err = io.Copy(d.w, reader)
	switch {
	case err != nil && body.failed == nil:
		return "", err // of the disk
	case err == nil && resp.ContentLength < 0 && d.w.Size() < d.want.Size: // a length that nobody announced: cut off?
		err = io.ErrUnexpectedEOF
		fallthrough
	case err != nil:
		return "", &temporary{fmt.Errorf("%s: broken off after %d bytes: %w", Redacted(d.url), d.w.Size(), err), 0}
	}
	return odds, nil
}

// validator names the file of an answer for If-Range: RFC 9110, section 13.1.5.
func validator(resp *http.Response) string {
	if tag := resp.Header.Get("ETag"); tag != "" && !strings.HasPrefix(tag, "W/") {
		return tag
	}
	return resp.Header.Get("Last-Modified")
}

// continues reports whether the answer goes on at byte at of a file of the size.
func continues(resp *http.Response, at, size int64) bool {
	var first, last, total int64
	if n, err := fmt.Sscanf(resp.Header.Get("Content-Range"), "bytes %d-%d/%d", &first, &last, &total); err != nil {
		if n < 2 || !strings.HasSuffix(resp.Header.Get("Content-Range"), "/*") {
			return false
		}
		total = size
	}
	return first == at && last >= first && (size < 0 || total == size && last < size)
}
