package server

import (
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/audit"
	"github.com/minimirror/minimirror/internal/image/layout"
	"github.com/minimirror/minimirror/internal/signing"
	"github.com/minimirror/minimirror/server/access"
	"github.com/minimirror/minimirror/server/api"
	"github.com/minimirror/minimirror/server/pages"
)

// methods are all that a mirror answers.
var methods = []string{http.MethodGet, http.MethodHead}

// A mount is a kind with its part of the image.
type mount struct {
	kind   artifact.Kind
	mirror artifact.Mirror
}

// mount gives each kind its part of the catalog, whose items are without URLs and Metadata. A kind
// that the image does not hold gets an empty mirror, and normally wants no routes.
func (s *Server) mount(kinds []artifact.Kind) ([]mount, error) {
	key, err := s.publicKey()
	if err != nil {
		return nil, err
	}
	if s.keys, err = signing.ReadPublic(key); err != nil {
		s.log.Debug("the page does not tell the fingerprint of the mirror's key", "error", err)
	}
	parts := map[string]*artifact.Pins{}
	var all []mount
	for _, kind := range kinds {
		parts[kind.Name()] = &artifact.Pins{Date: s.image.Catalog.Date}
	}
	for _, source := range s.image.Catalog.Sources {
		pins := parts[source.Kind]
		if pins == nil {
			return nil, artifact.Hint(
				fmt.Errorf("the image's source %q is of a kind that this program does not serve: %q", source.Name, source.Kind),
				"use the program that the image holds: /%s", layout.ProgramPath)
		}
		pins.Sources = append(pins.Sources, source)
	}
	for kind, list := range byKind(s.image.Catalog.Items) {
		parts[kind].Items = list
	}
	for _, kind := range kinds {
		all = append(all, mount{kind, artifact.Mirror{Pins: *parts[kind.Name()], PublicKey: key}})
	}
	return all, nil
}

// publicKey is what clients trust: the image's keyring; if the mirror signs, in the form that its signer has.
func (s *Server) publicKey() ([]byte, error) {
	if s.signer == nil {
		return s.image.ReadFile(layout.KeyPath)
	}
	signer, err := s.signer(s.image.Catalog.Date)
	if err != nil {
		return nil, err
	}
	return signer.PublicKey(), nil
}

// kinds are those of the program.
func (s *Server) kinds() (kinds []artifact.Kind) {
	for _, m := range s.mounts {
		kinds = append(kinds, m.kind)
	}
	return kinds
}

// usages say how clients use the mirror at an address, a text for each kind that has one.
func (s *Server) usages(base string) (texts []string) {
	for _, m := range s.mounts {
		if guide, able := artifact.Able[artifact.Guide](m.kind); able {
			texts = append(texts, guide.Usage(m.mirror, base))
		}
	}
	return texts
}

// byKind cuts a sorted list of items where the kind changes.
func byKind(list []artifact.Item) map[string][]artifact.Item {
	parts := map[string][]artifact.Item{}
	for len(list) > 0 {
		kind := list[0].Kind
		n := slices.IndexFunc(list, func(a artifact.Item) bool { return a.Kind != kind })
		if n < 0 {
			n = len(list)
		}
		parts[kind], list = list[:n:n], list[n:]
	}
	return parts
}

func (s *Server) route() error {
	s.echo = echo.New()
	s.echo.HTTPErrorHandler = s.handleError
	s.echo.Logger.SetOutput(io.Discard) // it writes to standard output, and only about second headers of an answer
	s.echo.Pre(s.observe, s.guard, s.check)
	routes := map[string]http.HandlerFunc{
		"/":                  s.pages.ServeHome,
		pages.Root:           s.limitConcurrency(ownPages(s.pages.ServeHTTP)),
		api.Root:             s.limitConcurrency(ownPages(s.api.ServeHTTP)),
		billPath:             limited(s.listing, ownPages(s.serveBill)),
		"/healthz":           serveHealth,
		"/readyz":            s.serveReady,
		"/" + layout.KeyPath: s.serveKey,
	}
	for _, m := range s.mounts {
		formatter, formats := artifact.Able[artifact.ErrorFormatter](m.kind)
		for _, route := range m.kind.Mount(&site{s, m.mirror}) {
			if !strings.HasPrefix(route.Path, "/") || route.Path == "/" || strings.ContainsAny(route.Path, `*:\`) {
				return fmt.Errorf("%s: %q cannot be a route", m.kind.Name(), route.Path)
			}
			if routes[route.Path] != nil {
				return fmt.Errorf("%s: the route %q is taken", m.kind.Name(), route.Path)
			}
			handler := m.serve(route)
			if !strings.HasSuffix(route.Path, "/") {
				handler = ownPages(handler) // a file of the kind's own, below which there are no items
			}
			routes[route.Path] = handler
			if formats {
				s.errorRoutes = append(s.errorRoutes, errorRoute{route.Path, formatter})
			}
		}
	}
	for route, handler := range routes {
		if strings.HasSuffix(route, "/") && route != "/" {
			route += "*"
		}
		s.echo.Match(methods, route, func(c echo.Context) error {
			e, _ := exchangeOf(c.Request())
			handler(e, c.Request())
			return nil
		})
	}
	return nil
}

// check refuses requests that no route answers, and makes the rest uniform: every
// handler sees a clean path, and a host that is safe to print.
func (s *Server) check(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if !slices.Contains(methods, r.Method) {
			return echo.ErrMethodNotAllowed
		}
		if r.Host == "" { // HTTP/1.0
			r.Host = access.LocalAddress(r)
		}
		if !access.ValidHost(r.Host) {
			return echo.NewHTTPError(http.StatusBadRequest, "the Host header is not a host")
		}
		r.URL.RawPath = "" // routes match the path as it was decoded
		if p := r.URL.Path; strings.Contains(p, "//") || strings.Contains(p, "/.") {
			r.URL.Path = cleanPath(p)
		}
		r.URL.Path = s.resolveHost(r.Host, r.URL.Path)
		return next(c)
	}
}

// cleanPath resolves empty, "." and ".." elements (RFC 3986, section 5.2.4), which
// some clients send. A slash at the end stays.
func cleanPath(p string) string {
	clean := path.Clean("/" + p)
	if strings.HasSuffix(p, "/") && clean != "/" {
		clean += "/"
	}
	return clean
}

// serve is a kind's handler.
func (m mount) serve(route artifact.Route) http.HandlerFunc {
	name := m.kind.Name()
	return func(w http.ResponseWriter, r *http.Request) {
		e, _ := exchangeOf(r)
		e.kind = name
		route.ServeHTTP(w, r)
	}
}

// missed records that a visitor looked for a name that the mirror does not carry.
func missed(r *http.Request, kind, name string) {
	e, _ := exchangeOf(r)
	e.verdict, e.kind, e.lookedUp = audit.Missing, kind, name
}

// ownPages records an answer of 404 as metadata, for pages and other generated files: no item is missing, unless the page is about one.
func ownPages(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		next(w, r)
		if e, found := exchangeOf(r); found && e.Status == http.StatusNotFound && e.lookedUp == "" {
			e.verdict = audit.Metadata
		}
	}
}
