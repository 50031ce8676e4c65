package server

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/audit"
	"github.com/minimirror/minimirror/internal/rules"
)

const (
	apiRoot = "/api/v1/"
	mostHit = 1000 // of a search
)

//go:embed pages/openapi.json
var openAPI []byte

// An api answers programs, in JSON; pages/openapi.json describes it.
type api struct {
	server *Server
	pages  *pages
}

// A query is what a search asks for.
type query struct {
	text, kind    string
	offset, limit int
}

// readQuery reads the parameters q, kind, offset and limit.
func readQuery(r *http.Request) (q query, err error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return q, fmt.Errorf("the query cannot be read: %w", err)
	}
	q = query{text: values.Get("q"), kind: values.Get("kind"), limit: 100}
	if len(q.text) > maxQuery {
		return q, fmt.Errorf("q: at most %d bytes", maxQuery)
	}
	for name, value := range map[string]*int{"offset": &q.offset, "limit": &q.limit} {
		if text := values.Get(name); text != "" {
			if *value, err = strconv.Atoi(text); err != nil || *value < 0 {
				return q, fmt.Errorf("%s: not a number from 0 on", name)
			}
		}
	}
	q.limit = min(q.limit, mostHit)
	return q, nil
}

// ServeHTTP answers below apiRoot.
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch rest := strings.TrimPrefix(r.URL.Path, apiRoot); {
	case rest == "openapi.json":
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", fmt.Sprint(len(openAPI)))
		w.Write(openAPI)
	case rest == "mirror":
		a.answer(w, a.server.summarize())
	case rest == "artifacts":
		a.serveSearch(w, r)
	case strings.HasPrefix(rest, "artifacts/"):
		kind, name, found := strings.Cut(strings.TrimPrefix(rest, "artifacts/"), "/")
		if !found {
			a.fail(w, http.StatusNotFound, "name an artifact: artifacts/KIND/NAME")
			return
		}
		a.serveArtifact(w, r, kind, name)
	case rest == "sets":
		a.answer(w, a.server.image.Catalog.Sets)
	case rest == "rules":
		a.answer(w, a.server.rulesState())
	case rest == "report":
		q, err := readQuery(r)
		if err != nil {
			a.fail(w, http.StatusBadRequest, err.Error())
			return
		}
		a.answer(w, a.server.report(max(q.limit, 1)))
	default:
		a.fail(w, http.StatusNotFound, "there is no such resource; see "+apiRoot+"openapi.json")
	}
}

func (a *api) answer(w http.ResponseWriter, v any) { a.write(w, http.StatusOK, v) }

func (a *api) fail(w http.ResponseWriter, code int, text string) {
	a.write(w, code, map[string]string{"error": text})
}

func (a *api) write(w http.ResponseWriter, code int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // a type that JSON has no words for
	}
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Content-Length", fmt.Sprint(len(body)+1))
	header.Set("Cache-Control", "no-cache")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	w.Write(append(body, '\n'))
}

func (a *api) broken(w http.ResponseWriter, r *http.Request, err error) {
	a.server.log.Error("request failed", "path", r.URL.Path, "error", err)
	a.fail(w, http.StatusInternalServerError, "the mirror could not read its catalog")
}

func (a *api) serveSearch(w http.ResponseWriter, r *http.Request) {
	q, err := readQuery(r)
	if err != nil {
		a.fail(w, http.StatusBadRequest, err.Error())
		return
	}
	list, count, err := a.server.search(r.Context(), q.text, q.kind, q.offset, q.limit)
	if err != nil {
		a.broken(w, r, err)
		return
	}
	if list == nil {
		list = []found{}
	}
	a.answer(w, struct {
		Count     int     `json:"count"`
		Artifacts []found `json:"artifacts"`
	}{count, list})
}

func (a *api) serveArtifact(w http.ResponseWriter, r *http.Request, kind, name string) {
	list, aliasOf, err := a.server.details(r.Context(), kind, name, exchangeOf(w).client)
	if err != nil {
		a.broken(w, r, err)
		return
	}
	if len(list) == 0 && len(aliasOf) == 0 {
		a.fail(w, http.StatusNotFound, "this mirror does not carry it")
		return
	}
	why, neededBy, err := a.pages.relations(r.Context(), kind, name)
	if err != nil {
		a.broken(w, r, err)
		return
	}
	a.answer(w, struct {
		Kind     string    `json:"kind"`
		Name     string    `json:"name"`
		AliasOf  []string  `json:"alias_of,omitempty"`
		Why      []string  `json:"why"`
		NeededBy []string  `json:"needed_by"`
		Carried  []carried `json:"carried"`
	}{kind, name, aliasOf, orNone(why), orNone(neededBy), list})
}

// orNone makes an empty list of none, which JSON would call null.
func orNone(texts []string) []string {
	if texts == nil {
		return []string{}
	}
	return texts
}

// A summary is what the mirror is.
type summary struct {
	Name      string     `json:"name"`
	Version   string     `json:"version"` // of the program
	Date      time.Time  `json:"date"`    // of the lock
	Lock      string     `json:"lock"`
	Digest    string     `json:"digest,omitempty"` // of the image
	Started   time.Time  `json:"started"`
	Artifacts int        `json:"artifacts"`
	Bytes     int64      `json:"bytes"` // of all artifacts
	Sources   []upstream `json:"sources"`
}

type upstream struct {
	Kind string   `json:"kind"`
	Name string   `json:"name"`
	URLs []string `json:"urls"`
}

func (s *Server) summarize() summary {
	c := s.image.Catalog
	sum := summary{
		Name: c.Name, Version: s.pages.version, Date: c.Date, Lock: c.Lock, Digest: s.image.Digest,
		Started: s.started.UTC().Truncate(time.Second), Artifacts: len(c.Artifacts), Sources: []upstream{},
	}
	for _, source := range c.Sources {
		sum.Sources = append(sum.Sources, upstream{source.Kind, source.Name, source.URLs})
	}
	for i := range c.Artifacts {
		sum.Bytes += c.Artifacts[i].Size
	}
	return sum
}

// rulesState is what is in force.
type rulesState struct {
	Status      string       `json:"status,omitempty"` // for people; empty: there are no rules
	Generation  int          `json:"generation"`
	Default     string       `json:"default"`
	Allowed     int          `json:"allowed"`
	Denied      int          `json:"denied"`
	Conditional int          `json:"conditional"`
	Rules       []listedRule `json:"rules"`
}

type listedRule struct {
	rules.Listed
	Artifacts int `json:"artifacts"` // that it decides, or may decide
}

// report is what clients have asked for since the start: so many rows of each table.
func (s *Server) report(rows int) *audit.Report {
	return s.summary.Report(audit.ReportOptions{Rows: rows, Addresses: 20, Carried: func(yield func(*artifact.Artifact) bool) {
		for i := range s.image.Catalog.Artifacts {
			if !yield(&s.image.Catalog.Artifacts[i]) {
				return
			}
		}
	}})
}
