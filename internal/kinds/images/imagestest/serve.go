package imagestest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// serve answers as OCI distribution 1.1 says, chapter "Endpoints".
func (r *Registry) serve(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	r.requests = append(r.requests, req.Method+" "+req.URL.RequestURI())
	before := r.options.Before
	r.mu.Unlock()
	if before != nil && before(w, req) {
		return
	}
	r.mu.Lock()
	answer := r.answer(req)
	r.mu.Unlock()
	answer(w)
}

// An answer writes itself.
type answer func(w http.ResponseWriter)

// Refuse is an answer with an error as the specification has them.
func Refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": []map[string]string{{"code": code, "message": message}}})
}

func refusal(status int, code string) answer {
	return func(w http.ResponseWriter) { Refuse(w, status, code, code) }
}

// answer finds the answer to a request. The caller holds the mutex.
func (r *Registry) answer(req *http.Request) answer {
	rest, found := strings.CutPrefix(req.URL.Path, "/v2/")
	switch {
	case !found:
		return refusal(http.StatusNotFound, "NOT_FOUND")
	case rest == "":
		return func(w http.ResponseWriter) { writeJSON(w, "application/json", struct{}{}) }
	case rest == "_catalog":
		return r.catalog(req)
	}
	for _, route := range []struct {
		part   string
		handle func(repository *repository, name, rest string, req *http.Request) answer
	}{{"/manifests/", r.manifest}, {"/blobs/", r.blob}, {"/tags/", r.tags}, {"/referrers/", r.referrers}} {
		if at := strings.LastIndex(rest, route.part); at > 0 {
			name := rest[:at]
			repository := r.repositories[name]
			if repository == nil {
				return refusal(http.StatusNotFound, "NAME_UNKNOWN")
			}
			return route.handle(repository, name, rest[at+len(route.part):], req)
		}
	}
	return refusal(http.StatusNotFound, "NOT_FOUND")
}

func (r *Registry) catalog(req *http.Request) answer {
	if r.options.NoCatalog {
		return refusal(http.StatusNotFound, "UNSUPPORTED")
	}
	return r.page(slices.Sorted(maps.Keys(r.repositories)), req, func(page []string) any { return map[string]any{"repositories": page} })
}

func (r *Registry) tags(repository *repository, name, rest string, req *http.Request) answer {
	if rest != "list" {
		return refusal(http.StatusNotFound, "NOT_FOUND")
	}
	tags := slices.Collect(maps.Keys(repository.tags))
	if r.options.NoReferrers {
		for subject := range repository.subjects() {
			if tag := schemaTag(subject); !slices.Contains(tags, tag) {
				tags = append(tags, tag)
			}
		}
	}
	slices.Sort(tags)
	return r.page(tags, req, func(page []string) any { return map[string]any{"name": name, "tags": page} })
}

// page answers with a part of a list: "Listing tags".
func (r *Registry) page(all []string, req *http.Request, body func(page []string) any) answer {
	query := req.URL.Query()
	n := len(all)
	if asked, err := strconv.Atoi(query.Get("n")); err == nil {
		n = asked
	}
	if r.options.PageSize > 0 {
		n = min(n, r.options.PageSize)
	}
	if last := query.Get("last"); last != "" {
		at, found := slices.BinarySearch(all, last)
		if found {
			at++
		}
		all = all[at:]
	}
	page := all[:min(n, len(all))]
	path := req.URL.Path
	return func(w http.ResponseWriter) {
		if len(page) < len(all) && len(page) > 0 {
			w.Header().Set("Link", fmt.Sprintf(`<%s?last=%s&n=%d>; rel="next"`, path, url.QueryEscape(page[len(page)-1]), n))
		}
		writeJSON(w, "application/json", body(page))
	}
}

