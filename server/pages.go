package server

import (
	"bytes"
	"cmp"
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
	PagesRoot  = "/-/" // no source can be called so: artifact.ValidName
	perPage    = 50
	maxNeedBys = 300
)

// PagesOptions are what Pages need.
type PagesOptions struct {
	Inventory *Inventory
	Usages    func(base string) []string // how clients use the mirror at an address: a text for each kind
	Failed    func(*http.Request, error) // is told of errors that are not the visitor's fault
}

// Pages are for people with a browser. They are an http.Handler.
type Pages struct {
	PagesOptions
	version string
	about   about
	html    map[string]*template.Template
	text    *texttemplate.Template
	policy  string // Content-Security-Policy: https://www.w3.org/TR/CSP3/
}

// A frame is what all pages have in common.
type frame struct {
	Title, Name, Version, Lock, Query string
}

// NewPages reads the templates.
func NewPages(o PagesOptions) (*Pages, error) {
	p := &Pages{PagesOptions: o, version: cmp.Or(o.Inventory.Version, "unknown version"), about: newAbout(o.Inventory.Image.Catalog), html: map[string]*template.Template{}}
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
	return PagesRoot + "artifacts/" + url.PathEscape(kind) + "/" + url.PathEscape(name)
}

// link is pageOf for what is carried; else empty.
func (p *Pages) link(kind, name string) string {
	if name == "" || !p.Inventory.Carries(kind, name) {
		return ""
	}
	return pageOf(kind, name)
}

func (p *Pages) frame(title, query string) frame {
	return frame{title, p.Inventory.Image.Catalog.Name, p.version, p.Inventory.Image.Catalog.Lock, query}
}

// show answers with a page.
func (p *Pages) show(w http.ResponseWriter, r *http.Request, code int, name string, data any) {
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
func (p *Pages) fail(w http.ResponseWriter, r *http.Request, code int, text string) {
	p.show(w, r, code, "error.html", struct {
		frame
		Heading, Text string
	}{p.frame(http.StatusText(code), ""), http.StatusText(code), text})
}

func (p *Pages) broken(w http.ResponseWriter, r *http.Request, err error) {
	p.Failed(r, err)
	p.fail(w, r, http.StatusInternalServerError, "The mirror could not read its catalog.")
}

// ServeHTTP answers below PagesRoot.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch rest := strings.TrimPrefix(r.URL.Path, PagesRoot); {
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

func (p *Pages) serveSearch(w http.ResponseWriter, r *http.Request) {
	query, err := ReadQuery(r)
	if err != nil {
		p.fail(w, r, http.StatusBadRequest, err.Error())
		return
	}
	query.Limit = perPage
	list, count, err := p.Inventory.Search(r.Context(), query)
	if err != nil {
		p.broken(w, r, err)
		return
	}
	title := "All names"
	if query.Text != "" {
		title = "Search: " + query.Text
	}
	page := struct {
		frame
		Kind            string // that all are of; empty: any
		Count, From, To int
		Found           []Found
		Before, After   string
	}{p.frame(title, query.Text), query.Kind, count, query.Offset + 1, query.Offset + len(list), list, "", ""}
	at := func(offset int) string {
		return PagesRoot + "search?" + url.Values{"q": {query.Text}, "kind": {query.Kind}, "offset": {strconv.Itoa(offset)}}.Encode()
	}
	if before := min(query.Offset, count) - perPage; query.Offset > 0 && count > 0 {
		page.Before = at(max(0, before))
	}
	if page.To < count && len(list) > 0 {
		page.After = at(page.To)
	}
	p.show(w, r, http.StatusOK, "search.html", page)
}

func (p *Pages) serveArtifact(w http.ResponseWriter, r *http.Request, kind, name string) {
	list, aliasOf, err := p.Inventory.Details(r, kind, name)
	if err != nil {
		p.broken(w, r, err)
		return
	}
	if len(list) == 0 && len(aliasOf) == 0 {
		p.fail(w, r, http.StatusNotFound, fmt.Sprintf("This mirror does not carry %s.", answer.Quote(name)))
		return
	}
	why, by, err := p.Inventory.Relations(r.Context(), kind, name)
	if err != nil {
		p.broken(w, r, err)
		return
	}
	page := struct {
		frame
		Kind, Artifact string
		AliasOf        []Found
		Why, NeededBy  []string
		NeededMore     int
		Carried        []Carried
	}{p.frame(name, ""), kind, name, nil, why, by[:min(len(by), maxNeedBys)], max(0, len(by)-maxNeedBys), list}
	for _, of := range aliasOf {
		page.AliasOf = append(page.AliasOf, Found{Kind: kind, Name: of})
	}
	if err := p.Inventory.Describe(r.Context(), page.AliasOf); err != nil {
		p.broken(w, r, err)
		return
	}
	p.show(w, r, http.StatusOK, "artifact.html", page)
}

func (p *Pages) serveRules(w http.ResponseWriter, r *http.Request) {
	p.show(w, r, http.StatusOK, "rules.html", struct {
		frame
		RulesState
	}{p.frame("Rules", ""), p.Inventory.Rules()})
}

func (p *Pages) serveActivity(w http.ResponseWriter, r *http.Request) {
	p.show(w, r, http.StatusOK, "activity.html", struct {
		frame
		Since  string
		Report *audit.Report
	}{p.frame("Activity", ""), p.Inventory.Started.UTC().Format(time.RFC3339), p.Inventory.Report(perPage)})
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
