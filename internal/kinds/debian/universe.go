package debian

import (
	"fmt"
	"slices"
	"strings"
)

// A Universe is everything that the sources of one definition offer. Fill it
// with Add, index by index in the definition's order, then ask it. The order of
// Add matters only where two indexes list different files under one name,
// version and architecture: the first wins. A Universe is for one goroutine.
type Universe struct {
	architectures []string // the first is "all"; known from NewUniverse, the indexes and their stanzas
	nodes         []archID // architectures that nodes may have
	indexes       []*packagesIndex
	entries       []entry
	names         map[string]nameID
	texts         []string // of names
	provides      []provided

	// What settle makes of the above.
	settled   bool
	byName    spans[entryID]  // versions of each name, the highest first
	providers spans[provided] // of each name, real or virtual

	leftOut   []leftOut
	locked    map[string]bool      // files of the previous lock, by the digest that upstream signs
	installed map[string][]entryID // by the node's architecture
	excluded  map[entryID]Request  // what must not be carried, and who says so
	packages  map[entryID]*Package
	controls  map[entryID]*control
	replacing map[nameID][]entryID // by the names in their Replaces; nil: not known
	patience  int                  // of searches
}

type (
	nameID  int32
	entryID int32
	archID  uint8
)

const archAll archID = 0

// An entry is one .deb of the universe.
type entry struct {
	name      nameID
	arch      archID
	multiArch multiArch
	priority  uint8 // place in priorities
	essential bool
	installed bool   // a node has it; no index offers it
	again     bool   // the same file as an entry before it
	waits     bool   // upstream is still phasing it in: its priority is lowered
	pin       int32  // the highest priority of its origins
	nodes     uint64 // bit i: indexes for nodes[i] list it
	version   string
	digest    string
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
	name      nameID
	by        entryID
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
		architectures: []string{archAll: "all"}, names: make(map[string]nameID),
		packages: make(map[entryID]*Package), controls: make(map[entryID]*control),
		patience: usualPatience,
	}
	for _, a := range architectures {
		u.addNode(a)
	}
	return u
}

func (u *Universe) addNode(architecture string) {
	u.settled = false
	if a, ok := u.arch(architecture); ok && a != archAll && !slices.Contains(u.nodes, a) {
		u.nodes = append(u.nodes, a)
	}
}

// arch numbers an architecture. It fails when there are too many.
func (u *Universe) arch(name string) (archID, bool) {
	if i := slices.Index(u.architectures, name); i >= 0 {
		return archID(i), true
	}
	if len(u.architectures) == 64 {
		return 0, false
	}
	u.architectures = append(u.architectures, name)
	return archID(len(u.architectures) - 1), true
}

func (u *Universe) name(text string) nameID {
	id, known := u.names[text]
	if !known {
		id = nameID(len(u.texts))
		u.texts = append(u.texts, text)
		u.names[text] = id
	}
	return id
}

// Add reads a decompressed Packages file of upstream. It keeps packages, which must
// not be changed afterwards. Stanzas that cannot be used are left out and remembered: see LeftOut.
func (u *Universe) Add(o Origin, packages []byte) {
	u.add(o, packages, true)
}

// addOwn reads an index made from a lock or a dpkg status, not from upstream. The error
// names the stanzas that cannot be used; after an error, the universe must not be
// used.
func (u *Universe) addOwn(o Origin, packages []byte) error {
	first := len(u.leftOut)
	u.add(o, packages, false)
	if len(u.leftOut) > first {
		return u.leftOut[first].err
	}
	return nil
}

func (u *Universe) add(o Origin, packages []byte, upstream bool) {
	x := newPackagesIndex(o, packages)
	x.upstream = upstream
	u.settled = false
	u.indexes = append(u.indexes, x)
	if o.Architecture != "" {
		u.addNode(o.Architecture)
	}
	index := int32(len(u.indexes) - 1)
	x.scan(func(s *stanza, err error) {
		if upstream { // as apt and dpkg do
			s.name = strings.ToLower(s.name)
		}
		if err == nil {
			if err = u.addStanza(index, s); err == nil {
				return
			}
			err = x.errorAt(s.start, s.wrap(err))
		}
		u.leftOut = append(u.leftOut, leftOut{listing{index: index, start: s.start, end: s.end}, s.name, s.version, s.architecture, err})
	})
}

// addStanza adds an entry, or nothing when there is an error.
func (u *Universe) addStanza(index int32, s *stanza) error {
	var provides []clause
	if s.provides != "" {
		var err error
		if provides, err = parseClauses(s.provides); err != nil {
			return fmt.Errorf("its field Provides is damaged: %w", err)
		}
	}
	arch, ok := u.arch(s.architecture)
	if !ok {
		return fmt.Errorf("too many architectures: %s", s.architecture)
	}
	id := entryID(len(u.entries))
	u.entries = append(u.entries, entry{
		name: u.name(s.name), arch: arch, version: s.version, digest: s.digest(),
		multiArch: multiArch(max(0, slices.Index([]string{"no", "same", "foreign", "allowed"}, s.multiArch))),
		priority:  uint8(slices.Index(priorities[:len(priorities)-1], s.priority)+len(priorities)) % uint8(len(priorities)),
		essential: s.essential == "yes",
		listing:   listing{index, s.start, s.end, phasedPercentage(s.phased)},
	})
	for _, c := range provides {
		for _, r := range c {
			if r.op != anyVersion && r.op != exactly {
				continue // meaningless: Policy 7.5
			}
			u.provides = append(u.provides, provided{u.name(r.name), id, r.version, r.qualifier})
		}
	}
	return nil
}
