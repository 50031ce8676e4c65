package http1

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http/httpguts"
)

// bufferSize is what is gathered before anything is sent: a header, and a small body or the start of it.
const bufferSize = 20 << 10

var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// A response implements http.ResponseWriter, and what http.ResponseController looks for.
//
// Its header is written at WriteHeader, but for the lines that tell where the body ends: those wait
// until the first bytes must go. So a body that fits into the buffer has a Content-Length.
type response struct {
	conn   *conn
	header http.Header
	fields []byte // lines of the header that the handler has formatted; see SetFields
	reason string // for the status line; empty: the standard phrase of RFC 9110
	status int    // 0: WriteHeader has not been called
	size   int64  // of the body, as the handler announced; -1: unknown
	sent   int64  // bytes of the body that the handler has written

	head    bool // the request is HEAD
	keep10  bool // the client speaks HTTP/1.0, and would keep the connection
	old     bool // the client speaks HTTP/1.0
	close   bool // the connection ends with the answer
	timed   bool // there is a deadline
	framed  bool // the header is complete
	chunked bool
	err     error // of the connection

	buffer *[bufferSize]byte // nil between answers
	out    []byte            // within buffer: what is to be sent
	start  int               // where the body begins in out, until the header is complete
}

func (w *response) begin(c *conn, r *http.Request) {
	header := w.header
	if header == nil {
		header = http.Header{}
	}
	clear(header)
	*w = response{
		conn: c, header: header, size: -1, head: r.Method == http.MethodHead,
		old: !r.ProtoAtLeast(1, 1), close: r.Close || r.ContentLength != 0 || c.server.closing.Load(),
		buffer: buffers.Get().(*[bufferSize]byte),
	}
	w.keep10 = w.old && !r.Close
	w.out = w.buffer[:0]
}

// release gives back the buffer.
func (w *response) release() {
	if w.buffer != nil {
		buffers.Put(w.buffer)
	}
	w.buffer, w.out = nil, nil
}

// Header implements http.ResponseWriter.
func (w *response) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter.
func (w *response) WriteHeader(status int) {
	if w.status != 0 || status < 200 {
		return
	}
	w.status = status
	if len(w.header) > 0 {
		w.readFields()
	}
	w.appendStatus()
	if len(w.header) > 0 {
		w.appendFields()
	}
	w.out = append(w.out, w.fields...)
	w.appendField("Date", w.conn.server.now.header())
	w.start = len(w.out)
}

// readFields takes from the header what concerns the connection.
func (w *response) readFields() {
	if length := w.header.Get("Content-Length"); length != "" {
		if n, err := strconv.ParseInt(length, 10, 64); err == nil && n >= 0 {
			w.size = n
		}
	}
	if httpguts.HeaderValuesContainsToken(w.header["Connection"], "close") {
		w.close = true
	}
}

func (w *response) appendStatus() {
	if w.status == http.StatusOK && w.reason == "" && !w.old {
		w.out = append(w.out, "HTTP/1.1 200 OK\r\n"...)
		return
	}
	w.out = append(w.out, "HTTP/1.1 "...)
	if w.old {
		w.out[len("HTTP/1.")] = '0'
	}
	w.out = strconv.AppendInt(w.out, int64(w.status), 10)
	w.out = append(w.out, ' ')
	w.appendReason()
}

// SetFields sets fields of the header beside those of Header, without the cost of a map, and the size of the body, in bytes. Each is a line
// "Name: value\r\n" (RFC 9112, section 5), which is sent as it is; the connection's own (Content-Length, Date, Connection …) must not be
// among them. It must come before WriteHeader, and fields must not change until that returns.
func (w *response) SetFields(fields []byte, size int64) {
	if w.status == 0 {
		w.fields, w.size = fields, size
	}
}

// maxReason is the longest reason phrase, in bytes. Some clients read only 359.
const maxReason = 300

// SetReason sets the reason phrase of the status line, which many clients show instead of the body. It must come before
// WriteHeader. Only printable ASCII is sent (RFC 9112, section 4, would allow bytes of an unknown encoding), and at most maxReason bytes.
func (w *response) SetReason(phrase string) { w.reason = phrase }

func (w *response) appendReason() {
	if w.reason == "" {
		w.out = append(append(w.out, http.StatusText(w.status)...), "\r\n"...)
		return
	}
	for i := range min(len(w.reason), maxReason) {
		b := w.reason[i]
		if b < ' ' || b > '~' {
			b = '?'
		}
		w.out = append(w.out, b)
	}
	w.out = append(w.out, "\r\n"...)
}

// appendFields appends the header's fields in the order of their names, but for those
// that are the connection's.
func (w *response) appendFields() {
	var space [16]string
	names := space[:0]
	for name := range w.header {
		switch name {
		case "Connection", "Content-Length", "Date", "Keep-Alive", "Trailer", "Transfer-Encoding":
		default:
			if httpguts.ValidHeaderFieldName(name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range w.header[name] {
			if !httpguts.ValidHeaderFieldValue(value) {
				value = strings.Map(printable, value)
			}
			w.appendField(name, value)
		}
	}
}

func (w *response) appendField(name, value string) {
	w.out = append(append(append(append(w.out, name...), ": "...), value...), "\r\n"...)
}

func printable(r rune) rune {
	if r < ' ' || r == 0x7f {
		return ' '
	}
	return r
}

// frame completes the header: what is in out behind start is the beginning of the body.
func (w *response) frame() {
	if w.framed {
		return
	}
	w.framed = true
	body := slices.Clone(w.out[w.start:])
	w.out = w.out[:w.start]
	switch {
	case w.size >= 0 && w.status != http.StatusNoContent:
		w.out = strconv.AppendInt(append(w.out, "Content-Length: "...), w.size, 10)
		w.out = append(w.out, "\r\n"...)
	case w.bodyless():
	case w.old:
		w.close = true // it ends the body, too
	default:
		w.chunked = true
		w.appendField("Transfer-Encoding", "chunked")
	}
	switch {
	case w.close:
		w.appendField("Connection", "close")
	case w.keep10:
		w.appendField("Connection", "keep-alive")
	}
	w.out = append(w.out, "\r\n"...)
	w.push(body)
}

// bodyless reports whether the answer has no body (RFC 9112, section 6.3).
func (w *response) bodyless() bool {
	return w.head || w.status == http.StatusNoContent || w.status == http.StatusNotModified
}

// end completes the answer.
func (w *response) end() error {
	defer w.release()
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if !w.framed {
		if w.size < 0 && (!w.bodyless() || w.head && w.sent > 0) {
			w.size = w.sent
		}
		w.frame()
	}
	if w.chunked {
		w.out = append(w.out, "0\r\n\r\n"...)
	}
	w.flush(false)
	if w.err == nil && w.size > w.sent && !w.bodyless() {
		w.err = http.ErrContentLength // shorter than it says: the connection cannot go on
	}
	return w.err
}

// A clock formats the time once a second.
type clock struct{ last atomic.Pointer[stamp] }

type stamp struct {
	second int64
	text   string
}

// header is the time for a Date field (RFC 9110, section 6.6.1).
func (c *clock) header() string {
	now := time.Now()
	last := c.last.Load()
	if last == nil || last.second != now.Unix() {
		last = &stamp{now.Unix(), now.UTC().Format(http.TimeFormat)}
		c.last.Store(last)
	}
	return last.text
}
