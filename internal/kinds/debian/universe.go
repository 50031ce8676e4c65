package debian

import "errors"

// An Origin says which index lists a package.
type Origin struct {
	Source       string // name of the source
	Suite        string
	Component    string // empty in a flat repository
	Architecture string // of the index; empty when it is for every architecture, as in a flat repository
}

// A Universe is everything that the sources of one definition offer. Fill it
// with Add, index by index in the definition's order, then ask it.
type Universe struct{}

// NewUniverse makes an empty universe for nodes of the given architectures, in
// the definition's order. Stanzas of any other architecture are passed over.
func NewUniverse(architectures ...string) *Universe { return &Universe{} }

// Add reads a decompressed Packages file. It keeps packages, which must not be
// changed afterwards. Errors name the line.
func (u *Universe) Add(o Origin, packages []byte) error { return errors.ErrUnsupported }

// All returns every package of every index, sorted: "the whole of every source".
func (u *Universe) All() []*Package { return nil }

// A Package is one .deb and where it is listed.
type Package struct {
	Name         string
	Version      string
	Architecture string // "all" or one of the universe's
	Filename     string // as the first of Origins lists it: relative to the source's root
	Size         int64  // bytes
	SHA256       string
	// Origins are the indexes that list this very file, in the order of Add.
	Origins []Origin
}

// Stanza returns the package's paragraph as the index of Origins[i] has it,
// without the empty line after it.
func (p *Package) Stanza(i int) []byte { return nil }
