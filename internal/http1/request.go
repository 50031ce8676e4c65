package http1

import (
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
	r, err := http.ReadRequest(c.in)
	if err != nil {
		return nil, c.blame(err)
	}
	c.remain = math.MaxInt64
	if err := check(r); err != nil {
		return nil, err
	}
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

// check holds a request against what http.ReadRequest lets pass.
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
