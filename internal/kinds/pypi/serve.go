package pypi

import (
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/pypi/pep508"
	"github.com/minimirror/minimirror/internal/kinds/pypi/wheel"
)

// An index is at /SOURCE/simple/. A file is at /SOURCE/packages/PROJECT/FILE, and beside the page that lists it, /SOURCE/simple/PROJECT/FILE: there it is
// found by clients that know the index by upstream's name, too. Below /SOURCE/files/ each file is in every folder: upstream's are not known. Lock
// files are at /SOURCE/pylock.toml and /SOURCE/pylock.TARGET.toml.
const (
	indexFolder    = "simple"
	packagesFolder = "packages"
	filesFolder    = "files"
)

// Mount implements artifact.Kind.
func (Kind) Mount(site artifact.Site) (routes []artifact.Route) {
	m := site.Mirror()
	for i := range m.Sources {
		h := &handler{site: site}
		h.index, h.err = newIndex(m.Sources[i].Name, m.Items, site.Open)
		routes = append(routes, artifact.Route{Path: "/" + m.Sources[i].Name + "/", Handler: h})
	}
	return routes
}

// A handler answers below a source. It never changes, apart from the pages that it keeps.
type handler struct {
	site  artifact.Site
	index *index
	err   error // the table is not readable: nothing can be answered
}

// An endpoint is what a path means.
type endpoint struct {
	source  string
	list    bool   // the list of projects
	page    string // the project of a page, as the client wrote it; empty: none
	project string // of a file; empty: not known
	file    string // its name
	lock    string // the name of a lock file
	open    bool   // the path lacks its final slash
}

// parseEndpoint reads a path, which is clean but for a final slash.
func parseEndpoint(name string) (e endpoint, ok bool) {
	slash := strings.HasSuffix(name, "/")
	parts := strings.Split(strings.Trim(name, "/"), "/")
	e.source, e.open = parts[0], !slash
	switch {
	case len(parts) == 2 && parts[1] == indexFolder:
		e.list = true
		return e, true
	case len(parts) == 3 && parts[1] == indexFolder && pep508.ValidName(parts[2]):
		e.page = parts[2]
		return e, true
	case len(parts) == 4 && (parts[1] == packagesFolder || parts[1] == indexFolder) && !slash:
		e.project, e.file = parts[2], parts[3]
		return e, true
	case len(parts) >= 3 && parts[1] == filesFolder && !slash:
		e.file = parts[len(parts)-1]
		return e, true
	case len(parts) == 2 && isLock(parts[1]) && !slash:
		e.lock = parts[1]
		return e, true
	}
	return e, false
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e, ok := parseEndpoint(r.URL.Path)
	switch {
	case h.err != nil:
		write(w, r, http.StatusInternalServerError, "this mirror cannot read its list of Python packages\n")
	case !ok:
		h.absent(w, r)
	case e.file != "":
		h.file(w, r, &e)
	case e.lock != "":
		h.lock(w, r, &e)
	case e.open && e.list:
		redirect(w, indexFolder+"/")
	case e.list:
		h.list(w, r)
	default:
		h.page(w, r, &e)
	}
}

// absent answers that there is nothing.
func (h *handler) absent(w http.ResponseWriter, r *http.Request) { h.site.ServeFile(w, r, "") }

// file answers with a file. What is beside a distribution is plain text or JSON, whatever a client makes of its name.
func (h *handler) file(w http.ResponseWriter, r *http.Request, e *endpoint) {
	switch path.Ext(e.file) {
	case metadataEnd:
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	case provenanceEnd:
		w.Header().Set("Content-Type", "application/vnd.pypi.integrity.v1+json")
	}
	project := e.project
	if project == "" {
		if p := h.index.files[distribution(e.file)]; p != nil {
			project = p.name
		}
	}
	h.site.ServeFile(w, r, e.source+"/"+filePath(project, e.file))
}

// redirect leads to a place relative to the request's.
func redirect(w http.ResponseWriter, to string) {
	w.Header().Set("Location", to)
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusMovedPermanently)
}

// page answers with the page of a project: what this client may have of it. If that is nothing, the answer is 404, by which installers understand
// that they may look elsewhere, where they are configured to; the reason is in the text.
func (h *handler) page(w http.ResponseWriter, r *http.Request, e *endpoint) {
	name := pep508.NormalizeName(e.page)
	p := h.index.projects[name]
	switch {
	case p == nil:
		h.absent(w, r)
		return
	case e.open:
		redirect(w, name+"/")
		return
	case e.page != name:
		redirect(w, "../"+name+"/")
		return
	}
	allowed := h.allowed(r, p.files)
	item := p.files[0].item
	if len(allowed) > 0 {
		item = allowed[0].item
	}
	verdict := h.site.Decide(r, item)
	h.site.Ask(r, item, verdict)
	if len(allowed) == 0 {
		text := name + " is denied by this mirror's rules"
		if verdict.Reason != "" {
			text += ": " + verdict.Reason
		}
		write(w, r, http.StatusNotFound, text+"\nrule: "+verdict.Rule+"\n")
		return
	}
	in := negotiate(r.Header.Values("Accept"))
	send(w, r, in, p.page(in, allowed))
}

// allowed are the files that the client may have.
func (h *handler) allowed(r *http.Request, files []*file) []*file {
	denied := func(f *file) bool { return !h.site.Decide(r, f.item).Allowed }
	at := slices.IndexFunc(files, denied)
	if at < 0 {
		return files
	}
	return slices.DeleteFunc(slices.Clone(files), denied)
}

// list answers with the names of projects of which the client may have something.
func (h *handler) list(w http.ResponseWriter, r *http.Request) {
	var names []string
	for _, p := range h.index.ordered {
		for _, f := range p.files {
			if h.site.Decide(r, f.item).Allowed {
				names = append(names, p.name)
				break
			}
		}
	}
	in := negotiate(r.Header.Values("Accept"))
	send(w, r, in, listPage(in, names))
}

// write answers with text.
func write(w http.ResponseWriter, r *http.Request, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write([]byte(artifact.Printable(text)))
	}
}

// Identify implements artifact.Identifier: the project of a page or a file.
func (Kind) Identify(path, _ string) *artifact.Item {
	e, ok := parseEndpoint(path)
	if !ok || e.list || e.lock != "" {
		return nil
	}
	if e.file != "" && e.project == "" {
		e.project = statedProject(distribution(e.file))
	}
	item := &artifact.Item{Kind: Kind{}.Name(), Source: e.source, Name: pep508.NormalizeName(e.page + e.project)}
	if !pep508.ValidName(item.Name) {
		return nil
	}
	if e.file != "" {
		if dist, err := wheel.Parse(distribution(e.file), item.Name); err == nil {
			item.Version = dist.Version.String()
		}
	}
	return item
}

// distribution is the name of a wheel or source distribution, of which a file may be the metadata or the attestations.
func distribution(file string) string {
	return strings.TrimSuffix(strings.TrimSuffix(file, metadataEnd), provenanceEnd)
}

// statedProject is the project in the name of a distribution.
func statedProject(file string) string {
	at := strings.Index(file, "-")
	if !strings.HasSuffix(file, ".whl") {
		at = strings.LastIndex(file, "-")
	}
	return file[:max(at, 0)]
}

// escaped writes the name of a file as a part of an address.
func escaped(name string) string { return strings.ReplaceAll(url.PathEscape(name), "+", "%2B") }
