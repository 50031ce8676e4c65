package simple

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/pypi/pep508"
)

// Content types of pages: PEP 691.
const (
	TypeJSON = "application/vnd.pypi.simple.v1+json"
	TypeHTML = "application/vnd.pypi.simple.v1+html"
)

// accept prefers JSON, which says more.
const accept = TypeJSON + ", " + TypeHTML + ";q=0.2, text/html;q=0.01"

// An Index is an index of Python packages at an address.
type Index struct {
	URL      string // with a final slash: the folder of the projects' pages
	Upstream artifact.Upstream
}

// Project reads the page of a project, by its normalised name, and passes each usable file to pass, in the order of the page; an error of pass
// ends the reading. It keeps no file: what is in memory does not depend on the size of the page. If the index does not have the project, the
// error is fs.ErrNotExist.
func (x *Index) Project(ctx context.Context, name string, pass func(*File) error) (*Page, error) {
	if !pep508.ValidName(name) || pep508.NormalizeName(name) != name {
		return nil, fmt.Errorf("%q is not the normalised name of a project", shorten(name))
	}
	address := x.URL + name + "/"
	answer, err := x.Upstream.Ask(ctx, artifact.Request{URLs: []string{address}, Header: http.Header{"Accept": {accept}}, Limit: MaxPage})
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s: the index does not have the project %s: %w", artifact.Redacted(x.URL), name, fs.ErrNotExist)
		}
		return nil, err
	}
	defer answer.Close()
	base, err := url.Parse(answer.Base)
	if err != nil {
		return nil, err
	}
	p, err := Read(answer.Body, answer.Header.Get("Content-Type"), name, base, pass)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", artifact.Redacted(address), err)
	}
	return p, nil
}

// Read reads a page of a content type, whose relative addresses start from base.
func Read(r io.Reader, contentType, project string, base *url.URL, pass func(*File) error) (*Page, error) {
	p := &Page{Project: project, Status: Active}
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		kind = strings.ToLower(strings.TrimSpace(contentType))
	}
	switch kind {
	case TypeJSON, "application/vnd.pypi.simple.latest+json", "application/json":
		err = p.readJSON(r, base, pass)
	case TypeHTML, "application/vnd.pypi.simple.latest+html", "text/html", "application/xhtml+xml":
		err = p.readHTML(r, base, pass)
	default:
		err = artifact.Hint(fmt.Errorf("the answer is of type %q, which is not that of a page of the simple API", shorten(contentType)),
			"index: is the address of the folder of the projects' pages, such as https://pypi.org/simple/")
	}
	return p, err
}
