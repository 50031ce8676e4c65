package server

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	texttemplate "text/template"
	"time"

	"github.com/minimirror/minimirror/internal/audit"
	"github.com/minimirror/minimirror/server/answer"
)

//go:embed pages
var pageFiles embed.FS

const (
	pagesRoot  = "/-/" // no source can be called so: artifact.ValidName
	perPage    = 50
	maxQuery   = 200 // bytes of a parameter
	maxNeedBys = 300
)

// pages are for people with a browser: plain HTML, no scripts, nothing from elsewhere.
type pages struct {
	server  *Server
	version string
	about   about
	html    map[string]*template.Template
	text    *texttemplate.Template
	policy  string // Content-Security-Policy: https://www.w3.org/TR/CSP3/
	graph   lazyGraph
}

// A frame is what all pages have in common.
type frame struct {
	Title, Name, Version, Lock, Query string
}

func newPages(s *Server, version string) (*pages, error) {
	p := &pages{server: s, version: cmp.Or(version, "unknown version"), about: newAbout(s.image.Catalog), html: map[string]*template.Template{}}
	style, err := pageFiles.ReadFile("pages/style.css")
	if err != nil {
		return nil, err
	}
	// The browser takes this very style and no other.
	digest := sha256.Sum256(style)
	p.policy = "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(digest[:]) +
		"'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	functions := template.FuncMap{
		"style": func() template.CSS { return template.CSS(style) },
		"page":  pageOf, "link": p.link, "size": humanSize, "printable": answer.Quote, "count": countOf, "date": func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"join":       func(texts []string) string { return strings.Join(texts, ", ") },
		"lines":      func(text string) []string { return strings.Split(strings.TrimSpace(text), "\n") },
		"paragraphs": func(text string) []string { return strings.Split(text, "\n\n") },
	}
	for _, name := range []string{"home.html", "search.html", "artifact.html", "rules.html", "activity.html", "error.html"} {
		t, err := template.New(name).Funcs(functions).ParseFS(pageFiles, "pages/layout.html", "pages/"+name)
		if err != nil {
			return nil, err
		}
		p.html[name] = t
	}
	p.text, err = parseText("pages/home.txt")
	return p, err
}

// pageOf is the address of the page about a name.
func pageOf(kind, name string) string {
	return pagesRoot + "artifacts/" + url.PathEscape(kind) + "/" + url.PathEscape(name)
}

// link is pageOf for what is carried; else empty.
func (p *pages) link(kind, name string) string {
	if name == "" || !p.server.carries(kind, name) {
		return ""
	}
	return pageOf(kind, name)
}

func (p *pages) frame(title, query string) frame {
	return frame{title, p.server.image.Catalog.Name, p.version, p.server.image.Catalog.Lock, query}
}

