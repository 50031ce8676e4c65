package http1

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
)

// States of a connection.
const (
	fresh  = iota // nothing has been asked
	idle          // all that was asked is answered
	active        // a request has begun
	closed        // by Shutdown
)

// lingerTime is how long what a client still sends is thrown away before its connection is closed. A
// connection that is closed with bytes unread is reset, and the client may lose the answer (RFC 9112, section 9.6).
const lingerTime = 500 * time.Millisecond

// A conn is an accepted connection. One goroutine reads requests and answers them.
type conn struct {
	server *Server
	net    net.Conn // as it was accepted
	stream net.Conn // what is spoken on: net, or TLS over it
	socket *socket  // of a plain TCP connection; nil: there is none
	ctx    context.Context
	remote string
	tls    *tls.ConnectionState
	began  time.Time
	state  atomic.Int32

	in     *bufio.Reader // from what Read reads
	remain int64         // bytes that Read may still read

	plain            plainReader
	reading, writing deadline
	answer           response
}

func newConn(s *Server, nc net.Conn) *conn {
	c := &conn{server: s, net: nc, stream: nc, began: time.Now(), remote: nc.RemoteAddr().String()}
	c.ctx = context.WithValue(s.ctx, http.LocalAddrContextKey, nc.LocalAddr())
	if s.Context != nil {
		c.ctx = s.Context(c.ctx, nc)
	}
	return c
}

// Read implements io.Reader for c.in: a request's header has an end.
func (c *conn) Read(p []byte) (int, error) {
	if c.remain <= 0 {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), c.remain)]
	var n int
	var err error
	if c.socket != nil {
		n, err = c.socket.Read(p)
	} else {
		n, err = c.stream.Read(p)
	}
	c.remain -= int64(n)
	return n, err
}

func (c *conn) serve() {
	defer c.server.forget(c)
	defer c.net.Close()
	defer c.rescue()
	if !c.open() {
		return
	}
	c.in = bufio.NewReader(c)
	c.plain.init(c)
	for c.await() {
		r, err := c.readRequest()
		if err != nil {
			c.refuse(err)
			return
		}
		if !c.handle(r) {
			return
		}
		if c.server.closing.Load() {
			c.linger()
			return
		}
		if c.in.Buffered() == 0 { // else Shutdown would cut an answer that is on its way: see lingerTime
			c.state.Store(idle)
		}
	}
	if c.tls != nil {
		c.bye()
	}
}

// rescue keeps a panic from the other connections. What has been gathered of the answer is not sent.
func (c *conn) rescue() {
	p := recover()
	if p == nil {
		return
	}
	if p != http.ErrAbortHandler {
		stack := make([]byte, 16<<10)
		stack = stack[:runtime.Stack(stack, false)]
		c.server.Log.Error("a handler has panicked", "client", c.remote, "panic", p, "stack", string(stack))
	}
	c.answer.release()
}

// open makes what is spoken on.
func (c *conn) open() bool {
	if c.server.TLS == nil {
		c.reading.set, c.writing.set = c.net.SetReadDeadline, c.net.SetWriteDeadline
		if raw, ok := c.net.(syscall.Conn); ok {
			if raw, err := raw.SyscallConn(); err == nil {
				c.socket = newSocket(raw)
			}
		}
		return true
	}
	t := tls.Server(c.net, c.server.TLS)
	c.net.SetDeadline(c.began.Add(c.server.HeaderTime))
	if err := t.HandshakeContext(c.ctx); err != nil {
		var header tls.RecordHeaderError
		if errors.As(err, &header) && header.Conn != nil && looksLikeHTTP(header.RecordHeader[:]) {
			io.WriteString(c.net, "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\nThis address speaks https, not http.\n")
		}
		c.linger() // by TLS 1.3 the client may be asking already, and would not read why it may not
		c.server.Log.Warn("TLS handshake failed", "client", c.remote, "error", err)
		return false
	}
	c.net.SetDeadline(time.Time{})
	state := t.ConnectionState()
	c.stream, c.tls = t, &state
	c.reading.set, c.writing.set = t.SetReadDeadline, t.SetWriteDeadline
	return true
}

func looksLikeHTTP(b []byte) bool {
	for _, method := range []string{"GET /", "HEAD ", "POST ", "PUT /", "OPTIO"} {
		if string(b[:5]) == method {
			return true
		}
	}
	return false
}

// await waits for the first bytes of a request.
func (c *conn) await() bool {
	c.remain = int64(c.server.HeaderSize) + slop
	if c.in.Buffered() == 0 {
		patience := c.server.IdleTime
		if c.state.Load() == fresh {
			patience = c.server.HeaderTime
		}
		c.reading.within(time.Now(), patience)
		if _, err := c.in.Peek(1); err != nil {
			return false
		}
	}
	return c.state.CompareAndSwap(idle, active) || c.state.CompareAndSwap(fresh, active) || c.state.Load() == active
}

// handle answers a request. It reports whether the connection can take another.
func (c *conn) handle(r *http.Request) bool {
	w := &c.answer
	w.begin(c, r)
	c.server.Handler.ServeHTTP(w, r)
	if w.end() != nil {
		return false
	}
	switch {
	case !w.close:
		return true
	case !r.Close || r.ContentLength != 0 || c.in.Buffered() > 0: // the client may be sending yet
		c.linger()
	default:
		if c.tls != nil {
			c.bye()
		}
		c.awaitDelivery()
	}
	return false
}

// bye ends the answers. By TLS, what ends otherwise counts as cut off (RFC 9112, section 9.8).
func (c *conn) bye() error {
	if t, ok := c.stream.(*tls.Conn); ok {
		t.CloseWrite()
	}
	if half, ok := c.net.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// linger ends the answers, and waits a little until the client has seen it.
func (c *conn) linger() {
	if c.bye() == nil {
		c.awaitDelivery()
		c.net.SetReadDeadline(time.Now().Add(lingerTime))
		io.Copy(io.Discard, c.net)
	}
}

// A deadline is moved by a timer of the runtime, which costs something: it stays as it is where it is
// not early by more than a 16th.
type deadline struct {
	set func(time.Time) error
	at  time.Time
}

func (d *deadline) within(now time.Time, patience time.Duration) error {
	want := now.Add(patience)
	if early := want.Sub(d.at); early >= 0 && early <= patience/16 {
		return nil
	}
	d.at = want
	return d.set(want)
}

var headerEnd = []byte("\r\n\r\n")

// whole reports whether a request's header has come already.
func whole(in *bufio.Reader) bool {
	buffered, _ := in.Peek(in.Buffered())
	return bytes.Contains(buffered, headerEnd)
}
