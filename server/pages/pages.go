// Package pages shows a mirror to people with a browser: plain HTML, no scripts, nothing from elsewhere, and readable in a text
// browser. The home page says how to use the mirror, to curl in plain text; below Root are the search, a page for each
// name, the rules in force, what clients have asked for, and the sizes as pictures, which are SVG in the page.
//
//	inventory (package inventory) ──▶ Pages, templates ──▶ answer (package answer)
//
// Package server routes requests here. Package api tells programs the same in JSON.
package pages

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	texttemplate "text/template"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bytesize"
	"github.com/minimirror/minimirror/server/answer"
	"github.com/minimirror/minimirror/server/inventory"
)

//go:embed *.html style.css home.txt
var pageFiles embed.FS

// Root is the path below which the pages are, but for the home page. No source can have its name: see artifact.ValidName.
const Root = "/-/"

// Options are what Pages need.
type Options struct {
	Inventory *inventory.Inventory
	Usages    func(base string) []string // how clients use the mirror at an address: a text for each kind
	Failed    func(*http.Request, error) // gets errors that are not the visitor's fault
}

// Pages are for people with a browser. They are an http.Handler.
type Pages struct {
	Options
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

// New reads the templates.
func New(o Options) (*Pages, error) {
	p := &Pages{Options: o, version: cmp.Or(o.Inventory.Version, "unknown version"), about: newAbout(o.Inventory), html: map[string]*template.Template{}}
	style, err := pageFiles.ReadFile("style.css")
	if err != nil {
		return nil, err
	}
	// The browser takes this very style and no other.
	digest := sha256.Sum256(style)
	p.policy = "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(digest[:]) +
		"'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	functions := template.FuncMap{
		"style":    func() template.CSS { return template.CSS(style) },
		"redacted": artifact.Redacted,
		"page":     pageOf, "set": setPage, "link": p.link, "size": bytesize.Text, "printable": answer.Quote, "count": countOf, "date": func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"join":       func(texts []string) string { return strings.Join(texts, ", ") },
		"lines":      func(text string) []string { return strings.Split(strings.TrimSpace(text), "\n") },
		"paragraphs": func(text string) []string { return strings.Split(text, "\n\n") },
	}
	for _, name := range []string{"home.html", "search.html", "artifact.html", "set.html", "rules.html", "activity.html", "size.html", "vulnerabilities.html", "error.html"} {
		t, err := template.New(name).Funcs(functions).ParseFS(pageFiles, "layout.html", name)
		if err != nil {
			return nil, err
		}
		p.html[name] = t
	}
	p.text, err = texttemplate.ParseFS(pageFiles, "home.txt")
	return p, err
}

// pageOf is the address of the page about a name.
func pageOf(kind, name string) string {
	return Root + "artifacts/" + url.PathEscape(kind) + "/" + url.PathEscape(name)
}

// setPage is the address of the page about a set.
func setPage(set inventory.SetName) string {
	return Root + "sets/" + url.PathEscape(set.Name) + "/" + set.Nodes // valid names need no escaping
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

// ServeHTTP answers below Root.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch rest := strings.TrimPrefix(r.URL.Path, Root); {
	case rest == "search":
		p.serveSearch(w, r)
	case rest == "rules":
		p.serveRules(w, r)
	case rest == "activity":
		p.serveActivity(w, r)
	case rest == "size":
		p.serveSize(w, r)
	case rest == "vulnerabilities":
		p.serveVulnerabilities(w, r)
	default:
		if kind, name, found := strings.Cut(strings.TrimPrefix(rest, "artifacts/"), "/"); found && strings.HasPrefix(rest, "artifacts/") {
			p.serveArtifact(w, r, kind, name)
			return
		}
		if set, nodes, found := strings.Cut(strings.TrimPrefix(rest, "sets/"), "/"); found && strings.HasPrefix(rest, "sets/") {
			p.serveSet(w, r, inventory.SetName{Name: set, Nodes: nodes})
			return
		}
		p.fail(w, r, http.StatusNotFound, "There is no such page.")
	}
}