func (r *Registry) manifest(repository *repository, _, reference string, req *http.Request) answer {
	if req.Method == http.MethodHead && r.options.NoHead {
		return refusal(http.StatusMethodNotAllowed, "UNSUPPORTED")
	}
	d := digest.Digest(reference)
	if to, is := repository.tags[reference]; is {
		d = to
	}
	m, is := repository.manifests[d]
	if !is && r.options.NoReferrers {
		for subject := range repository.subjects() {
			if schemaTag(subject) == reference {
				data, err := json.Marshal(repository.list(subject, ""))
				if err != nil {
					r.t.Error(err)
				}
				m, is = stored{Descriptor: v1.Descriptor{MediaType: v1.MediaTypeImageIndex, Digest: digest.FromBytes(data)}, data: data}, true
			}
		}
	}
	if !is {
		return refusal(http.StatusNotFound, "MANIFEST_UNKNOWN")
	}
	noDigest := r.options.NoDigestHeader
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", m.MediaType)
		if !noDigest {
			w.Header().Set("Docker-Content-Digest", m.Digest.String())
		}
		http.ServeContent(w, req, "", time.Time{}, bytes.NewReader(m.data))
	}
}

func (r *Registry) blob(repository *repository, _, reference string, req *http.Request) answer {
	data, is := repository.blobs[digest.Digest(reference)]
	if !is {
		return refusal(http.StatusNotFound, "BLOB_UNKNOWN")
	}
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("ETag", fmt.Sprintf("%q", reference))
		http.ServeContent(w, req, "", time.Time{}, bytes.NewReader(data))
	}
}

// referrers answers as "Listing Referrers" says. A page is as many descriptors as PageSize says.
func (r *Registry) referrers(repository *repository, _, reference string, req *http.Request) answer {
	if r.options.NoReferrers {
		return refusal(http.StatusNotFound, "NOT_FOUND")
	}
	query := req.URL.Query()
	index := repository.list(digest.Digest(reference), query.Get("artifactType"))
	from, _ := strconv.Atoi(query.Get("from"))
	from = min(max(from, 0), len(index.Manifests))
	index.Manifests = index.Manifests[from:]
	next := 0
	if size := r.options.PageSize; size > 0 && len(index.Manifests) > size {
		index.Manifests, next = index.Manifests[:size], from+size
	}
	path, filtered := req.URL.Path, query.Get("artifactType") != ""
	return func(w http.ResponseWriter) {
		if next > 0 {
			w.Header().Set("Link", fmt.Sprintf(`<%s?from=%d>; rel="next"`, path, next))
		}
		if filtered {
			w.Header().Set("OCI-Filters-Applied", "artifactType")
		}
		writeJSON(w, v1.MediaTypeImageIndex, index)
	}
}

// list is the index of what is attached to a manifest.
func (r *repository) list(subject digest.Digest, artifactType string) v1.Index {
	index := v1.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageIndex, Manifests: []v1.Descriptor{}}
	for _, d := range r.order {
		if m := r.manifests[d]; m.subject == subject && (artifactType == "" || m.ArtifactType == artifactType) {
			m.Descriptor.Digest = d
			index.Manifests = append(index.Manifests, m.Descriptor)
		}
	}
	return index
}

// subjects are the manifests that something is attached to.
func (r *repository) subjects() map[digest.Digest]bool {
	all := make(map[digest.Digest]bool)
	for _, m := range r.manifests {
		if m.subject != "" {
			all[m.subject] = true
		}
	}
	return all
}

// schemaTag is the tag that lists what is attached: "Referrers Tag Schema".
func schemaTag(d digest.Digest) string {
	return string(d.Algorithm()) + "-" + d.Encoded()[:min(64, len(d.Encoded()))]
}

func writeJSON(w http.ResponseWriter, mediaType string, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	_, _ = w.Write(data) // a client that has left
}

// describe is the descriptor of a manifest as the list of referrers has it.
func describe(mediaType string, data []byte) stored {
	m := stored{Descriptor: v1.Descriptor{MediaType: mediaType, Size: int64(len(data))}, data: data}
	var read struct {
		ArtifactType string            `json:"artifactType"`
		Config       v1.Descriptor     `json:"config"`
		Subject      *v1.Descriptor    `json:"subject"`
		Annotations  map[string]string `json:"annotations"`
	}
	if json.Unmarshal(data, &read) != nil || read.Subject == nil {
		return m
	}
	m.subject, m.ArtifactType, m.Annotations = read.Subject.Digest, read.ArtifactType, read.Annotations
	if m.ArtifactType == "" {
		m.ArtifactType = read.Config.MediaType
	}
	return m
}
