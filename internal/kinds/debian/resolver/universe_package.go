package resolver

import (
	"fmt"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
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
	Origins []deb822.Origin

	stanzas []string
}

// Stanza returns the package's paragraph as the index of Origins[i] has it,
// without the empty line after it. It is a part of the index.
func (p *Package) Stanza(i int) string { return p.stanzas[i] }

// String names the package for a person: "bash 5.2.15-2 (amd64)".
func (p *Package) String() string {
	return fmt.Sprintf("%s %s (%s)", p.Name, p.Version, p.Architecture)
}

// pkg returns the one Package of an entry.
func (u *Universe) pkg(id EntryID) *Package {
	if p := u.packages[id]; p != nil {
		return p
	}
	e := &u.Entries[id]
	p := &Package{Name: u.Names[e.Name], Version: e.Version, Architecture: u.Architectures[e.Arch]}
	if artifact.ValidSHA512(e.Digest) {
		p.SHA512 = e.Digest
	} else {
		p.SHA256 = e.Digest
	}
	for _, l := range append([]listing{e.listing}, e.others...) {
		x := u.indexes[l.index]
		if slices.Contains(p.Origins, x.Origin) {
			continue
		}
		p.Origins = append(p.Origins, x.Origin)
		p.stanzas = append(p.stanzas, x.Text[l.start:l.end])
	}
	text := u.text(id)
	p.Filename = deb822.StanzaField(text, "Filename")
	p.Size, _ = deb822.ParseSize(deb822.StanzaField(text, "Size")) // checked by readControl
	u.packages[id] = p
	return p
}

// ListedPackage is a package of an index that is in no universe, such as one of an installer. Its relations are not read.
func ListedPackage(x *deb822.PackagesIndex, s *deb822.Stanza) (*Package, error) {
	text := x.Text[s.Start:s.End]
	field := func(name string) string { return deb822.StanzaField(text, name) }
	p := &Package{Name: s.Name, Version: s.Version, Architecture: s.Architecture, Filename: field("Filename"), SHA256: field("SHA256"),
		Origins: []deb822.Origin{x.Origin}, stanzas: []string{text}}
	if p.SHA256 == "" {
		p.SHA512 = field("SHA512")
	}
	p.Size, _ = deb822.ParseSize(s.Size) // checked by checkFile
	return p, checkFile(field("Description-md5"), p.Filename, s.Size, p.SHA256, p.SHA512, s.End-s.Start)
}

// text returns an entry's paragraph.
func (u *Universe) text(id EntryID) string {
	l := u.Entries[id].listing
	return u.indexes[l.index].Text[l.start:l.end]
}

// Item is the package as a source pins it. addresses are those of a path below the source.
func (p *Package) Item(source string, addresses func(path string) []string) (artifact.Item, error) {
	file, err := deb822.FilePath(p.Filename)
	a := artifact.Item{Kind: deb822.KindName, Source: source, Name: p.Name, Version: p.Version,
		Metadata: deb822.StanzaOf(p.Stanza(0)), Files: []artifact.File{{Path: file, Size: p.Size, SHA256: p.SHA256, URLs: addresses(file)}}}
	var channels []string
	for _, o := range p.Origins {
		if o.Source == source {
			channels = append(channels, deb822.Channel(o.Suite, o.Component))
		}
	}
	a.Attributes = artifact.NewAttributes(map[string][]string{"architecture": {p.Architecture}, "channel": channels})
	switch {
	case err != nil:
		return a, fmt.Errorf("debian: source %s: %s: %w", source, &a, err)
	case !artifact.ValidSHA256(p.SHA256) && !artifact.ValidSHA512(p.SHA512):
		return a, artifact.Hint(artifact.Verifyf("debian: source %s: %s: %w", source, &a, deb822.ErrWeakDigests), "%s", deb822.WeakHint)
	}
	if strings.Contains("/"+p.Filename, "//") { // an object store has the file only at this path; a file server at both
		a.Files[0].URLs = append(addresses(p.Filename), a.Files[0].URLs...)
	}
	return a, nil
}
