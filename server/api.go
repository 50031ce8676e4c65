package server

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/audit"
	"github.com/minimirror/minimirror/internal/rules"
	"github.com/minimirror/minimirror/server/answer"
)

const (
	apiRoot  = "/api/v1/"
	mostRows = 1000 // of an answer
)

//go:embed pages/openapi.json
var openAPI []byte

// An api answers programs, in JSON; pages/openapi.json describes it.
type api struct {
	server *Server
	pages  *pages
}

// ServeHTTP answers below apiRoot.
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch rest := strings.TrimPrefix(r.URL.Path, apiRoot); rest {
	case "openapi.json":
		a.write(w, r, http.StatusOK, openAPI)
	case "mirror":
		a.answer(w, r, a.server.summarize())
	case "artifacts":
		a.serveSearch(w, r)
	case "sets":
		a.answer(w, r, a.server.sets())
	case "rules":
		a.answer(w, r, a.server.rulesState())
	case "report":
		a.serveReport(w, r, false)
	default:
		if kind, name, found := strings.Cut(strings.TrimPrefix(rest, "artifacts/"), "/"); found && strings.HasPrefix(rest, "artifacts/") {
			a.serveArtifact(w, r, kind, name)
			return
		}
		a.fail(w, r, http.StatusNotFound, "there is no such resource; see "+apiRoot+"openapi.json")
	}
}

func (a *api) answer(w http.ResponseWriter, r *http.Request, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // a type that JSON has no words for
	}
	a.write(w, r, http.StatusOK, append(body, '\n'))
}

func (a *api) fail(w http.ResponseWriter, r *http.Request, code int, text string) {
	body, _ := json.Marshal(map[string]string{"error": text}) // of texts it never fails
	a.write(w, r, code, append(body, '\n'))
}

func (a *api) write(w http.ResponseWriter, r *http.Request, code int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	answer.Send(w, r, code, body)
}

func (a *api) broken(w http.ResponseWriter, r *http.Request, err error) {
	a.server.broken(w, r, err)
	a.fail(w, r, http.StatusInternalServerError, "the mirror could not read its catalog")
}

func (a *api) serveSearch(w http.ResponseWriter, r *http.Request) {
	q, err := readQuery(r)
	if err != nil {
		a.fail(w, r, http.StatusBadRequest, err.Error())
		return
	}
	list, count, err := a.server.search(r.Context(), q)
	if err != nil {
		a.broken(w, r, err)
		return
	}
	a.answer(w, r, struct {
		Count     int     `json:"count"`
		Artifacts []found `json:"artifacts"`
	}{count, list})
}

func (a *api) serveArtifact(w http.ResponseWriter, r *http.Request, kind, name string) {
	list, aliasOf, err := a.server.details(r, kind, name)
	if err != nil {
		a.broken(w, r, err)
		return
	}
	if len(list) == 0 && len(aliasOf) == 0 {
		a.fail(w, r, http.StatusNotFound, "this mirror does not carry it")
		return
	}
	why, neededBy, err := a.pages.relations(r.Context(), kind, name)
	if err != nil {
		a.broken(w, r, err)
		return
	}
	a.answer(w, r, struct {
		Kind     string    `json:"kind"`
		Name     string    `json:"name"`
		AliasOf  []string  `json:"alias_of,omitempty"`
		Why      []string  `json:"why"`
		NeededBy []string  `json:"needed_by"`
		Carried  []carried `json:"carried"`
	}{kind, name, aliasOf, orNone(why), orNone(neededBy), orNone(list)})
}

// serveReport tells who the clients are only to operators.
func (a *api) serveReport(w http.ResponseWriter, r *http.Request, operator bool) {
	q, err := readQuery(r)
	if err == nil && q.limit == 0 {
		err = fmt.Errorf("limit: at least 1")
	}
	if err != nil {
		a.fail(w, r, http.StatusBadRequest, err.Error())
		return
	}
	report := a.server.report(q.limit)
	if !operator {
		withoutClients(report)
	}
	a.answer(w, r, report)
}

// withoutClients leaves the numbers of clients, and nothing that names one.
func withoutClients(r *audit.Report) {
	none := []netip.Addr{}
	for i := range r.Missing.Rows {
		r.Missing.Rows[i].Addresses = none
	}
	for i := range r.Denied.Rows {
		r.Denied.Rows[i].Addresses = none
	}
	for i := range r.Fetched.Rows {
		r.Fetched.Rows[i].Addresses = none
	}
	r.Clients.Rows = []audit.Client{}
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
		Started: s.started.UTC().Truncate(time.Second), Artifacts: len(c.Items), Sources: []upstream{},
	}
	for _, source := range c.Sources {
		sum.Sources = append(sum.Sources, upstream{source.Kind, source.Name, orNone(source.URLs)})
	}
	for i := range c.Items {
		sum.Bytes += c.Items[i].Size()
	}
	return sum
}

// sets are the catalog's, without lists that are null.
func (s *Server) sets() []artifact.Set {
	sets := orNone(slices.Clone(s.image.Catalog.Sets))
	for i := range sets {
		sets[i].Requested, sets[i].Items = orNone(sets[i].Requested), orNone(sets[i].Items)
	}
	return sets
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
	return s.summary.Report(audit.ReportOptions{Rows: rows, Addresses: 20, Carried: func(yield func(*artifact.Item) bool) {
		for i := range s.image.Catalog.Items {
			if !yield(&s.image.Catalog.Items[i]) {
				return
			}
		}
	}})
}
