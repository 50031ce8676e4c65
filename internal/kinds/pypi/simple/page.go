// Package simple reads indexes of Python packages by the simple repository API: the pages of projects, in JSON and in HTML, and the metadata of
// wheels. It stands between an index and the resolver; it asks the network only through artifact.Upstream.
//
//	index ──Index.Project──▶ Page, File ──Index.Metadata──▶ Metadata
//
// The specification is packaging.python.org's "Simple repository API", which joins PEP 503, 592, 629, 658, 691, 700, 714, 740 and 792.
package simple

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
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
	Name    string // of the file
	Version string // as the file's name has it; not checked
	Wheel   bool   // otherwise it is a source distribution
	URL     string // absolute, without a fragment
	SHA256  string // empty: the index does not state it
	Size    int64  // bytes; -1: the index does not state it
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

// Normalize is the normalised name of a project: lower case, and each run of "-", "_" and "." is one "-" (PEP 503).
func Normalize(name string) string {
	var b strings.Builder
	b.Grow(len(name))
	run := false
	for i := range len(name) {
		c := name[i]
		switch {
		case c == '-' || c == '_' || c == '.':
			run = true
			continue
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		}
		if run {
			b.WriteByte('-')
			run = false
		}
		b.WriteByte(c)
	}
	if run {
		b.WriteByte('-')
	}
	return b.String()
}

// ValidName reports whether name is the name of a project: letters and digits of ASCII, with "-", "_" and "." between them ("Names and
// normalization").
func ValidName(name string) bool {
	for i := range len(name) {
		c := name[i]
		alphanumeric := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !alphanumeric && (i == 0 || i == len(name)-1 || c != '-' && c != '_' && c != '.') {
			return false
		}
	}
	return name != "" && len(name) <= 200
}

// formats are the ends of names of source distributions. Others than .tar.gz and .zip are older than PEP 527.
var formats = []string{".tar.gz", ".zip", ".tar.bz2", ".tar.xz", ".tgz"}

// parseName reads the version from the name of a project's file. other means that it is a file of another format, which no installer of today
// uses, such as an egg. The error says that the name is another project's, or cannot be a file's.
func parseName(project, name string) (version string, wheel, other bool, err error) {
	if !artifact.ValidPath(name) || strings.Contains(name, "/") || len(name) > 255 {
		return "", false, false, fmt.Errorf("%q cannot be the name of a file", shorten(name))
	}
	if stem, is := strings.CutSuffix(name, ".whl"); is {
		parts := strings.Split(stem, "-")
		switch {
		case len(parts) != 5 && len(parts) != 6 || slices.Contains(parts, ""):
			return "", true, false, fmt.Errorf("%q is not the name of a wheel", name)
		case !ValidName(parts[0]) || Normalize(parts[0]) != project:
			return "", true, false, fmt.Errorf("%q is the name of a wheel of another project", name)
		}
		return parts[1], true, false, nil
	}
	for _, format := range formats {
		stem, is := strings.CutSuffix(name, format)
		if !is {
			continue
		}
		for at := range len(stem) {
			if stem[at] == '-' && ValidName(stem[:at]) && Normalize(stem[:at]) == project && at+1 < len(stem) {
				return stem[at+1:], false, false, nil
			}
		}
		return "", false, false, fmt.Errorf("%q is the name of a source distribution of another project", name)
	}
	return "", false, true, nil
}

func shorten(text string) string {
	if len(text) > 80 {
		return text[:80] + "…"
	}
	return text
}

// take checks a file of the page, and passes it on.
func (p *Page) take(f *File, pass func(*File) error) error {
	p.Files++
	version, wheel, other, err := parseName(p.Project, f.Name)
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
	f.Version, f.Wheel = version, wheel
	if !artifact.ValidSHA256(f.MetadataSHA256) {
		f.MetadataSHA256 = ""
	}
	return pass(f)
}
