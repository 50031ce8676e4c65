package pypitest

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/minimirror/minimirror/internal/kinds/pypi/pep508"
)

// A Dist is a wheel to make.
type Dist struct {
	Project, Version string
	Tag              string   // empty: py3-none-any
	Requires         []string // Requires-Dist
	Extras           []string // Provides-Extra
	RequiresPython   string
	Licence          string // License-Expression
	Summary          string
	Yanked           *string // the reason; nil: not yanked
	Uploaded         time.Time
	Provenance       string // content; empty: none

	// NoMetadata, of an index that has no metadata of the wheel.
	NoMetadata bool
	// NoSize, of an index that does not state sizes.
	NoSize bool
}

// FileName is the name of the wheel.
func (d *Dist) FileName() string {
	tag := d.Tag
	if tag == "" {
		tag = "py3-none-any"
	}
	return strings.ReplaceAll(pep508.NormalizeName(d.Project), "-", "_") + "-" + d.Version + "-" + tag + ".whl"
}

// Metadata is the content of METADATA.
func (d *Dist) Metadata() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "Metadata-Version: 2.1\nName: %s\nVersion: %s\n", d.Project, d.Version)
	field := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, value)
		}
	}
	field("Summary", d.Summary)
	field("License-Expression", d.Licence)
	field("Requires-Python", d.RequiresPython)
	for _, r := range d.Requires {
		field("Requires-Dist", r)
	}
	for _, e := range d.Extras {
		field("Provides-Extra", e)
	}
	return b.Bytes()
}

// Wheel is the wheel: a module that has the version. pip installs it.
func (d *Dist) Wheel() []byte {
	var b, record bytes.Buffer
	z := zip.NewWriter(&b)
	add := func(name string, data []byte) {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)})
		if err == nil {
			_, err = w.Write(data)
		}
		if err != nil { // memory takes everything
			panic(err)
		}
		sum := sha256.Sum256(data)
		fmt.Fprintf(&record, "%s,sha256=%s,%d\n", name, base64.RawURLEncoding.EncodeToString(sum[:]), len(data))
	}
	module := strings.ReplaceAll(pep508.NormalizeName(d.Project), "-", "_")
	info := module + "-" + d.Version + ".dist-info/"
	tags := ""
	name := strings.TrimSuffix(d.FileName(), ".whl")
	parts := strings.Split(name, "-")
	for _, python := range strings.Split(parts[len(parts)-3], ".") {
		tags += "Tag: " + python + "-" + parts[len(parts)-2] + "-" + parts[len(parts)-1] + "\n"
	}
	add(module+"/__init__.py", []byte(fmt.Sprintf("version = %q\n", d.Version)))
	add(info+"METADATA", d.Metadata())
	add(info+"WHEEL", []byte("Wheel-Version: 1.0\nGenerator: pypitest\nRoot-Is-Purelib: true\n"+tags))
	fmt.Fprintf(&record, "%sRECORD,,\n", info)
	add(info+"RECORD", bytes.Clone(record.Bytes()))
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// An Upstream is an index of Python packages, for an HTTP server: simple/ and files/ below its root.
type Upstream struct {
	mu       sync.Mutex
	projects map[string]*indexed
	files    map[string][]byte
	// HTML makes it an index from before PEP 691.
	HTML bool
	// Requests are the paths that were asked for, in order.
	requests []string
}

type indexed struct {
	status map[string]string
	files  []map[string]any
}

// NewUpstream makes an index of wheels.
func NewUpstream(dists ...Dist) *Upstream {
	x := &Upstream{projects: make(map[string]*indexed), files: make(map[string][]byte)}
	for i := range dists {
		x.Add(&dists[i])
	}
	return x
}

// Add adds a wheel.
func (x *Upstream) Add(d *Dist) { x.AddFile(d.Project, d.FileName(), d.Wheel(), d) }

