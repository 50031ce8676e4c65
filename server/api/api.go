// Package api tells programs what a mirror is, in JSON, below Root. openapi.json describes every answer; a test compares them.
//
//	inventory (package inventory) ──▶ API ──▶ answer (package answer)
//
// Package server routes requests here. Package pages shows people the same.
package api

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"github.com/minimirror/minimirror/internal/audit"
	"github.com/minimirror/minimirror/server/answer"
	"github.com/minimirror/minimirror/server/inventory"
)

// Root is the path below which the API is. No source can have its name: see package lockfile.
const Root = "/api/v1/"

//go:embed openapi.json
var openAPI []byte

// An API answers programs. It is an http.Handler.
type API struct {
	inventory *inventory.Inventory
	failed    func(*http.Request, error)
}

// New makes the API. It reports errors that are not the visitor's fault to failed.
func New(inv *inventory.Inventory, failed func(*http.Request, error)) *API { return &API{inv, failed} }

// ServeHTTP answers below Root.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch rest := strings.TrimPrefix(r.URL.Path, Root); rest {
	case "openapi.json":
		a.write(w, r, http.StatusOK, openAPI)
	case "mirror":
		a.answer(w, r, a.inventory.Summary())
	case "artifacts":
		a.serveSearch(w, r)
	case "sets":
		a.answer(w, r, a.inventory.Sets())
	case "rules":
		a.answer(w, r, a.inventory.Rules())
	case "vulnerabilities":
		a.serveVulnerabilities(w, r)
	case "report":
		a.ServeReport(w, r, false)
	default:
		if kind, name, found := strings.Cut(strings.TrimPrefix(rest, "artifacts/"), "/"); found && strings.HasPrefix(rest, "artifacts/") {
			a.serveArtifact(w, r, kind, name)
			return
		}
		a.fail(w, r, http.StatusNotFound, "there is no such resource; see "+Root+"openapi.json")
	}
}

func (a *API) answer(w http.ResponseWriter, r *http.Request, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // a type that JSON has no words for
	}
	a.write(w, r, http.StatusOK, append(body, '\n'))
}

func (a *API) fail(w http.ResponseWriter, r *http.Request, code int, text string) {
	body, _ := json.Marshal(map[string]string{"error": text}) // of texts it never fails
	a.write(w, r, code, append(body, '\n'))
}

func (a *API) write(w http.ResponseWriter, r *http.Request, code int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	answer.Send(w, r, code, body)
}

func (a *API) broken(w http.ResponseWriter, r *http.Request, err error) {
	a.failed(r, err)
	a.fail(w, r, http.StatusInternalServerError, "the mirror could not read its catalog")
}

func (a *API) serveSearch(w http.ResponseWriter, r *http.Request) {
	q, err := inventory.ReadQuery(r)
	if err != nil {
		a.fail(w, r, http.StatusBadRequest, err.Error())
		return
	}
	list, count, err := a.inventory.Search(r, q)
	if err != nil {
		a.broken(w, r, err)
		return
	}
	a.answer(w, r, struct {
		Count     int               `json:"count"`
		Artifacts []inventory.Found `json:"artifacts"`
	}{count, list})
}

func (a *API) serveArtifact(w http.ResponseWriter, r *http.Request, kind, name string) {
	list, aliasOf, err := a.inventory.Details(r, kind, name)
	if err != nil {
		a.broken(w, r, err)
		return
	}
	if len(list) == 0 && len(aliasOf) == 0 {
		a.fail(w, r, http.StatusNotFound, "this mirror does not carry it")
		return
	}
	relations, err := a.inventory.Relations(r.Context(), kind, name)
	if err != nil {
		a.broken(w, r, err)
		return
	}
	joined := inventory.Join(relations)
	if len(relations) == 1 && relations[0].System == "" {
		relations = nil // joined says it
	}
	a.answer(w, r, struct {
		Kind     string                `json:"kind"`
		Name     string                `json:"name"`
		AliasOf  []string              `json:"alias_of,omitempty"`
		Why      []string              `json:"why"`
		NeededBy []string              `json:"needed_by"`
		Systems  []inventory.Relations `json:"systems,omitempty"`
		Carried  []inventory.Carried   `json:"carried"`
	}{kind, name, aliasOf, joined.Why, joined.NeededBy, relations, list})
}

// ServeActivity answers with who has asked for the items of a name. It is for operators.
func (a *API) ServeActivity(w http.ResponseWriter, r *http.Request, kind, name string) {
	list := a.inventory.Activity(kind, name)
	if len(list) == 0 {
		a.fail(w, r, http.StatusNotFound, "this mirror does not carry it")
		return
	}
	a.answer(w, r, struct {
		Kind  string                   `json:"kind"`
		Name  string                   `json:"name"`
		Items []inventory.ItemActivity `json:"items"`
	}{kind, name, list})
}

// ServeReport answers with what clients have asked for. Only operators learn who the clients are.
func (a *API) ServeReport(w http.ResponseWriter, r *http.Request, operator bool) {
	q, err := inventory.ReadQuery(r)
	if err == nil && q.Limit == 0 {
		err = fmt.Errorf("limit: at least 1")
	}
	if err != nil {
		a.fail(w, r, http.StatusBadRequest, err.Error())
		return
	}
	report := a.inventory.Report(q.Limit)
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
	if r.Channels != nil {
		r.Channels.Clients.Rows = []audit.Partial{}
	}
}
