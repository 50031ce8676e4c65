package debian

import (
	"fmt"
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A Package is one .deb and where it is listed.
type Package struct {
	Name         string
	Version      string
	Architecture string // "all" or one of the universe's
	Filename     string // as the first of Origins lists it: relative to the source's root
	Size         int64  // bytes
	SHA256       string // empty when the index names none
	SHA512       string // where there is no SHA256
	// Origins are the indexes that list this very file, in the order of Add.
	Origins []Origin

	stanzas [][]byte
}

// Stanza returns the package's paragraph as the index of Origins[i] has it,
// without the empty line after it. The bytes belong to the index.
func (p *Package) Stanza(i int) []byte { return p.stanzas[i] }

// String names the package for a person: "bash 5.2.15-2 (amd64)".
func (p *Package) String() string {
	return fmt.Sprintf("%s %s (%s)", p.Name, p.Version, p.Architecture)
}

// pkg returns the one Package of an entry.
func (u *Universe) pkg(id entryID) *Package {
	if p := u.packages[id]; p != nil {
		return p
	}
	e := &u.entries[id]
	p := &Package{Name: u.texts[e.name], Version: e.version, Architecture: u.architectures[e.arch]}
	if artifact.ValidSHA512(e.digest) {
		p.SHA512 = e.digest
	} else {
		p.SHA256 = e.digest
	}
	for _, l := range append([]listing{e.listing}, e.others...) {
		x := u.indexes[l.index]
		if slices.Contains(p.Origins, x.origin) {
			continue
		}
		p.Origins = append(p.Origins, x.origin)
		p.stanzas = append(p.stanzas, x.data[l.start:l.end:l.end])
	}
	text := u.text(id)
	p.Filename = stanzaField(text, "Filename")
	p.Size, _ = parseSize(stanzaField(text, "Size")) // checked by scan
	u.packages[id] = p
	return p
}

// text returns an entry's paragraph.
func (u *Universe) text(id entryID) string {
	l := u.entries[id].listing
	return u.indexes[l.index].text[l.start:l.end]
}