// AddFile adds any file to a project's page; of d, its metadata and what the page says of it are taken, if it is not nil.
func (x *Upstream) AddFile(project, name string, data []byte, d *Dist) {
	x.mu.Lock()
	defer x.mu.Unlock()
	at := "/files/" + name
	entry := map[string]any{"filename": name, "url": "../../files/" + name, "hashes": map[string]string{"sha256": sumOf(data)}, "size": len(data)}
	x.files[at] = data
	if d != nil {
		if !d.NoMetadata {
			x.files[at+".metadata"] = d.Metadata()
			entry["core-metadata"] = map[string]string{"sha256": sumOf(d.Metadata())}
		}
		if d.NoSize {
			delete(entry, "size")
		}
		if d.RequiresPython != "" {
			entry["requires-python"] = d.RequiresPython
		}
		if d.Yanked != nil {
			entry["yanked"] = *d.Yanked
		}
		if !d.Uploaded.IsZero() {
			entry["upload-time"] = d.Uploaded.Format("2006-01-02T15:04:05.000000Z")
		}
		if d.Provenance != "" {
			x.files[at+".provenance"] = []byte(d.Provenance)
			entry["provenance"] = "../../files/" + name + ".provenance"
		}
	}
	p := x.project(project)
	p.files = append(p.files, entry)
}

func (x *Upstream) project(name string) *indexed {
	name = pep508.NormalizeName(name)
	if x.projects[name] == nil {
		x.projects[name] = &indexed{}
	}
	return x.projects[name]
}

// SetStatus is what the index says of a project: PEP 792.
func (x *Upstream) SetStatus(project, status, reason string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.project(project).status = map[string]string{"status": status, "reason": reason}
}

// Edit changes what the page says of a file.
func (x *Upstream) Edit(name string, edit func(entry map[string]any)) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, p := range x.projects {
		for _, entry := range p.files {
			if entry["filename"] == name {
				edit(entry)
			}
		}
	}
}

// Replace replaces a file's content, "files/NAME", and nothing that the pages say of it; nil: it is absent.
func (x *Upstream) Replace(name string, data []byte) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.files["/"+name] = data; data == nil {
		delete(x.files, "/"+name)
	}
}

// Requests are the paths that were asked for since the last call, sorted, each once.
func (x *Upstream) Requests() []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	all := x.requests
	x.requests = nil
	slices.Sort(all)
	return slices.Compact(all)
}

func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// ServeHTTP implements http.Handler.
func (x *Upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.requests = append(x.requests, r.URL.Path)
	if data, found := x.files[r.URL.Path]; found {
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
		return
	}
	p := x.projects[path.Base(r.URL.Path)]
	if path.Dir(path.Clean(r.URL.Path)) != "/simple" || p == nil {
		http.NotFound(w, r)
		return
	}
	if x.HTML {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<!DOCTYPE html><html><body>\n")
		for _, entry := range p.files {
			fmt.Fprintf(w, "<a href=\"%s#sha256=%s\"", entry["url"], entry["hashes"].(map[string]string)["sha256"])
			if python, is := entry["requires-python"].(string); is {
				fmt.Fprintf(w, " data-requires-python=\"%s\"", html.EscapeString(python))
			}
			if yanked, is := entry["yanked"].(string); is {
				fmt.Fprintf(w, " data-yanked=\"%s\"", html.EscapeString(yanked))
			}
			fmt.Fprintf(w, ">%s</a>\n", entry["filename"])
		}
		fmt.Fprint(w, "</body></html>\n")
		return
	}
	page := map[string]any{"meta": map[string]string{"api-version": "1.4"}, "name": path.Base(r.URL.Path), "files": p.files}
	if p.status != nil {
		page["project-status"] = p.status
	}
	w.Header().Set("Content-Type", "application/vnd.pypi.simple.v1+json")
	_ = json.NewEncoder(w).Encode(page) // the client may have gone
}
