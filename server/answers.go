package server

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v5"

	"github.com/minimirror/minimirror/internal/artifact"
)

// handleError answers what echo's routes return.
func (s *Server) handleError(c *echo.Context, err error) {
	if answer, _ := echo.UnwrapResponse(c.Response()); answer != nil && answer.Committed {
		return
	}
	s.fail(c.Response(), c.Request(), err)
}

// fail answers with an error, in words.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	code := status(err)
	e, _ := exchangeOf(r)
	text := http.StatusText(code)
	switch code {
	case http.StatusNotFound:
		e.say(text + " in this mirror")
		text = fmt.Sprintf("%s is not in this mirror.\nIt carries %q as of %s; see / for how to use it.", printable(r.URL.Path),
			s.image.Catalog.Name, s.image.Catalog.Date.UTC().Format("2006-01-02 15:04 MST"))
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", strings.Join(methods, ", "))
		text = "This mirror can only be read: " + strings.Join(methods, ", ") + "."
	case http.StatusInternalServerError:
		s.failed(e, r.URL.Path, err)
		e.say(text + ": the mirror cannot read it")
		text = "The mirror could not read this file."
	default:
		if he, ok := err.(*echo.HTTPError); ok && he.Message != "" {
			e.say(text + ": " + strings.TrimSuffix(he.Message, ".")) // never text from the client
			text = he.Message
		}
	}
	header := w.Header()
	header.Del("Etag")
	plain(w, r, code, text+"\n")
}

// plain answers with a short text.
func plain(w http.ResponseWriter, r *http.Request, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	send(w, r, code, []byte(text))
}

// send answers with text that was made for this request. Text from others may be part of it: see artifact.Printable.
func send(w http.ResponseWriter, r *http.Request, code int, text []byte) {
	body := artifact.Printable(string(text))
	header := w.Header()
	header.Set("Content-Length", strconv.Itoa(len(body)))
	header.Set("X-Content-Type-Options", "nosniff")
	uncached(header)
	w.WriteHeader(code)
	if r.Method != http.MethodHead { // no bytes to count
		io.WriteString(w, body)
	}
}

// uncached keeps an answer out of all caches. It may depend on the client's address, its login, the Host that it requested or
// X-Forwarded-* headers, and caches do not distinguish these.
func uncached(header http.Header) { header.Set("Cache-Control", "no-store") }

// printable shortens a path from outside and escapes what a terminal would obey.
func printable(path string) string {
	const enough = 200
	if len(path) > enough {
		path = path[:enough] + "…"
	}
	quoted := fmt.Sprintf("%q", path)
	return artifact.Printable(quoted[1 : len(quoted)-1])
}
