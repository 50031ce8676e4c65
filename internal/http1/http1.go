// Package http1 serves HTTP/1.1 (RFC 9112) to clients that fetch files: GET and HEAD, one request after the
// other on a connection that stays open.
//
//	Serve ──▶ connection ──▶ plainReader or http.ReadRequest ──▶ Handler ──▶ response ──▶ connection
//
// It is there for what an answer costs. The server of net/http watches each connection for its end while
// a handler runs, by another goroutine, and sends the header of a file apart from its content. For a small file that is
// most of the work. Here a connection is one goroutine, header and small content leave by
// one system call, and SendFile takes what is longer out of the file itself.
//
// Handler, Request and ResponseWriter are those of net/http, which also parses every request but the plainest. What is otherwise:
//
//   - A request, its URL and its header are the handler's until it returns: the next request of the connection uses their memory. Their strings last.
//   - The body of a request is never read, and no handler is given it. The request is answered, and the connection is closed.
//   - The context of a request ends with the server, not when the client goes away.
//   - There is no HTTP/2, no Hijack, no trailer and no informational (1xx) answer. No Content-Type is guessed.
//   - An empty line before a request is ignored (RFC 9112, section 2.2).
//   - Nothing is expected but "100-continue" (RFC 9110, section 10.1.1); all else is answered 417.
//   - A request for an absolute URL needs no Host; others need one that is not empty. The URL's scheme is http, or https over TLS.
//   - "*" is a target of OPTIONS alone, and a target without a path is that of "/" (RFC 9112, section 3.2).
//   - A request of HTTP/1.0 with a Transfer-Encoding is the last of its connection (RFC 9112, section 6.1).
//   - A handler can set fields of the header without a map by response.SetFields.
//   - A handler can set the reason phrase of the status line with response.SetReason, and ask with response.Gone whether the client has disconnected.
//   - What comes after the last request, if anything, is answered 400, however short.
package http1

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// A Server serves connections. What may be nil says so; all else must be set before Serve.
type Server struct {
	Handler http.Handler
	TLS     *tls.Config // nil: plain connections

	HeaderSize int           // bytes that a request's line and header may have; what is longer is answered 431
	HeaderTime time.Duration // from a connection's start, or a request's first byte, to the header's end
	AnswerTime time.Duration // from an answer's first byte to its last, unless its handler sets a deadline by http.ResponseController
	IdleTime   time.Duration // from an answer to the next request

	// Context makes the context of a connection's requests. It may be nil.
	Context func(context.Context, net.Conn) context.Context
	// Refused is called for a request that is answered before a handler sees it, with the size of the answer's body in bytes. It may be nil.
	Refused func(from net.Conn, status int, why string, sent int64)
	// Closed is called once for each accepted connection, after its end. It may be nil.
	Closed func(net.Conn)
	Log    *slog.Logger

	mu        sync.Mutex
	listeners map[net.Listener]struct{}
	conns     map[*conn]struct{}
	closing   atomic.Bool
	now       clock
	ctx       context.Context // of all requests
	cancel    context.CancelFunc
}

// freshTime is how long a connection that has not asked yet is spared by Shutdown: its request may be on the way.
const freshTime = 5 * time.Second

// Serve accepts connections until the listener fails, which it closes. After Shutdown or Close the error is
// http.ErrServerClosed.
func (s *Server) Serve(l net.Listener) error {
	defer l.Close()
	if !s.listens(l) {
		return http.ErrServerClosed
	}
	var pause time.Duration
	for {
		nc, err := l.Accept()
		var temporary interface{ Temporary() bool } // of package net: too many open files, and the like
		switch {
		case err == nil:
		case s.closing.Load():
			return http.ErrServerClosed
		case errors.As(err, &temporary) && temporary.Temporary():
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			s.Log.Warn("cannot accept a connection", "error", err, "pause", pause)
			time.Sleep(pause)
			continue
		default:
			return err
		}
		pause = 0
		c := newConn(s, nc)
		if !s.track(c) {
			nc.Close()
			s.forget(c)
			return http.ErrServerClosed
		}
		go c.serve()
	}
}

func (s *Server) listens(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Load() {
		return false
	}
	if s.listeners == nil {
		s.listeners, s.conns = map[net.Listener]struct{}{}, map[*conn]struct{}{}
		s.ctx, s.cancel = context.WithCancel(context.Background())
	}
	s.listeners[l] = struct{}{}
	return true
}

func (s *Server) track(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Load() {
		return false
	}
	s.conns[c] = struct{}{}
	return true
}

func (s *Server) forget(c *conn) {
	if s.Closed != nil {
		s.Closed(c.net) // before Shutdown may return
	}
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
}

// Shutdown stops to accept, closes what is idle, and waits until the running answers have ended, each
// the last of its connection. When ctx ends before, it returns its error. Close should follow in any case.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stop()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for s.closeIdle() > 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-again.C:
		}
	}
	return nil
}

// Close stops to accept and cuts all connections.
func (s *Server) Close() {
	s.stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.net.Close()
	}
	if s.cancel != nil {
		s.cancel()
	}
}

func (s *Server) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing.Store(true)
	for l := range s.listeners {
		l.Close()
	}
}

// closeIdle returns how many connections are left.
func (s *Server) closeIdle() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		if !c.delivered() {
			continue
		}
		if c.state.CompareAndSwap(idle, closed) || time.Since(c.began) > freshTime && c.state.CompareAndSwap(fresh, closed) {
			c.net.Close()
		}
	}
	return len(s.conns)
}
