// Package server serves an image over HTTP/1.1: it routes requests to the kinds whose items the image holds, sends files, obeys the
// rules, and records what became of each request. It knows no format: paths below a source belong to a kind, which answers with
// ServeFile.
//
//	request ──▶ observe ──▶ guard ──▶ kind's handler ──▶ ServeFile ──▶ rules ──▶ layer of the image ──▶ client
//
// What stands alone is below it: access says who may use the server, generated has the files that rules make, and
// inventory what people (pages) and programs (api) may ask.
//
// It implements RFC 9110 (HTTP semantics) and RFC 9112 (HTTP/1.1).
package server

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/audit"
	"github.com/minimirror/minimirror/internal/http1"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/signing"
	"github.com/minimirror/minimirror/server/access"
	"github.com/minimirror/minimirror/server/api"
	"github.com/minimirror/minimirror/server/inventory"
	"github.com/minimirror/minimirror/server/pages"
	"github.com/minimirror/minimirror/server/watch"
)

// Options are what a Server serves and how. Only Image is required.
type Options struct {
	Image   *image.Image    // stays the caller's to close, after Run
	Kinds   []artifact.Kind // those that the program knows
	Grace   time.Duration   // for running downloads when Run's context ends
	Log     *slog.Logger    // what an operator should know; nil: nothing
	Audit   *audit.Log      // every request; nil: none. It stays the caller's to close, after Run
	Version string          // of the program, for people

	// Rules is the file of rules, which is read again when it changes; empty: there are none.
	Rules string
	// Signer makes the signer of what is made anew for the rules. Nil: the image's own indexes
	// are served as they are, with what the rules deny.
	Signer func(date time.Time) (artifact.Signer, error)

	// As are hosts of upstreams: requests to them, by the Host header, are answered as they would be.
	As []string

	Access access.Options
	Limits access.Limits
}

// A Server serves one image.
type Server struct {
	image       *image.Image
	grace       time.Duration
	log         *slog.Logger
	audit       *audit.Log
	summary     *audit.Summary
	mounts      []mount
	offered     []artifact.Channel // that the image has
	channels    map[string]string  // their IDs, by path
	hostAliases []hostAlias
	errorRoutes []errorRoute
	echo        *echo.Echo
	pages       *pages.Pages
	api         *api.API
	computing   chan struct{} // holds one for each page or answer of the API that is being made
	listing     chan struct{} // holds one for each SBOM that is being sent, to clients of any speed
	started     time.Time
	access      *access.Gate
	ids         *ids
	limits      *access.Limiter
	metrics     *metrics

	items     *itemPlaces
	signer    func(date time.Time) (artifact.Signer, error)
	keys      []signing.Info // that clients trust
	view      atomic.Pointer[view]
	rulesFile string
	reloading sync.Mutex  // held for what follows
	seen      watch.State // of the rules that were read last
	described *properties
	reloads   reloads
	faults    faults

	draining atomic.Bool
}

// New mounts the image's kinds and reads the rules. It fails where the image holds a kind that the
// program does not know, where two kinds claim one path, and where the rules are wrong.
func New(o Options) (*Server, error) {
	s := &Server{
		image: o.Image, grace: o.Grace, log: o.Log, audit: o.Audit, started: time.Now(),
		signer: o.Signer, rulesFile: o.Rules, summary: audit.NewSummary(), computing: make(chan struct{}, 4), listing: make(chan struct{}, 2), limits: access.NewLimiter(o.Limits), ids: newIDs(),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	var err error
	if s.access, err = access.New(o.Access, s.log); err != nil {
		return nil, err
	}
	s.items = newItemPlaces(o.Image)
	if s.mounts, err = s.mount(o.Kinds); err != nil {
		return nil, err
	}
	s.offered, s.channels = artifact.Channels(s.kinds(), o.Image.Catalog.Sources), map[string]string{}
	for i := range s.offered {
		for _, path := range s.offered[i].Paths {
			s.channels[path] = s.offered[i].ID()
		}
	}
	if err := s.addHostAliases(o.As); err != nil {
		return nil, err
	}
	if err := s.Reload(context.Background()); err != nil {
		return nil, hintRules(err, s.rulesFile)
	}
	inv := inventory.New(inventory.Options{
		Image: s.image, Kinds: s.kinds(), Version: o.Version, Started: s.started, Keys: s.keys,
		Rules: s.rulesState, Decide: s.decisions, Report: s.report, Activities: s.summary.Activities, Missed: missed,
	})
	if s.pages, err = pages.New(pages.Options{Inventory: inv, Usages: s.usages, Failed: s.pageFailed}); err != nil {
		return nil, err
	}
	s.api = api.New(inv, s.pageFailed)
	s.metrics = newMetrics(s)
	return s, s.route()
}

// Handler returns the handler of all requests.
func (s *Server) Handler() http.Handler { return s.echo }

// cutTime is how long what is cut at the end may take to notice.
const cutTime = 5 * time.Second

// Run serves connections from l until ctx ends. Then it accepts no more, lets running
// requests finish within the grace time, cuts those that have not, and
// returns nil. It always closes l.
func (s *Server) Run(ctx context.Context, l net.Listener) error {
	server := &http1.Server{
		Handler:    s.echo,
		TLS:        s.access.TLS(),
		HeaderSize: s.limits.HeaderSize,
		HeaderTime: s.limits.HeaderTime,
		AnswerTime: firstMinute,
		IdleTime:   s.limits.Idle,
		Context:    s.opened,
		Refused:    s.refused,
		Closed:     s.limits.Closed,
		Log:        s.log,
	}
	defer server.Close()
	failed := make(chan error, 1)
	watched, stop := context.WithCancel(ctx)
	defer stop()
	if s.rulesFile != "" {
		go s.watch(watched)
	}
	l = s.limits.Listen(l)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("server: %w", err)
	case <-ctx.Done():
	}

	s.draining.Store(true)
	s.log.Info("draining", "grace", s.grace)
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.grace)
	defer cancel()
	if err := server.Shutdown(end); err != nil {
		s.log.Warn("cutting downloads that still run", "grace", s.grace)
		server.Close()
		told, cancel := context.WithTimeout(context.WithoutCancel(ctx), cutTime)
		defer cancel()
		_ = server.Shutdown(told) // until the audit trail has them
	}
	<-failed // http.ErrServerClosed
	return nil
}
