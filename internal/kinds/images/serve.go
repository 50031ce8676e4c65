package images

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Reserved implements artifact.Reserver.
func (Kind) Reserved() []string { return []string{strings.Trim(prefix, "/")} }

// Address implements artifact.Addresser: the endpoint of a manifest or blob by digest, below the source. The source stands for
// the registry in the path, since the colon before a port is no part of a repository's name.
func (Kind) Address(i *artifact.Item, f *artifact.File) string {
	folder, digest, ok := parseFilePath(f.Path)
	if !ok {
		return prefix
	}
	return prefix + i.Source + "/" + i.Name + "/" + folder + digest
}

// Mount implements artifact.Kind: a registry that can be read, by OCI distribution specification 1.1.
func (Kind) Mount(site artifact.Site) []artifact.Route {
	m := site.Mirror()
	if len(m.Sources) == 0 {
		return nil
	}
	h := &handler{site: site, registries: make(map[string]*served)}
	for _, source := range m.Sources {
		s, err := newServed(source.Name, m.Items, site.Open)
		if err != nil {
			h.err = err
			break
		}
		h.registries[registryName(source.Name)] = s
		h.ordered = append(h.ordered, s.ordered...)
	}
	slices.SortFunc(h.ordered, func(a, b *servedRepository) int { return compareNames(a.full, b.full) })
	return []artifact.Route{{Path: prefix, Handler: h}, {Path: strings.TrimSuffix(prefix, "/"), Handler: h}}
}

// A handler answers below prefix. It never changes.
type handler struct {
	site       artifact.Site
	registries map[string]*served  // by name, as clients name them
	ordered    []*servedRepository // of all of them, in the order of lists
	err        error               // the tables are not readable: nothing can be answered
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e := parseEndpoint(r.URL.Path)
	switch {
	case h.err != nil:
		refuse(w, r, http.StatusInternalServerError, "UNKNOWN", "this mirror cannot read its list of images")
	case e.call == callVersion:
		w.Header().Set(versionHeader, versionValue)
		writeJSON(w, r, http.StatusOK, jsonType, struct{}{})
	case e.call == callCatalog:
		h.catalog(w, r)
	case e.call == callReferrers && !wellFormedDigest.MatchString(e.reference):
		refuse(w, r, http.StatusBadRequest, "DIGEST_INVALID", fmt.Sprintf("%q is not a digest", e.reference))
	default:
		registry, repository := h.find(e.name, namespaceOf(r.URL.RawQuery, r.Host), r.Host)
		switch {
		case e.call == callReferrers:
			h.referrers(w, r, e.name, repository, e.reference)
		case repository == nil:
			h.absent(w, r)
		case e.call == callTags:
			h.tags(w, r, e.name, repository)
		case e.call == callBlobs:
			h.blob(w, r, registry, repository, e.reference)
		default:
			h.manifest(w, r, registry, repository, e.reference)
		}
	}
}

// absent answers that there is nothing. The server says so in the format that FormatError has.
func (h *handler) absent(w http.ResponseWriter, r *http.Request) { h.site.ServeFile(w, r, "") }

// ReadsHost implements artifact.HostReader.
func (Kind) ReadsHost() {}

// find finds the repository that a name means; nil: it is not carried. A client that reaches the mirror by the name of a registry asks for images
// of that.
func (h *handler) find(name, namespace, host string) (*served, *servedRepository) {
	if name == "" {
		return nil, nil
	}
	all := places(name, namespace)
	if namespace == "" {
		all = append(places(name, host), all...)
	}
	for _, p := range all {
		if s := h.registries[p.registry]; s != nil && s.repositories[p.repository] != nil {
			return s, s.repositories[p.repository]
		}
	}
	return nil, nil
}

// manifest answers with the bytes and the media type that upstream sent, and ignores Accept, since the digest identifies one sequence
// of bytes. A tag can be read if the client may have an image with it; then its digest can be read, too.
func (h *handler) manifest(w http.ResponseWriter, r *http.Request, s *served, repository *servedRepository, reference string) {
	m, has := s.manifests[reference], repository.has
	header := w.Header()
	if tag := repository.byTag[reference]; tag != nil {
		m, has = tag.manifest, tag.has
		header["Cache-Control"] = noCache // the tag may be another manifest's in the next image
	}
	if m == nil {
		h.absent(w, r)
		return
	}
	header[digestHeader], header["Content-Type"] = m.digest, m.mediaType
	h.site.ServeFileAs(w, r, m.file, has)
}

var noCache = []string{"no-cache"}

// blob answers with a blob of the repository's images.
func (h *handler) blob(w http.ResponseWriter, r *http.Request, s *served, repository *servedRepository, digest string) {
	if !validDigest(digest) {
		h.absent(w, r)
		return
	}
	w.Header()[digestHeader] = []string{digest}
	h.site.ServeFileAs(w, r, s.source+"/"+filePath(blobFolder, digest), repository.has)
}
