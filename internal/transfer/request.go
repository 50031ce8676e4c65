package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A Request is for a file, or for a part of one.
type Request struct {
	Address
	// From is the first byte that is wanted, and To the one after the last; 0: to the end.
	From, To int64
	// Validator names the file that an earlier answer was of, for If-Range (RFC 9110, section 13.1.5): if the server has another one by
	// now, it sends all of that. Empty: the part is wanted in any case.
	Validator string
	// Fresh tells caches on the way to ask upstream.
	Fresh bool
	// Head asks for the header alone.
	Head bool
}

// Do makes one request. Every answer but 200, and 206 to a range, is an error: a StatusError, inside a Temporary where another
// attempt may help. Reading the answer's body fails with a Temporary when the server does not get on. The body must be closed.
func (c *Client) Do(ctx context.Context, r Request) (*http.Response, error) {
	resp, err := c.do(ctx, r)
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if passing, is := err.(*Temporary); is {
			return nil, &Temporary{c.o.Explain(passing.Err), passing.After}
		}
		return nil, c.o.Explain(err)
	}
	return resp, nil
}

func (c *Client) do(ctx context.Context, r Request) (*http.Response, error) {
	h := c.host(r.URL)
	b := c.watch(ctx, r.URL)
	ranged := r.From > 0 || r.To > 0
	resp, err := c.send(b.ctx, r, ranged)
	b.watch.Stop()
	if err != nil {
		err = b.cause(err)
		b.cancel(nil)
		return nil, unreachable(redirected(r.URL, err), h.answered.Load())
	}
	h.answered.Store(true)
	h.down.Store(false)
	h.unreachable.Store(false)
	if resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusPartialContent && ranged {
		b.ReadCloser, resp.Body = resp.Body, b
		return resp, nil
	}
	err = statusError(r.URL, resp)
	io.CopyN(io.Discard, resp.Body, 4<<10) // the connection can serve again
	resp.Body.Close()
	b.cancel(nil)
	return nil, err
}

func (c *Client) send(ctx context.Context, r Request, ranged bool) (*http.Response, error) {
	method := http.MethodGet
	if r.Head {
		method = http.MethodHead
	}
	req, err := http.NewRequestWithContext(ctx, method, r.URL, nil)
	if err != nil {
		return nil, &settingsError{errors.New(artifact.Redacted(err.Error()))}
	}
	for key, values := range r.Header {
		req.Header[http.CanonicalHeaderKey(key)] = values
	}
	if req.Header.Get("Accept") == "" && isManifest(req.URL) {
		req.Header.Set("Accept", manifestTypes)
	}
	req.Header.Set("User-Agent", c.o.UserAgent)
	req.Header.Set("Accept-Encoding", "identity") // digests are of the bytes as stored
	if r.Fresh {
		req.Header.Set("Cache-Control", "max-age=0")
	}
	if ranged {
		to := ""
		if r.To > 0 {
			to = fmt.Sprint(r.To - 1)
		}
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-%s", r.From, to))
		if r.Validator != "" {
			req.Header.Set("If-Range", r.Validator)
		}
	}
	transport := r.Transport
	if transport == nil {
		transport = c.transports
	}
	client := http.Client{Transport: &loginTransport{transport, c.logins}, CheckRedirect: checkRedirect}
	return client.Do(req)
}
