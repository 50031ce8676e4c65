// Package resolver chooses packages as apt would.
//
// A Universe holds every package that the indexes list. A Node is a bare machine of one architecture, on which the relations of
// packages mean something: its Links. A Search finds packages for requests on a node, with all that they need and without conflicts;
// Universe.Resolve runs one for each architecture and joins the results to a Closure. The files solve_*.go are the search, chapter by
// chapter; solve_sat.go asks a SAT solver where apt's way of deciding does not come to an end.
//
// The same data answers why a lock has a package (Why), and what a given node lacks, in which order dpkg can install it
// (PlanInstall). The rules are those of Debian Policy 7 and of apt; the tests compare each result with the real apt.
package resolver

import (
	"fmt"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// A Universe is everything that the sources of one definition offer. Fill it
// with Add, index by index in the definition's order, then ask it. The order of
// Add matters only where two indexes list different files under one name,
// version and architecture: the first wins. A Universe is for one goroutine.
type Universe struct {
	Architectures []string // the first is "all"; known from NewUniverse, the indexes and their stanzas
	Nodes         []ArchID // architectures that nodes may have
	indexes       []*deb822.PackagesIndex
	Entries       []Entry
	nameIDs       map[string]NameID
	Names         []string // of names
	provides      []provided

	// What BuildIndex makes of the above.
	indexed   bool
	ByName    spans[EntryID]  // versions of each name, the highest first
	providers spans[provided] // of each name, real or virtual

	leftOut   []leftOut
	locked    map[string]bool      // files of the previous lock, by the digest that upstream signs
	installed map[string][]EntryID // by the node's architecture
	excluded  map[EntryID]Request  // what must not be carried, and who says so
	packages  map[EntryID]*Package
	controls  map[EntryID]*Control
	replacing map[NameID][]EntryID // by the names in their Replaces; nil: not known
	patience  int                  // of searches
}

// A NameID is a name by its place in Universe.Names, an EntryID a package by its place in Universe.Entries, and an ArchID an
// architecture by its place in Universe.Architectures.
type (
	NameID  int32
	EntryID int32
	ArchID  uint8
)

// ArchAll is the number of "all", the architecture of packages for every machine.
const ArchAll ArchID = 0

// An Entry is one .deb of the universe.
type Entry struct {
	Name      NameID
	Arch      ArchID
	multiArch multiArch
	priority  uint8 // place in priorities
	essential bool
	installed bool   // a node has it; no index offers it
	again     bool   // the same file as an entry before it
	waits     bool   // upstream is still phasing it in: its priority is lowered
	pin       int32  // the highest priority of its origins
	nodes     uint64 // bit i: indexes for Universe.Nodes[i] list it
	Version   string
	Digest    string
	listing
	others []listing
}

// A listing is an entry's paragraph in an index.
type listing struct {
	index      int32
	start, end int
	phased     uint8 // percentage of machines to which upstream offers it
}

// A provided is a name that an entry provides: Policy 7.5.
type provided struct {
	name      NameID
	by        EntryID
	version   string // empty when the Provides has none
	qualifier string // as in "Provides: foo:amd64"
}

type multiArch uint8

const (
	multiArchNo multiArch = iota
	multiArchSame
	multiArchForeign
	multiArchAllowed
)

// priorities are in the order of Policy 2.5; a stanza without one comes last.
var priorities = []string{"required", "important", "standard", "optional", "extra", ""}

// NewUniverse makes an empty universe for nodes of the given architectures, in
// the definition's order. Those of the indexes added later join them.
func NewUniverse(architectures ...string) *Universe {
	u := &Universe{
		Architectures: []string{ArchAll: "all"}, nameIDs: make(map[string]NameID),
		packages: make(map[EntryID]*Package), controls: make(map[EntryID]*Control),
		patience: usualPatience,
	}
	for _, a := range architectures {
		u.AddNode(a)
	}
	return u
}

// AddNode adds an architecture that nodes may have. It ignores "all", and what is known.
func (u *Universe) AddNode(architecture string) {
	u.indexed = false
	if a, ok := u.arch(architecture); ok && a != ArchAll && !slices.Contains(u.Nodes, a) {
		u.Nodes = append(u.Nodes, a)
	}
}

// arch numbers an architecture. It fails when there are too many.
func (u *Universe) arch(name string) (ArchID, bool) {
	if i := slices.Index(u.Architectures, name); i >= 0 {
		return ArchID(i), true
	}
	if len(u.Architectures) == 64 {
		return 0, false
	}
	u.Architectures = append(u.Architectures, name)
	return ArchID(len(u.Architectures) - 1), true
}

func (u *Universe) name(text string) NameID {
	id, known := u.nameIDs[text]
	if !known {
		id = NameID(len(u.Names))
		u.Names = append(u.Names, text)
		u.nameIDs[text] = id
	}
	return id
}

// Add reads a decompressed Packages file of upstream. It keeps packages, which must
// not be changed afterwards. Stanzas that cannot be used are left out and remembered: see LeftOut.
func (u *Universe) Add(o deb822.Origin, packages []byte) {
	u.add(o, packages, true)
}

// addOwn reads an index made from a lock or a dpkg status, not from upstream. The error
// nameIDs the stanzas that cannot be used; after an error, the universe must not be
// used.
func (u *Universe) addOwn(o deb822.Origin, packages []byte) error {
	first := len(u.leftOut)
	u.add(o, packages, false)
	if len(u.leftOut) > first {
		return u.leftOut[first].err
	}
	return nil
}

func (u *Universe) add(o deb822.Origin, packages []byte, upstream bool) {
	x := deb822.NewPackagesIndex(o, packages)
	x.Upstream = upstream
	u.indexed = false
	u.indexes = append(u.indexes, x)
	if o.Architecture != "" {
		u.AddNode(o.Architecture)
	}
	index := int32(len(u.indexes) - 1)
	x.Scan(func(s *deb822.Stanza, err error) {
		if upstream { // as apt and dpkg do
			s.Name = strings.ToLower(s.Name)
		}
		if err == nil {
			if err = u.addStanza(index, s); err == nil {
				return
			}
			err = x.ErrorAt(s.Start, s.Wrap(err))
		}
		u.leftOut = append(u.leftOut, leftOut{listing{index: index, start: s.Start, end: s.End}, s.Name, s.Version, s.Architecture, err})
	})
}

// addStanza adds an entry, or nothing when there is an error.
func (u *Universe) addStanza(index int32, s *deb822.Stanza) error {
	var provides []deb822.Clause
	if s.Provides != "" {
		var err error
		if provides, err = deb822.ParseClauses(s.Provides); err != nil {
			return fmt.Errorf("its field Provides is damaged: %w", err)
		}
	}
	arch, ok := u.arch(s.Architecture)
	if !ok {
		return fmt.Errorf("too many architectures: %s", s.Architecture)
	}
	id := EntryID(len(u.Entries))
	u.Entries = append(u.Entries, Entry{
		Name: u.name(s.Name), Arch: arch, Version: s.Version, Digest: s.Digest(),
		multiArch: multiArch(max(0, slices.Index([]string{"no", "same", "foreign", "allowed"}, s.MultiArch))),
		priority:  uint8(slices.Index(priorities[:len(priorities)-1], s.Priority)+len(priorities)) % uint8(len(priorities)),
		essential: s.Essential == "yes",
		listing:   listing{index, s.Start, s.End, phasedPercentage(s.Phased)},
	})
	for _, c := range provides {
		for _, r := range c {
			if r.Op != deb822.AnyVersion && r.Op != deb822.Exactly {
				continue // meaningless: Policy 7.5
			}
			u.provides = append(u.provides, provided{u.name(r.Name), id, r.Version, r.Qualifier})
		}
	}
	return nil
}
