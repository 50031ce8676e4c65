package server

import (
	"io"
	"net/http"
	"net/netip"
	"time"

	"github.com/labstack/echo/v5"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/audit"
	"github.com/minimirror/minimirror/internal/image"
)

// An exchange is a request's answer, and what is to be said of it afterwards. It wraps
// echo's response, which hides that the connection reads from a file by sendfile(2).
type exchange struct {
	*echo.Response
	client netip.Addr
	user   string
	kind   string   // that the path belongs to
	head   bool     // there is no body
	limits *limiter // nil: there are none

	artifact *artifact.Artifact // that was asked for; nil: none
	verdict  audit.Verdict      // empty: it follows from the rest
	rule     string
	reason   string
}

// exchangeOf finds the exchange that a handler answers.
func exchangeOf(w http.ResponseWriter) *exchange {
	e, ok := w.(*exchange)
	if !ok {
		return new(exchange) // nobody asks for it
	}
	return e
}

// Unwrap implements what http.ResponseController and echo look for.
func (e *exchange) Unwrap() http.ResponseWriter { return e.Response }

// ReadFrom implements io.ReaderFrom. Of a limited section, as http.ServeContent
// copies one, the connection gets the file behind it.
func (e *exchange) ReadFrom(src io.Reader) (n int64, err error) {
	if !e.Committed {
		e.WriteHeader(e.Status)
	}
	if limited, section := limitedSection(src); section != nil {
		n, err = e.copySection(section, limited)
	} else {
		if e.limits != nil && limited != nil && limited.N > smallAnswer {
			_ = http.NewResponseController(e.Response.ResponseWriter).SetWriteDeadline(time.Now().Add(firstMinute + time.Duration(limited.N/e.limits.Slowest)*time.Second))
		}
		n, err = io.Copy(e.Response.ResponseWriter, src)
	}
	e.Size += n
	return n, err
}

// copySection sends piece by piece: a client that stops taking is cut off, however big the file is.
func (e *exchange) copySection(section *image.Section, limited *io.LimitedReader) (n int64, err error) {
	for limited.N > 0 && err == nil {
		size := min(limited.N, piece)
		if e.limits != nil && limited.N > smallAnswer {
			_ = http.NewResponseController(e.Response.ResponseWriter).SetWriteDeadline(time.Now().Add(e.limits.patience(size))) // a recorder has none
		}
		var sent int64
		sent, err = section.CopyTo(e.Response.ResponseWriter, size)
		n += sent
		limited.N -= sent
		if sent == 0 {
			break
		}
	}
	return n, err
}

// smallAnswer is what fits into the time that every answer has.
const smallAnswer = 48 << 10

func limitedSection(src io.Reader) (*io.LimitedReader, *image.Section) {
	limited, ok := src.(*io.LimitedReader)
	if !ok {
		return nil, nil
	}
	section, _ := limited.R.(*image.Section)
	return limited, section
}

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