// show answers with a page.
func (p *pages) show(w http.ResponseWriter, r *http.Request, code int, name string, data any) {
	var body bytes.Buffer
	if err := p.html[name].Execute(&body, data); err != nil {
		panic(err) // a template that does not fit the page
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", p.policy)
	header.Set("Referrer-Policy", "no-referrer")
	answer.Send(w, r, code, body.Bytes())
}

// fail shows an error that the visitor has made, or that the server has.
func (p *pages) fail(w http.ResponseWriter, r *http.Request, code int, text string) {
	p.show(w, r, code, "error.html", struct {
		frame
		Heading, Text string
	}{p.frame(http.StatusText(code), ""), http.StatusText(code), text})
}

func (p *pages) broken(w http.ResponseWriter, r *http.Request, err error) {
	p.server.broken(w, r, err)
	p.fail(w, r, http.StatusInternalServerError, "The mirror could not read its catalog.")
}

// broken notes an error that is not the visitor's fault.
func (s *Server) broken(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() == nil { // otherwise the server is shutting down
		e, _ := exchangeOf(r)
		s.failed(e, r.URL.Path, err)
	}
}

// ServeHTTP answers below pagesRoot.
func (p *pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch rest := strings.TrimPrefix(r.URL.Path, pagesRoot); {
	case rest == "search":
		p.serveSearch(w, r)
	case rest == "rules":
		p.serveRules(w, r)
	case rest == "activity":
		p.serveActivity(w, r)
	default:
		if kind, name, found := strings.Cut(strings.TrimPrefix(rest, "artifacts/"), "/"); found && strings.HasPrefix(rest, "artifacts/") {
			p.serveArtifact(w, r, kind, name)
			return
		}
		p.fail(w, r, http.StatusNotFound, "There is no such page.")
	}
}

func (p *pages) serveSearch(w http.ResponseWriter, r *http.Request) {
	query, err := readQuery(r)
	if err != nil {
		p.fail(w, r, http.StatusBadRequest, err.Error())
		return
	}
	query.limit = perPage
	list, count, err := p.server.search(r.Context(), query)
	if err != nil {
		p.broken(w, r, err)
		return
	}
	title := "All names"
	if query.text != "" {
		title = "Search: " + query.text
	}
	page := struct {
		frame
		Kind            string // that all are of; empty: any
		Count, From, To int
		Found           []found
		Before, After   string
	}{p.frame(title, query.text), query.kind, count, query.offset + 1, query.offset + len(list), list, "", ""}
	at := func(offset int) string {
		return pagesRoot + "search?" + url.Values{"q": {query.text}, "kind": {query.kind}, "offset": {strconv.Itoa(offset)}}.Encode()
	}
	if before := min(query.offset, count) - perPage; query.offset > 0 && count > 0 {
		page.Before = at(max(0, before))
	}
	if page.To < count && len(list) > 0 {
		page.After = at(page.To)
	}
	p.show(w, r, http.StatusOK, "search.html", page)
}

func (p *pages) serveArtifact(w http.ResponseWriter, r *http.Request, kind, name string) {
	list, aliasOf, err := p.server.details(r, kind, name)
	if err != nil {
		p.broken(w, r, err)
		return
	}
	if len(list) == 0 && len(aliasOf) == 0 {
		p.fail(w, r, http.StatusNotFound, fmt.Sprintf("This mirror does not carry %s.", answer.Quote(name)))
		return
	}
	why, by, err := p.relations(r.Context(), kind, name)
	if err != nil {
		p.broken(w, r, err)
		return
	}
	page := struct {
		frame
		Kind, Artifact string
		AliasOf        []found
		Why, NeededBy  []string
		NeededMore     int
		Carried        []carried
	}{p.frame(name, ""), kind, name, nil, why, by[:min(len(by), maxNeedBys)], max(0, len(by)-maxNeedBys), list}
	for _, of := range aliasOf {
		page.AliasOf = append(page.AliasOf, found{Kind: kind, Name: of})
	}
	if err := p.server.describe(r.Context(), page.AliasOf); err != nil {
		p.broken(w, r, err)
		return
	}
	p.show(w, r, http.StatusOK, "artifact.html", page)
}

// relations tells why a name is carried and what may need it.
func (p *pages) relations(ctx context.Context, kind, name string) (why, neededBy []string, err error) {
	g, err := p.graph.get(ctx, p.server.newGraph)
	if err != nil {
		return nil, nil, err
	}
	return g.Why(kind, name), g.NeededBy(kind, name), nil
}

func (p *pages) serveRules(w http.ResponseWriter, r *http.Request) {
	p.show(w, r, http.StatusOK, "rules.html", struct {
		frame
		rulesState
	}{p.frame("Rules", ""), p.server.rulesState()})
}

func (p *pages) serveActivity(w http.ResponseWriter, r *http.Request) {
	p.show(w, r, http.StatusOK, "activity.html", struct {
		frame
		Since  string
		Report *audit.Report
	}{p.frame("Activity", ""), p.server.started.UTC().Format(time.RFC3339), p.server.report(perPage)})
}

// humanSize writes a number of bytes for people: "21 bytes", "1.5 MB".
func humanSize(n int64) string {
	if n < 1000 {
		return countOf(n, "byte")
	}
	size, unit := float64(n)/1000, 0
	for size >= 999.95 && unit < len("kMGT")-1 {
		size, unit = size/1000, unit+1
	}
	return fmt.Sprintf("%.1f %cB", size, "kMGT"[unit])
}

// countOf writes a number of things: "1 name", "2 names".
func countOf(n any, thing string) string {
	text := fmt.Sprint(n)
	if text != "1" {
		thing += "s"
	}
	return text + " " + thing
}
