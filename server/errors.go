package server

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/server/answer"
)

// handleError is echo's error handler: it answers what routes and middleware return.
func (s *Server) handleError(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	s.fail(c.Response(), c.Request(), err)
}

// fail answers with an error, in words.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	code := status(err)
	e, _ := exchangeOf(r)
	text := http.StatusText(code)
	var away *image.UnavailableError
	if errors.As(err, &away) {
		s.serveUnavailable(w, r, code, away)
		return
	}
	switch code {
	case http.StatusNotFound:
		e.say(text + " in this mirror")
		text = fmt.Sprintf("%s is not in this mirror.\nIt carries %q as of %s; see / for how to use it.", answer.Quote(r.URL.Path),
			s.image.Catalog.Name, s.image.Catalog.Date.UTC().Format("2006-01-02 15:04 MST"))
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", strings.Join(methods, ", "))
		text = "This mirror can only be read: " + strings.Join(methods, ", ") + "."
	case http.StatusInternalServerError:
		s.failed(e, r.URL.Path, err)
		e.say(text + ": the mirror cannot read it")
		text = "The mirror could not read this file."
	default:
		if he, ok := err.(*echo.HTTPError); ok {
			text = fmt.Sprint(he.Message) // never text from the client
			e.say(http.StatusText(code) + ": " + strings.TrimSuffix(text, "."))
		}
	}
	s.sendError(w, r, code, text)
}

// sendError answers with an error: in the format of the kind whose route the request is for, or as text.
func (s *Server) sendError(w http.ResponseWriter, r *http.Request, code int, text string) {
	header := w.Header()
	header.Del("Etag")
	if f := s.errorFormatter(r.URL.Path); f != nil {
		answer.Send(w, r, code, f.FormatError(header, r, code, text))
		return
	}
	answer.Text(w, r, code, text+"\n")
}

// errorRoute is a route of a kind that formats errors.
type errorRoute struct {
	path string
	artifact.ErrorFormatter
}

// errorFormatter finds the kind whose route a path belongs to; nil: errors are text. The path may be as the client sent it.
func (s *Server) errorFormatter(path string) artifact.ErrorFormatter {
	for i, route := range s.errorRoutes {
		if i == 0 && (strings.Contains(path, "//") || strings.Contains(path, "/.")) {
			path = cleanPath(path)
		}
		if path == route.path || strings.HasSuffix(route.path, "/") && strings.HasPrefix(path, route.path) {
			return route
		}
	}
	return nil
}

// status is the one place where errors become HTTP status codes.
func status(err error) int {
	var he *echo.HTTPError
	var away *image.UnavailableError
	switch {
	case errors.As(err, &away) && away.Wrong():
		return http.StatusBadGateway
	case errors.As(err, &away):
		return http.StatusServiceUnavailable
	case errors.As(err, &he):
		return he.Code
	case errors.Is(err, fs.ErrNotExist):
		return http.StatusNotFound
	}
	return http.StatusInternalServerError
}
