package images

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
)

// wellFormedDigest is what any registered or private algorithm may have as a digest: OCI image specification 1.1, descriptor.md, "Digests".
var wellFormedDigest = regexp.MustCompile(`^[a-z0-9]+([+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$`)

// allowed reports whether the client may have one of the items.
func (h *handler) allowed(r *http.Request, items []*artifact.Item) bool {
	return slices.ContainsFunc(items, func(i *artifact.Item) bool { return h.site.Decide(r, i).Allowed })
}

// denied answers 403 if the client may have none of the items, of which there is one at least.
func (h *handler) denied(w http.ResponseWriter, r *http.Request, items []*artifact.Item) bool {
	if h.allowed(r, items) {
		return false
	}
	verdict := h.site.Decide(r, items[0])
	h.site.Ask(r, items[0], verdict)
	text := items[0].Name + " is denied by this mirror's rules"
	if verdict.Reason != "" {
		text += ": " + verdict.Reason
	}
	refuse(w, r, http.StatusForbidden, "DENIED", text+"; rule: "+verdict.Rule)
	return true
}

// tags lists the tags of a repository, among them those of what is attached to images.
func (h *handler) tags(w http.ResponseWriter, r *http.Request, name string, repository *servedRepository) {
	p, ok := parsePage(w, r)
	if !ok || h.denied(w, r, repository.items) {
		return
	}
	names := []string{}
	more := false
	for _, t := range p.after(repository.tags) {
		if !h.allowed(r, t.items) {
			continue
		}
		if more = len(names) == p.most; more {
			break
		}
		names = append(names, t.name)
	}
	p.link(w, r, prefix+name+"/tags/list", names, more)
	writeJSON(w, r, http.StatusOK, jsonType, struct {
		Name string   `json:"name"`
		Tags []string `json:"tags"`
	}{name, names})
}

// after are the tags after the last one of the previous page.
func (p *page) after(tags []*servedTag) []*servedTag {
	if p.last == "" {
		return tags
	}
	at, found := slices.BinarySearchFunc(tags, p.last, func(t *servedTag, last string) int { return compareNames(t.name, last) })
	if found {
		at++
	}
	return tags[at:]
}

// catalog lists the repositories: of all registries, each with the source before it, which is how a path names it; or those of the registry that the
// client names.
func (h *handler) catalog(w http.ResponseWriter, r *http.Request) {
	p, ok := parsePage(w, r)
	if !ok {
		return
	}
	namespace := namespaceOf(r.URL.RawQuery, r.Host)
	all, name := h.ordered, func(r *servedRepository) string { return r.full }
	if namespace != "" {
		all, name = nil, func(r *servedRepository) string { return r.name }
		for _, p := range places("any", namespace) {
			if s := h.registries[p.registry]; s != nil {
				all = s.ordered
				break
			}
		}
	}
	names := []string{}
	more := false
	for _, one := range all {
		if p.last != "" && compareNames(name(one), p.last) <= 0 || !h.allowed(r, one.items) {
			continue
		}
		if more = len(names) == p.most; more {
			break
		}
		names = append(names, name(one))
	}
	p.link(w, r, prefix+string(callCatalog), names, more)
	writeJSON(w, r, http.StatusOK, jsonType, struct {
		Repositories []string `json:"repositories"`
	}{names})
}

// maxReferrers is the size of the descriptors in one page of referrers: clients read no larger index.
const maxReferrers = maxManifest - 1<<10

// referrers lists what is attached to a manifest. If the manifest is not carried, the list is empty: by 404, a client understands that the
// registry lacks this endpoint (OCI distribution specification 1.1, "Listing Referrers"). What one index cannot hold is in the next page, to which
// "Link" leads; its "from" is the place of the first descriptor in the whole list.
func (h *handler) referrers(w http.ResponseWriter, r *http.Request, name string, repository *servedRepository, subject string) {
	list := []json.RawMessage{}
	wanted := parameter(r.URL.RawQuery, "artifactType")
	from, valid := number(r.URL.RawQuery, "from", 0)
	if !valid {
		refuse(w, r, http.StatusBadRequest, "PAGINATION_NUMBER_INVALID", "from is not a place in the list")
		return
	}
	if repository != nil {
		attached := repository.attached[subject]
		var items []*artifact.Item
		for _, a := range attached {
			items = append(items, a.items...)
		}
		if len(items) > 0 && h.denied(w, r, items) {
			return
		}
		size := 0
		for at := min(from, len(attached)); at < len(attached); at++ {
			a := &attached[at]
			if wanted != "" && a.artifactType != wanted || !h.allowed(r, a.items) {
				continue
			}
			if size += len(a.descriptor) + len(","); size > maxReferrers && len(list) > 0 {
				link(w, r, prefix+name+"/"+string(callReferrers)+"/"+subject, url.Values{"from": {strconv.Itoa(at)}}, "artifactType")
				break
			}
			list = append(list, a.descriptor)
		}
	}
	if wanted != "" {
		w.Header().Set("OCI-Filters-Applied", "artifactType")
	}
	writeJSON(w, r, http.StatusOK, v1.MediaTypeImageIndex, struct {
		SchemaVersion int               `json:"schemaVersion"`
		MediaType     string            `json:"mediaType"`
		Manifests     []json.RawMessage `json:"manifests"`
	}{2, v1.MediaTypeImageIndex, list})
}

// A page is a part of a list.
type page struct {
	most int    // names; -1: all
	last string // of the page before
}

// parsePage reads the query of a list. If it is wrong, it answers 400.
func parsePage(w http.ResponseWriter, r *http.Request) (p page, ok bool) {
	p.last = parameter(r.URL.RawQuery, "last")
	if p.most, ok = number(r.URL.RawQuery, "n", -1); !ok {
		refuse(w, r, http.StatusBadRequest, "PAGINATION_NUMBER_INVALID", "n is not a number of names")
	}
	return p, ok
}

// number is the number that a query has for a key; otherwise, if the key is absent. A number out of range becomes the largest.
func number(query, key string, otherwise int) (n int, valid bool) {
	if !hasParameter(query, key) {
		return otherwise, true
	}
	text := parameter(query, key)
	n, _ = strconv.Atoi(text)
	return n, text != "" && strings.Trim(text, "0123456789") == ""
}

// link tells where the next page is, if there is one.
func (p *page) link(w http.ResponseWriter, r *http.Request, path string, names []string, more bool) {
	if more && len(names) > 0 {
		link(w, r, path, url.Values{"n": {strconv.Itoa(p.most)}, "last": {names[len(names)-1]}})
	}
}

// link tells where the next page of a list is. The query keeps the registry that the client named, and more of its keys.
func link(w http.ResponseWriter, r *http.Request, path string, query url.Values, keep ...string) {
	for _, key := range append(keep, "ns") {
		if value := parameter(r.URL.RawQuery, key); value != "" {
			query.Set(key, value)
		}
	}
	next := url.URL{Path: path, RawQuery: query.Encode()}
	w.Header().Set("Link", "<"+next.String()+`>; rel="next"`)
}
