package transfer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A Sending is a request that brings something to a server.
type Sending struct {
	Address
	Method string // POST, PUT, PATCH, DELETE
	// Body is what is sent; nil: nothing. After a challenge or a redirect only a *bytes.Reader can be sent again; of any other, the error is then
	// a Temporary.
	Body io.Reader
	Size int64 // of the body in bytes; negative: unknown
}

// lastAnswer is how many times longer than elsewhere a server may be silent when it has the whole body: some compute a digest only then.
const lastAnswer = 10

// Send makes one request. Every answer with a status of 200 to 299 is returned, with its body closed; any other is an error as of Do.
func (c *Client) Send(ctx context.Context, s Sending) (*http.Response, error) {
	h := c.host(s.URL)
	b := c.watch(ctx, s.URL)
	defer b.cancel(nil)
	resp, err := c.deliver(b, s)
	b.watch.Stop()
	switch {
	case err == nil:
		h.answered.Store(true)
		if resp.StatusCode < 200 || resp.StatusCode > 299 {
			err = sendError(s.URL, resp)
		}
		io.CopyN(io.Discard, resp.Body, 4<<10) // the connection can serve again
		resp.Body.Close()
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	default:
		err = unreachable(redirected(s.URL, b.cause(err)), true)
	}
	if err == nil {
		return resp, nil
	}
	if passing, is := err.(*Temporary); is {
		return nil, &Temporary{c.o.Explain(passing.Err), passing.After}
	}
	return nil, c.o.Explain(err)
}

// sendError is the error of an answer, with what the server says about it: registries state the reason in the body.
func sendError(address string, resp *http.Response) error {
	err := statusError(address, resp)
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	var status *StatusError
	if words := strings.Fields(string(text)); errors.As(err, &status) && len(words) > 0 {
		status.text += ": " + artifact.Printable(strings.Join(words, " "))
	}
	return err
}

func (c *Client) deliver(b *body, s Sending) (*http.Response, error) {
	req, err := http.NewRequestWithContext(b.ctx, s.Method, s.URL, nil)
	if err != nil {
		return nil, &settingsError{errors.New(artifact.Redacted(err.Error()))}
	}
	for key, values := range s.Header {
		req.Header[http.CanonicalHeaderKey(key)] = values
	}
	req.Header.Set("User-Agent", c.o.UserAgent)
	if s.Body != nil && s.Size != 0 {
		req.ContentLength = s.Size
		req.Body = &sentBody{s.Body, b}
		if data, is := s.Body.(*bytes.Reader); is {
			again := *data
			req.GetBody = func() (io.ReadCloser, error) {
				data := again
				return &sentBody{&data, b}, nil
			}
		}
	}
	transport := s.Transport
	if transport == nil {
		transport = c.transports
	}
	client := http.Client{Transport: &loginTransport{transport, c.logins}, CheckRedirect: checkRedirect}
	return client.Do(req)
}

// A sentBody is on its way to a server, which may not take long for each piece. Only the server's time counts, not that of the reader.
type sentBody struct {
	io.Reader
	watched *body
}

func (s *sentBody) Read(p []byte) (int, error) {
	s.watched.watch.Stop()
	n, err := s.Reader.Read(p)
	if n > 0 && s.watched.client.Sent != nil {
		s.watched.client.Sent(int64(n))
	}
	if err == io.EOF {
		s.watched.watch.Reset(lastAnswer * s.watched.client.o.Stall)
	} else {
		s.watched.watch.Reset(s.watched.client.o.Stall)
	}
	return n, err
}

// Close implements io.Closer. The reader is the caller's.
func (s *sentBody) Close() error { return nil }

// Retry calls try until it succeeds, or fails with an error that is not a Temporary, or has failed several times in a row without progress. It
// waits between the attempts, for as long as the server asks.
func (c *Client) Retry(ctx context.Context, try func() (progress bool, err error)) error {
	p := newPatience()
	for {
		progress, err := try()
		var passing *Temporary
		if err == nil || !errors.As(err, &passing) {
			return err
		}
		if progress {
			p = newPatience()
		}
		pause, more := p.pause(min(passing.After, longest))
		if !more {
			return err
		}
		if ended := c.o.Wait(ctx, max(pause, time.Millisecond)); ended != nil {
			return ended
		}
	}
}
