// Package simple reads indexes of Python packages by the simple repository API: the pages of projects, in JSON and in HTML, and the metadata of
// wheels. It stands between an index and the resolver; it asks the network only through artifact.Upstream.
//
//	index ──Index.Project──▶ Page, File ──Index.Metadata──▶ Metadata
//
// The specification is packaging.python.org's "Simple repository API", which joins PEP 503, 592, 629, 658, 691, 700, 714, 740 and 792.
package simple

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/pypi/wheel"
)

// A Page is what an index says of a project, without its files.
type Page struct {
	Project string // normalised
	// Status is the project's (PEP 792): "active", "archived", "quarantined" or "deprecated". An index that does not say has "active".
	Status string
	Reason string // of the status, for people; may be empty
	// Refused are files that the page lists and that cannot be used, the first few of them, with the reason.
	Refused []string
	// Files is how many files the page lists, whatever became of them.
	Files int
}

// Statuses of projects: PEP 792.
const (
	Active      = "active"
	Archived    = "archived"
	Quarantined = "quarantined"
	Deprecated  = "deprecated"
)

// A File is a wheel or a source distribution that an index lists.
type File struct {
	Name   string         // of the file
	Dist   wheel.Filename // what the name says
	URL    string         // absolute, without a fragment
	SHA256 string         // empty: the index does not state it
	Size   int64          // bytes; -1: the index does not state it
	// RequiresPython is a list of version specifiers (PEP 440), as the index has it; not checked. Empty: any Python.
	RequiresPython string
	Yanked         bool
	YankedReason   string    // may be empty
	Uploaded       time.Time // zero: the index does not state it
	// Metadata means that the index has the file's metadata at URL + ".metadata"; MetadataSHA256 is its digest, empty: not stated.
	Metadata       bool
	MetadataSHA256 string
	Provenance     string // absolute address of attestations (PEP 740); empty: none
}

// MaxPage is the size of the largest page that is read, in bytes. The largest of public indexes have 60 MB.
const MaxPage = 128 << 20

// maxRefused is how many refused files a Page names.
const maxRefused = 10

// parseName reads the name of a project's file. other means that it is a file of another format, which no installer of today uses, such as an egg,
// or another kind of file. The error says that the name is another project's, or is not valid.
func parseName(project, name string) (dist wheel.Filename, other bool, err error) {
	if !artifact.ValidPath(name) || strings.Contains(name, "/") || len(name) > 255 {
		return dist, false, fmt.Errorf("%q cannot be the name of a file", shorten(name))
	}
	if !slices.ContainsFunc(formats, func(end string) bool { return strings.HasSuffix(name, end) }) {
		return dist, true, nil
	}
	if dist, err = wheel.Parse(name, project); err != nil {
		var hinted *artifact.HintError
		if errors.As(err, &hinted) {
			err = hinted.Err
		}
		return dist, false, err
	}
	return dist, false, nil
}

// formats are the ends of names of wheels and of source distributions.
var formats = []string{".whl", ".tar.gz", ".zip"}

func shorten(text string) string {
	if len(text) > 80 {
		return text[:80] + "…"
	}
	return text
}

// take checks a file of the page, and passes it on.
func (p *Page) take(f *File, pass func(*File) error) error {
	p.Files++
	dist, other, err := parseName(p.Project, f.Name)
	switch {
	case other:
		return nil
	case err == nil && f.SHA256 != "" && !artifact.ValidSHA256(f.SHA256):
		err = fmt.Errorf("%s: %q is not a SHA-256", f.Name, shorten(f.SHA256))
	case err == nil && f.URL == "":
		err = fmt.Errorf("%s: it has no usable address", f.Name)
	}
	if err != nil {
		if len(p.Refused) < maxRefused {
			p.Refused = append(p.Refused, err.Error())
		}
		return nil
	}
	f.Dist = dist
	if !artifact.ValidSHA256(f.MetadataSHA256) {
		f.MetadataSHA256 = ""
	}
	return pass(f)
}
