package pages

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/server/answer"
	"github.com/minimirror/minimirror/server/inventory"
)

const (
	perPage     = 50  // names of a search, rows of a table
	maxNeededBy = 300 // names
)

// serveSearch lists the names that a search finds, page by page.
func (p *Pages) serveSearch(w http.ResponseWriter, r *http.Request) {
	query, err := inventory.ReadQuery(r)
	if err != nil {
		p.fail(w, r, http.StatusBadRequest, err.Error())
		return
	}
	query.Limit = perPage
	list, count, err := p.Inventory.Search(r, query)
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
		Found           []inventory.Found
		Noted           bool // as missing
		Before, After   string
	}{p.frame(title, query.Text), query.Kind, count, query.Offset + 1, query.Offset + len(list), list, count == 0 && p.Inventory.IsKind(query.Kind), "", ""}
	at := func(offset int) string {
		return Root + "search?" + url.Values{"q": {query.Text}, "kind": {query.Kind}, "offset": {strconv.Itoa(offset)}}.Encode()
	}
	if before := min(query.Offset, count) - perPage; query.Offset > 0 && count > 0 {
		page.Before = at(max(0, before))
	}
	if page.To < count && len(list) > 0 {
		page.After = at(page.To)
	}
	p.show(w, r, http.StatusOK, "search.html", page)
}

// relations are what the page of a name shows of them.
type relations struct {
	inventory.Relations
	More int // names that may need it, beside those listed
}

// serveArtifact shows all items of a name, and why they are carried.
func (p *Pages) serveArtifact(w http.ResponseWriter, r *http.Request, kind, name string) {
	list, aliasOf, err := p.Inventory.Details(r, kind, name)
	if err != nil {
		p.broken(w, r, err)
		return
	}
	if len(list) == 0 && len(aliasOf) == 0 {
		text := fmt.Sprintf("This mirror does not carry %s.", answer.Quote(name))
		if p.Inventory.IsKind(kind) {
			text += " The name is recorded for the next build."
		}
		p.fail(w, r, http.StatusNotFound, text)
		return
	}
	found, err := p.Inventory.Relations(r.Context(), kind, name)
	if err != nil {
		p.broken(w, r, err)
		return
	}
	page := struct {
		frame
		Kind, Artifact string
		AliasOf        []inventory.Found
		Relations      []relations
		Carried        []inventory.Carried
	}{p.frame(name, ""), kind, name, nil, nil, list}
	for _, r := range found {
		more := max(0, len(r.NeededBy)-maxNeededBy)
		r.NeededBy = r.NeededBy[:len(r.NeededBy)-more]
		page.Relations = append(page.Relations, relations{r, more})
	}
	for _, of := range aliasOf {
		page.AliasOf = append(page.AliasOf, inventory.Found{Kind: kind, Name: of})
	}
	if err := p.Inventory.Describe(r.Context(), page.AliasOf); err != nil {
		p.broken(w, r, err)
		return
	}
	p.show(w, r, http.StatusOK, "artifact.html", page)
}

// serveSet lists what a set holds.
func (p *Pages) serveSet(w http.ResponseWriter, r *http.Request, name inventory.SetName) {
	set := p.Inventory.Set(name)
	if set == nil {
		p.fail(w, r, http.StatusNotFound, "This mirror has no such set.")
		return
	}
	requested := make(map[*artifact.Item]bool, len(set.Requested))
	for _, item := range set.Requested {
		requested[item] = true
	}
	p.show(w, r, http.StatusOK, "set.html", struct {
		frame
		Set         *inventory.SetContents
		IsRequested map[*artifact.Item]bool
	}{p.frame("Set: "+name.Name+" for "+name.Nodes, ""), set, requested})
}
