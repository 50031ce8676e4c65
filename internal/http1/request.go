package http1

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
)

// slop is what may be read beyond a header's limit, since a connection is read by buffers.
const slop = 4 << 10

// A refusal is a request that no handler sees.
type refusal struct {
	status int
	why    string
}

func (r refusal) Error() string { return r.why }

// readRequest reads a request up to the end of its header. An error that is no refusal leaves nobody to answer.
func (c *conn) readRequest() (*http.Request, error) {
	if !whole(c.in) {
		c.reading.within(time.Now(), c.server.HeaderTime)
	}
	// An empty line before a request is ignored (RFC 9112, section 2.2).
	if start, _ := c.in.Peek(2); string(start) == "\r\n" {
		c.in.Discard(2)
	}
	buffered, _ := c.in.Peek(c.in.Buffered())
	if r, n := c.plain.read(buffered); r != nil && n <= c.server.HeaderSize {
		c.in.Discard(n)
		c.remain = math.MaxInt64
		return r, nil
	}
	faulty := c.faultyFraming()
	r, err := http.ReadRequest(c.in)
	if err != nil {
		return nil, c.blame(err)
	}
	c.remain = math.MaxInt64
	if err := check(r); err != nil {
		return nil, err
	}
	if err := checkTarget(r, c.tls != nil); err != nil {
		return nil, err
	}
	r.Close = r.Close || faulty
	r.RemoteAddr, r.TLS, r.Body = c.remote, c.tls, http.NoBody
	return r.WithContext(c.ctx), nil
}

// blame says what was wrong with a request.
func (c *conn) blame(err error) error {
	var network *net.OpError
	switch {
	case c.remain <= 0:
		return refusal{http.StatusRequestHeaderFieldsTooLarge, fmt.Sprintf("the header is larger than %d bytes", c.server.HeaderSize)}
	case err == io.EOF, errors.As(err, &network), errors.Is(err, os.ErrDeadlineExceeded):
		return err
	case strings.HasPrefix(err.Error(), "unsupported transfer encoding"), strings.HasPrefix(err.Error(), "too many transfer encodings"):
		return refusal{http.StatusNotImplemented, "unsupported transfer encoding"}
	}
	return refusal{http.StatusBadRequest, "malformed request"}
}

// check refuses what http.ReadRequest lets pass.
func check(r *http.Request) error {
	switch {
	case r.ProtoMajor != 1:
		return refusal{http.StatusHTTPVersionNotSupported, "unsupported protocol version"}
	case r.ProtoAtLeast(1, 1) && r.Host == "" && r.Method != http.MethodConnect:
		return refusal{http.StatusBadRequest, "missing Host header"}
	case !httpguts.ValidHostHeader(r.Host):
		return refusal{http.StatusBadRequest, "malformed Host header"}
	}
	for name, values := range r.Header {
		if !httpguts.ValidHeaderFieldName(name) {
			return refusal{http.StatusBadRequest, "malformed header name"}
		}
		for _, value := range values {
			if !httpguts.ValidHeaderFieldValue(value) {
				return refusal{http.StatusBadRequest, "malformed header value"}
			}
		}
	}
	if expect := r.Header.Get("Expect"); expect != "" && !strings.EqualFold(expect, "100-continue") {
		return refusal{http.StatusExpectationFailed, "unknown expectation"}
	}
	return nil
}

// checkTarget checks the request's target against RFC 9112, section 3.2: http.ReadRequest accepts any URL.
func checkTarget(r *http.Request, secure bool) error {
	u := r.URL
	switch {
	case r.Method == http.MethodConnect:
	case r.RequestURI == "*":
		if r.Method != http.MethodOptions {
			return refusal{http.StatusBadRequest, "the target * is for OPTIONS alone"}
		}
	case u.Scheme == "": // "/path?query"
	case u.Scheme != "http" && u.Scheme != "https": // "host:port" also looks like this
		return refusal{http.StatusBadRequest, "the target is neither a path nor an http address"}
	case u.Host == "":
		return refusal{http.StatusBadRequest, "the target has no host"}
	case u.Scheme == "https" && !secure: // RFC 9110, section 7.4
		return refusal{http.StatusMisdirectedRequest, "https address on a connection without TLS"}
	case u.Path == "":
		u.Path = "/" // RFC 9110, section 4.2.3
	}
	return nil
}

var transferEncoding = []byte("transfer-encoding")

// faultyFraming reports whether the next request is HTTP/1.0 and has a Transfer-Encoding: a client or proxy may disagree
// with us about where it ends, so the connection closes after the answer (RFC 9112, section 6.1).
// http.ReadRequest silently drops the field. An HTTP/1.0 header that does not fit the buffer counts as faulty.
func (c *conn) faultyFraming() bool {
	line, err := c.peekPast(0)
	if err != nil || !bytes.HasSuffix(bytes.TrimRight(line, "\r\n"), []byte("HTTP/1.0")) {
		return false
	}
	for at := len(line); ; at += len(line) {
		if line, err = c.peekPast(at); err != nil {
			return true
		}
		switch {
		case len(bytes.TrimRight(line, "\r\n")) == 0:
			return false
		case len(line) >= len(transferEncoding) && bytes.EqualFold(line[:len(transferEncoding)], transferEncoding):
			return true
		}
	}
}

// peekPast waits for the line that begins at an offset of the unread data.
func (c *conn) peekPast(at int) (line []byte, err error) {
	for {
		buffered, _ := c.in.Peek(c.in.Buffered())
		if n := bytes.IndexByte(buffered[min(at, len(buffered)):], '\n'); n >= 0 {
			return buffered[at : at+n+1], nil
		}
		if _, err := c.in.Peek(len(buffered) + 1); err != nil {
			return nil, err
		}
	}
}

// refuse answers what no handler sees. Then the connection is at its end: nobody knows where
// the next request begins.
func (c *conn) refuse(err error) {
	var r refusal
	if !errors.As(err, &r) {
		return
	}
	c.writing.within(time.Now(), c.server.AnswerTime)
	text := http.StatusText(r.status)
	size := len(text) + len(r.why) + 3
	_, err = fmt.Fprintf(c.stream, "HTTP/1.1 %d %s\r\nDate: %s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s: %s\n",
		r.status, text, c.server.now.header(), size, text, r.why)
	if err != nil {
		size = 0
	}
	if c.server.Refused != nil {
		c.server.Refused(c.net, r.status, r.why, int64(size))
	}
	if err == nil {
		c.linger()
	}
}
