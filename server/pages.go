package server

import (
	"bytes"
	"cmp"
	"context"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	texttemplate "text/template"
	"time"

	"github.com/minimirror/minimirror/internal/audit"
)

//go:embed pages
var pageFiles embed.FS

const (
	pagesRoot  = "/-/" // no source can be called so: artifact.ValidName
	perPage    = 50
	maxQuery   = 200 // bytes
	maxNeedBys = 300
)

// pages are for people with a browser: plain HTML, no scripts, nothing from elsewhere.
type pages struct {
	server  *Server
	version string
	about   about
	html    map[string]*template.Template
	text    *texttemplate.Template

	reading sync.Mutex
	graph   *graph // nil: nobody has asked yet
}

// A frame is what all pages have in common.
type frame struct {
	Title, Name, Version, Lock, Query string
}

func newPages(s *Server, version string) (*pages, error) {
	p := &pages{server: s, version: cmp.Or(version, "unknown version"), about: newAbout(s.image.Catalog), html: map[string]*template.Template{}}
	functions := template.FuncMap{
		"page": pageOf, "megabytes": megabytes, "date": func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"join":       func(texts []string) string { return strings.Join(texts, ", ") },
		"paragraphs": func(text string) []string { return strings.Split(text, "\n\n") },
	}
	for _, name := range []string{"home.html", "search.html", "artifact.html", "rules.html", "activity.html", "error.html"} {
		t, err := template.New(name).Funcs(functions).ParseFS(pageFiles, "pages/layout.html", "pages/"+name)
		if err != nil {
			return nil, err
		}
		p.html[name] = t
	}
	var err error
	p.text, err = parseText("pages/home.txt")
	return p, err
}

// pageOf is the address of the page about a name.
func pageOf(kind, name string) string {
	return pagesRoot + "artifacts/" + url.PathEscape(kind) + "/" + url.PathEscape(name)
}

func (p *pages) frame(title, query string) frame {
	return frame{title, p.server.image.Catalog.Name, p.version, p.server.image.Catalog.Lock, query}
}

// show answers with a page.
func (p *pages) show(w http.ResponseWriter, code int, name string, data any) {
	var body bytes.Buffer
	if err := p.html[name].Execute(&body, data); err != nil {
		panic(err) // a template that does not fit the page
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Length", fmt.Sprint(body.Len()))
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cache-Control", "no-cache")
	w.WriteHeader(code)
	w.Write(body.Bytes())
}

// fail shows an error that the visitor has made, or that the server has.
func (p *pages) fail(w http.ResponseWriter, code int, text string) {
	p.show(w, code, "error.html", struct {
		frame
		Heading, Text string
	}{p.frame(http.StatusText(code), ""), http.StatusText(code), text})
}

func (p *pages) broken(w http.ResponseWriter, r *http.Request, err error) {
	p.server.log.Error("request failed", "path", r.URL.Path, "error", err)
	p.fail(w, http.StatusInternalServerError, "The mirror could not read its catalog.")
}

// ServeHTTP answers below pagesRoot.
func (p *pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch rest := strings.TrimPrefix(r.URL.Path, pagesRoot); {
	case rest == "search":
		p.serveSearch(w, r)
	case rest == "rules":
		p.serveRules(w)
	case rest == "activity":
		p.serveActivity(w)
	default:
		if about, found := strings.CutPrefix(rest, "artifacts/"); found {
			if kind, name, found := strings.Cut(about, "/"); found {
				p.serveArtifact(w, r, kind, name)
				return
			}
		}
		p.fail(w, http.StatusNotFound, "There is no such page.")
	}
}

func (p *pages) serveSearch(w http.ResponseWriter, r *http.Request) {
	query, err := readQuery(r)
	if err != nil {
		p.fail(w, http.StatusBadRequest, err.Error())
		return
	}
	list, count, err := p.server.search(r.Context(), query.text, query.kind, query.offset, perPage)
	if err != nil {
		p.broken(w, r, err)
		return
	}
	page := struct {
		frame
		Count, From, To int
		Found           []found
		Before, After   string
	}{p.frame("Search: "+query.text, query.text), count, query.offset + 1, query.offset + len(list), list, "", ""}
	at := func(offset int) string {
		return pagesRoot + "search?" + url.Values{"q": {query.text}, "kind": {query.kind}, "offset": {strconv.Itoa(offset)}}.Encode()
	}
	if query.offset > 0 {
		page.Before = at(max(0, query.offset-perPage))
	}
	if page.To < count {
		page.After = at(page.To)
	}
	p.show(w, http.StatusOK, "search.html", page)
}

func (p *pages) serveArtifact(w http.ResponseWriter, r *http.Request, kind, name string) {
	list, aliasOf, err := p.server.details(r.Context(), kind, name, exchangeOf(w).client)
	if err != nil {
		p.broken(w, r, err)
		return
	}
	if len(list) == 0 && len(aliasOf) == 0 {
		p.fail(w, http.StatusNotFound, fmt.Sprintf("This mirror does not carry %s.", printable(name)))
		return
	}
	why, by, err := p.relations(r.Context(), kind, name)
	if err != nil {
		p.broken(w, r, err)
		return
	}
	page := struct {
		frame
		Kind, Artifact         string
		AliasOf, Why, NeededBy []string
		NeededMore             int
		Carried                []carried
	}{p.frame(name, ""), kind, name, aliasOf, why, by, 0, list}
	if len(by) > maxNeedBys {
		page.NeededBy, page.NeededMore = by[:maxNeedBys], len(by)-maxNeedBys
	}
	p.show(w, http.StatusOK, "artifact.html", page)
}

// relations tells why a name is carried and what may need it.
func (p *pages) relations(ctx context.Context, kind, name string) (why, neededBy []string, err error) {
	p.reading.Lock()
	defer p.reading.Unlock()
	if p.graph == nil {
		// The next one needs it, too, whether or not this one waits for it.
		if p.graph, err = p.server.newGraph(context.WithoutCancel(ctx)); err != nil {
			return nil, nil, err
		}
	}
	return p.graph.why(kind, name), p.graph.neededBy(kind, name), nil
}

func (p *pages) serveRules(w http.ResponseWriter) {
	state := p.server.rulesState()
	p.show(w, http.StatusOK, "rules.html", struct {
		frame
		rulesState
	}{p.frame("Rules", ""), state})
}

func (p *pages) serveActivity(w http.ResponseWriter) {
	p.show(w, http.StatusOK, "activity.html", struct {
		frame
		Since  string
		Report *audit.Report
	}{p.frame("Activity", ""), p.server.started.UTC().Format(time.RFC3339), p.server.report(perPage)})
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }
