package server

import (
	"io"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/audit"
	"github.com/minimirror/minimirror/server/access"
)

// An exchange is a request's answer, and what is to be said of it afterwards. It wraps
// echo's response, which hides that the connection takes files; see image.FileSender.
type exchange struct {
	*echo.Response
	start  time.Time // of the answer
	client access.Client
	kind   string // that the path belongs to
	head   bool   // there is no body
	limits *access.Limiter
	view   *view // by which everything about the request is decided; nil: nothing has been

	artifact *artifact.Item // that was asked for; nil: none
	size     int64          // of its file that was asked for
	lookedUp string         // a name that nothing here has; kind is then the kind that was asked for, if any
	verdict  audit.Verdict  // empty: it follows from the rest
	rule     string
	reason   string
	broken   error // reading what was being sent; nil: none, or the client's fault

	values [4]string // of header fields of a file
	fields []byte    // where those fields are formatted
}

// set sets a field of the header without memory of its own: values[i] is the value.
func (e *exchange) set(header http.Header, i int, name, value string) {
	e.values[i] = value
	header[name] = e.values[i : i+1 : i+1]
}

// exchangeKey is the context key of the exchange: a handler may wrap the exchange in a writer of its own.
type exchangeKey struct{}

// exchangeOf finds the exchange of a request. For a request without one the client is unknown: no access may be decided, and
// notes on the result are lost.
func exchangeOf(r *http.Request) (e *exchange, found bool) {
	if e, found = r.Context().Value(exchangeKey{}).(*exchange); !found {
		e = new(exchange)
	}
	return e, found
}

// say sets the reason phrase of the status line, in printable ASCII, before the header is written.
func (e *exchange) say(phrase string) {
	if e.Response == nil {
		return
	}
	if w, ok := e.Response.Writer.(interface{ SetReason(string) }); ok {
		w.SetReason(phrase)
	}
}

// Gone reports whether the client has disconnected, as far as the connection knows.
func (e *exchange) Gone() bool {
	w, ok := e.Response.Writer.(interface{ Gone() bool })
	return ok && w.Gone()
}

// Unwrap implements what http.ResponseController and echo look for.
func (e *exchange) Unwrap() http.ResponseWriter { return e.Response }

// A copier is content with a position, which knows how it is copied best.
type copier interface {
	CopyTo(w io.Writer, n int64) (int64, error)
}

// ReadFrom implements io.ReaderFrom. Of a limited copier, as http.ServeContent
// copies one, the connection gets what is behind it.
func (e *exchange) ReadFrom(src io.Reader) (n int64, err error) {
	if !e.Committed {
		e.WriteHeader(e.Status)
	}
	limited, _ := src.(*io.LimitedReader)
	if limited == nil {
		return e.pass(io.Copy(e.Response.Writer, src))
	}
	if content, ok := limited.R.(copier); ok {
		n, err = e.pass(e.copyPieces(content, limited.N))
		limited.N -= n
		return n, err
	}
	if limited.N > smallAnswer {
		e.extendDeadline(time.Duration(limited.N/e.limits.Slowest) * time.Second)
	}
	n, err = io.Copy(e.Response.Writer, src)
	if err == nil && limited.N > 0 {
		err = io.ErrUnexpectedEOF
	}
	return e.pass(n, err)
}

// pass notes what was sent, and returns it.
func (e *exchange) pass(n int64, err error) (int64, error) {
	e.Size += n
	if unreadable(err) {
		e.broken = err
	}
	return n, err
}

// copyPieces sends size bytes, piece by piece: a client that stops taking is cut off, however big the content is. With fewer, there is
// an error.
func (e *exchange) copyPieces(content copier, size int64) (n int64, err error) {
	for left := size; left > 0; left = size - n {
		if left > smallAnswer {
			e.extendDeadline(time.Duration(min(left, piece)/e.limits.Slowest) * time.Second)
		}
		sent, err := content.CopyTo(e.Response.Writer, min(left, piece))
		n += sent
		if err == nil && sent == 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// extendDeadline gives the client a minute from now on, and more.
func (e *exchange) extendDeadline(more time.Duration) {
	_ = http.NewResponseController(e.Response.Writer).SetWriteDeadline(time.Now().Add(firstMinute + more)) // a recorder has none
}

// firstMinute is how long any answer may take, and each piece of a big one beside its size.
const firstMinute = time.Minute

// piece is how many bytes are sent before the time that a client has starts anew.
const piece = 512 << 10

// smallAnswer is what fits into the time that every answer has.
const smallAnswer = 48 << 10

// outcome is the verdict for the audit trail.
func (e *exchange) outcome() audit.Verdict {
	switch {
	case e.verdict != "":
		return e.verdict
	case e.Status >= 500:
		return audit.Failed
	case e.Status == http.StatusNotFound:
		return audit.Missing
	case e.Status >= 400 && e.Status != http.StatusRequestedRangeNotSatisfiable:
		return audit.Refused
	case e.artifact != nil && !e.head && e.Status != http.StatusNotModified:
		return audit.Allowed
	}
	return audit.Metadata
}
