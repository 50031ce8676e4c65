package pypi

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/pypi/pep440"
)

// An index has what the mirror serves of a source. Which of it a client may have is decided for each request.
type index struct {
	projects map[string]*project
	ordered  []*project          // by name
	files    map[string]*project // by the name of a distribution
	locks    map[string]*lock    // by name
}

// A project is a project of an index.
type project struct {
	name  string
	files []*file // by version and name

	whole map[string]*page // pages with all files, which most clients get, by content type
	mu    sync.Mutex
}

// A file is a distribution.
type file struct {
	item                 *artifact.Item
	name                 string
	metadata, provenance *artifact.File // nil: none
	row
}

// A page is the body of an answer, with its validator.
type page struct {
	body []byte
	etag string
}

// newIndex reads the table of a source, which Publish made.
func newIndex(source string, items []artifact.Item, open func(name string) (io.ReadSeekCloser, error)) (*index, error) {
	f, err := open(source + "/" + tableName)
	if err != nil {
		return nil, err
	}
	var all table
	err = json.NewDecoder(f).Decode(&all)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return nil, fmt.Errorf("pypi: %s/%s: %w", source, tableName, err)
	}
	rows := make(map[string]*row, len(all.Items))
	for i := range all.Items {
		rows[all.Items[i].Key] = &all.Items[i]
	}
	x := &index{projects: make(map[string]*project), files: make(map[string]*project)}
	for i := range items {
		item := &items[i]
		if item.Source != source || len(item.Files) == 0 {
			continue
		}
		row := rows[item.Files[0].Path]
		if row == nil {
			return nil, fmt.Errorf("pypi: %s/%s does not have %s", source, tableName, item.Files[0].Path)
		}
		p := x.projects[item.Name]
		if p == nil {
			p = &project{name: item.Name, whole: make(map[string]*page)}
			x.projects[item.Name] = p
			x.ordered = append(x.ordered, p)
		}
		x.files[fileName(item)] = p
		p.files = append(p.files, &file{item, fileName(item), beside(item, metadataEnd), beside(item, provenanceEnd), *row})
	}
	slices.SortFunc(x.ordered, func(a, b *project) int { return strings.Compare(a.name, b.name) })
	for _, p := range x.ordered {
		p.sort()
	}
	x.locks = newLocks(x.ordered)
	return x, nil
}

// sort puts the files in the order of their versions.
func (p *project) sort() {
	versions := make(map[string]pep440.Version)
	for _, f := range p.files {
		versions[f.item.Version], _ = pep440.Parse(f.item.Version) // of the lock, which resolve has checked
	}
	slices.SortFunc(p.files, func(a, b *file) int {
		if c := versions[a.item.Version].Compare(versions[b.item.Version]); c != 0 {
			return c
		}
		return strings.Compare(a.name, b.name)
	})
}

// page is the page with some of the project's files. A page with all is made once.
func (p *project) page(in format, files []*file) *page {
	if len(files) < len(p.files) {
		return p.write(in, files)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.whole[in.contentType] == nil {
		p.whole[in.contentType] = p.write(in, files)
	}
	return p.whole[in.contentType]
}

// newPage names a body by its digest.
func newPage(body []byte) *page {
	sum := sha256.Sum256(body)
	return &page{body, `"` + hex.EncodeToString(sum[:16]) + `"`}
}

// send answers with a page. Clients ask each time whether it has changed: the rules may have.
func send(w http.ResponseWriter, r *http.Request, in format, p *page) {
	header := w.Header()
	header["Cache-Control"], header["Vary"], header["Etag"] = noCache, varyAccept, []string{p.etag}
	if matches(r.Header.Values("If-None-Match"), p.etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	header["Content-Type"], header["X-Content-Type-Options"] = []string{in.contentType}, noSniff
	header["Content-Length"] = []string{strconv.Itoa(len(p.body))}
	if !in.json {
		header["Content-Security-Policy"] = noContent
	}
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(p.body) // the client may have gone
	}
}

var (
	noCache    = []string{"no-cache"}
	varyAccept = []string{"Accept"}
	noSniff    = []string{"nosniff"}
	noContent  = []string{"default-src 'none'"}
)

// matches reports whether a client has what the tag names: RFC 9110, section 13.1.2.
func matches(fields []string, etag string) bool {
	for _, field := range fields {
		for _, one := range strings.Split(field, ",") {
			if one = strings.TrimPrefix(strings.TrimSpace(one), "W/"); one == etag || one == "*" {
				return true
			}
		}
	}
	return false
}
