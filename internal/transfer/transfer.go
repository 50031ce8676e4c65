// Package transfer reads files from servers: the one policy for retries, stalled connections, resumed
// transfers, Retry-After and logins. It is the only package that opens connections to upstream or to a registry to read from.
//
//	lock, build ──internal/fetch────────────┐
//	                                        ├──Client.Open──▶ servers
//	images in registries ──image/registry───┘
//
// Client.Do makes one request: it logs in where the server wants that (login.go), follows redirects (redirect.go), gives up a connection
// that stalls (body.go), and says of every error whether another attempt may help (errors.go). Client.Open makes of any number of such
// requests one Stream of a file or a part of one, from the first of several addresses that delivers it (stream.go). Whether the bytes
// are right, a digest says, which the caller has.
package transfer

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Options say how servers are reached. The zero value is right for most.
type Options struct {
	Parallel int   // transfers at a time from one host; 0: 8, negative: any number
	Rate     int64 // bytes per second that all transfers together may take; 0: no limit

	CA         string // PEM file of authorities to accept beside the system's
	ClientCert string // PEM file of the certificate that this machine shows
	ClientKey  string // PEM file of its key, not encrypted; empty: in ClientCert's file

	Access []artifact.Access // settings made for other programs; of two that apply, the first counts

	Log       *slog.Logger  // nil: nothing is logged
	UserAgent string        // empty: minimirror
	Stall     time.Duration // without progress, until a connection is given up; 0: a minute
	// Wait passes the time between attempts; nil: it sleeps.
	Wait func(ctx context.Context, d time.Duration) error
	// Explain adds to an error of a request what the user can do about it; nil: in words for upstreams of a definition.
	Explain func(err error) error
}

// A Client reads from servers over http, https and file addresses. Its methods may be called by many goroutines.
type Client struct {
	// Received, if set, is called with the number of bytes that have just come in.
	Received func(n int64)
	// Sent is as Received, of bytes that are about to be sent.
	Sent func(n int64)

	o          Options
	limit      *rate.Limiter // nil: none
	transports *transports
	logins     *logins

	mu    sync.Mutex
	hosts map[string]*host
}

const defaultParallel = 8

// New returns a client. The error is about files that the options name.
func New(o Options) (*Client, error) {
	if o.Parallel == 0 {
		o.Parallel = defaultParallel
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Stall = cmp.Or(o.Stall, time.Minute)
	o.UserAgent = cmp.Or(o.UserAgent, "minimirror")
	if o.Wait == nil {
		o.Wait = sleep
	}
	c := &Client{o: o, hosts: make(map[string]*host), logins: newLogins(o.Access, o.UserAgent)}
	if c.o.Explain == nil {
		c.o.Explain = c.explain
	}
	if o.Rate > 0 {
		c.limit = rate.NewLimiter(rate.Limit(o.Rate), burst(o.Rate))
	}
	var err error
	c.transports, err = newTransports(o)
	return c, err
}

// Parallel is how many transfers the client makes at a time from one host.
func (c *Client) Parallel() int { return c.o.Parallel }

// An Address is where a file is.
type Address struct {
	URL string
	// Header is sent along, but not to another host that a redirect leads to, except for what asks for a representation (Accept). With an
	// Authorization, no other login is tried.
	Header http.Header
	// Transport makes the connections; nil: the client's own, with the proxies and certificates of the options.
	Transport http.RoundTripper
}

// URLs are addresses that need nothing but themselves.
func URLs(urls []string) []Address {
	addresses := make([]Address, len(urls))
	for i, u := range urls {
		addresses[i].URL = u
	}
	return addresses
}

// A host is what the client knows of a server.
type host struct {
	slots       chan struct{} // nil: any number
	down        atomic.Bool   // could not be reached lately
	unreachable atomic.Bool   // could not be reached several times
	answered    atomic.Bool   // has been there before
	turn        turn          // after 429
}

// host returns what is known of the server of an address.
func (c *Client) host(address string) *host {
	name := HostOf(address)
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.hosts[name]
	if h == nil {
		h = &host{}
		if c.o.Parallel > 0 {
			h.slots = make(chan struct{}, c.o.Parallel)
		}
		c.hosts[name] = h
	}
	return h
}

// HostOf is the host of an address, with its port. Of what is not an address it is the text itself.
func HostOf(address string) string {
	if u, err := url.Parse(address); err == nil {
		return u.Host
	}
	return address
}

// enter waits for a slot; leave gives it back.
func (h *host) enter(ctx context.Context) error {
	if h.slots == nil {
		return nil
	}
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (h *host) leave() {
	if h.slots != nil {
		<-h.slots
	}
}

// burst is what may come at once: enough for the buffers of a fast connection, and
// not much for a slow one.
func burst(rate int64) int { return int(min(max(rate/10, 512), 64<<10)) }
