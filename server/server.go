// Package server serves an image over HTTP/1.1: it routes requests to the kinds
// whose artifacts the image holds, sends files, and says what the mirror is. It knows no
// format: paths below a source belong to a kind, which answers with ServeFile.
//
//	Image (package image) ──▶ Server ──▶ kind's handler ──▶ ServeFile ──▶ client
//
// It implements RFC 9110 (HTTP semantics) and RFC 9112 (HTTP/1.1).
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v5"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
)

const (
	headerTimeout = 30 * time.Second // to send a request's header; there is no limit for downloads
	idleTimeout   = 2 * time.Minute  // between requests of one connection
	maxHeader     = 32 << 10         // bytes
)

// Options are what a Server serves and how. Only Image is required.
type Options struct {
	Image   *image.Image    // stays the caller's to close, after Run
	Kinds   []artifact.Kind // those that the program knows; only their part as artifact.Server is used
	Grace   time.Duration   // for running downloads when Run's context ends
	Log     *slog.Logger    // requests at level Info; nil: nothing is logged
	Version string          // of the program, for people
}

// A Server serves one image.
type Server struct {
	image    *image.Image
	grace    time.Duration
	log      *slog.Logger
	echo     *echo.Echo
	home     *home
	draining atomic.Bool
}

// New mounts the image's kinds. It fails where the image holds a kind that the
// program does not know, or where two kinds claim one path.
func New(o Options) (*Server, error) {
	s := &Server{image: o.Image, grace: o.Grace, log: o.Log}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	mounts, err := s.mounts(o.Kinds)
	if err != nil {
		return nil, err
	}
	if s.home, err = newHome(o.Image.Catalog, mounts, o.Version); err != nil {
		return nil, err
	}
	return s, s.route(mounts)
}

// Handler returns the handler of all requests.
func (s *Server) Handler() http.Handler { return s.echo }

// Run serves connections from l until ctx ends. Then it accepts no more, lets running
// requests finish within the grace time, cuts those that have not, and
// returns nil. It always closes l.
func (s *Server) Run(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler:                      s.echo,
		ReadHeaderTimeout:            headerTimeout,
		IdleTimeout:                  idleTimeout,
		MaxHeaderBytes:               maxHeader,
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("server: %w", errors.Join(err, server.Close()))
	case <-ctx.Done():
	}

	s.draining.Store(true)
	s.log.Info("draining", "grace", s.grace)
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.grace)
	defer cancel()
	if err := server.Shutdown(end); err != nil {
		s.log.Warn("cutting downloads that still run", "grace", s.grace)
		server.Close()
	}
	<-failed // http.ErrServerClosed
	return nil
}
