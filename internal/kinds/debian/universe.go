package debian

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// An Origin says which index lists a package.
type Origin struct {
	Source       string // name of the source
	Suite        string
	Component    string // empty in a flat repository
	Architecture string // of the index; empty when it is for every architecture, as in a flat repository
}

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

	packages map[entryID]*Package
	controls map[entryID]*control
	patience int // of searches
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
	again     bool   // the same file as an entry before it
	nodes     uint64 // bit i: indexes for nodes[i] list it
	version   string
	sha256    string
	listing
	others []listing
}

// A listing is an entry's paragraph in an index.
type listing struct {
	index      int32
	start, end int
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

// Add reads a decompressed Packages file. It keeps packages, which must not be
// changed afterwards. Errors name the line. After an error the universe is of
// no more use.
func (u *Universe) Add(o Origin, packages []byte) error {
	x := newPackagesIndex(o, packages)
	u.settled = false
	u.indexes = append(u.indexes, x)
	if o.Architecture != "" {
		u.addNode(o.Architecture)
	}
	return x.scan(func(s *stanza) error { return u.addStanza(int32(len(u.indexes)-1), s) })
}

func (u *Universe) addStanza(index int32, s *stanza) error {
	arch, ok := u.arch(s.architecture)
	if !ok {
		return fmt.Errorf("package %s %s: one architecture too many: %s", s.name, s.version, s.architecture)
	}
	id := entryID(len(u.entries))
	u.entries = append(u.entries, entry{
		name: u.name(s.name), arch: arch, version: s.version, sha256: s.sha256,
		multiArch: multiArch(max(0, slices.Index([]string{"no", "same", "foreign", "allowed"}, s.multiArch))),
		priority:  uint8(slices.Index(priorities[:len(priorities)-1], s.priority)+len(priorities)) % uint8(len(priorities)),
		essential: s.essential == "yes",
		listing:   listing{index, s.start, s.end},
	})
	if s.provides == "" {
		return nil
	}
	clauses, err := parseClauses(s.provides)
	if err != nil {
		return fmt.Errorf("package %s %s: Provides: %w", s.name, s.version, err)
	}
	for _, c := range clauses {
		for _, r := range c {
			if r.op != anyVersion && r.op != exactly {
				continue // meaningless: Policy 7.5
			}
			u.provides = append(u.provides, provided{u.name(r.name), id, r.version, r.qualifier})
		}
	}
	return nil
}

// settle groups the entries by name, joins those that are the same file, and
// finds out who can see them.
func (u *Universe) settle() {
	if u.settled {
		return
	}
	u.settled = true
	clear(u.packages)
	all := make([]entryID, 0, len(u.entries))
	for id := range u.entries {
		u.entries[id].again, u.entries[id].others = false, nil
		all = append(all, entryID(id))
	}
	groups := group(all, len(u.texts), func(id entryID) nameID { return u.entries[id].name })
	joined := all[:0]
	for name := range u.texts {
		versions := groups.of(nameID(name))
		slices.SortStableFunc(versions, u.compareFiles)
		for _, id := range versions {
			if n := len(joined); n > 0 && u.sameFile(joined[n-1], id) {
				first := &u.entries[joined[n-1]]
				first.others = append(first.others, u.entries[id].listing)
				u.entries[id].again = true
				continue
			}
			joined = append(joined, id)
		}
	}
	joined = slices.Clone(joined)
	for _, id := range joined {
		e := &u.entries[id]
		e.nodes = u.nodesOf(e.listing.index)
		for _, l := range e.others {
			e.nodes |= u.nodesOf(l.index)
		}
	}
	u.byName = group(joined, len(u.texts), func(id entryID) nameID { return u.entries[id].name })
	for name := range u.texts {
		slices.SortStableFunc(u.byName.of(nameID(name)), u.compareChoices)
	}
	offered := slices.DeleteFunc(slices.Clone(u.provides), func(p provided) bool { return u.entries[p.by].again })
	u.providers = group(offered, len(u.texts), func(p provided) nameID { return p.name })
}

// compareFiles brings the listings of one file together, in the order of Add.
func (u *Universe) compareFiles(a, b entryID) int {
	x, y := &u.entries[a], &u.entries[b]
	return cmp.Or(
		cmp.Compare(x.name, y.name), strings.Compare(x.version, y.version),
		strings.Compare(u.architectures[x.arch], u.architectures[y.arch]),
		strings.Compare(x.sha256, y.sha256), cmp.Compare(x.index, y.index), cmp.Compare(x.start, y.start))
}

func (u *Universe) sameFile(a, b entryID) bool {
	x, y := &u.entries[a], &u.entries[b]
	return x.name == y.name && x.version == y.version && x.arch == y.arch && x.sha256 == y.sha256
}

// compareChoices orders the entries of one name: the highest version first,
// then the index that was added first.
func (u *Universe) compareChoices(a, b entryID) int {
	x, y := &u.entries[a], &u.entries[b]
	return cmp.Or(
		compareVersions(y.version, x.version), strings.Compare(y.version, x.version),
		cmp.Compare(x.index, y.index), strings.Compare(u.architectures[x.arch], u.architectures[y.arch]),
		strings.Compare(x.sha256, y.sha256))
}

// nodesOf returns which nodes read an index.
func (u *Universe) nodesOf(index int32) (mask uint64) {
	for i, a := range u.nodes {
		if want := u.indexes[index].origin.Architecture; want == "" || want == "all" || want == u.architectures[a] {
			mask |= 1 << i
		}
	}
	return mask
}

// spans holds values grouped by name.
type spans[T any] struct {
	values []T
	starts []int32
}

// of returns the values of a name.
func (s *spans[T]) of(name nameID) []T { return s.values[s.starts[name]:s.starts[name+1]] }

// group keeps the order of values within each name.
func group[T any](values []T, names int, name func(T) nameID) spans[T] {
	s := spans[T]{make([]T, len(values)), make([]int32, names+2)}
	for _, v := range values {
		s.starts[name(v)+2]++
	}
	for i := range names {
		s.starts[i+2] += s.starts[i+1]
	}
	for _, v := range values {
		at := &s.starts[name(v)+1]
		s.values[*at] = v
		*at++
	}
	return s
}

// All returns every package of every index that a node can read, sorted:
// "the whole of every source".
func (u *Universe) All() []*Package {
	u.settle()
	var all []entryID
	for _, id := range u.byName.values {
		for i := range u.nodes {
			if u.visible(id, i) {
				all = append(all, id)
				break
			}
		}
	}
	return u.sorted(all)
}

// visible reports whether a node of architecture nodes[node] may install an entry.
func (u *Universe) visible(id entryID, node int) bool {
	e := &u.entries[id]
	return e.arch == u.nodes[node] || e.arch == archAll && e.nodes>>node&1 == 1
}

// sorted makes the packages of entries, in order and each once.
func (u *Universe) sorted(ids []entryID) []*Package {
	ids = slices.Clone(ids)
	slices.SortFunc(ids, func(a, b entryID) int {
		x, y := &u.entries[a], &u.entries[b]
		return cmp.Or(
			strings.Compare(u.texts[x.name], u.texts[y.name]), compareVersions(x.version, y.version),
			strings.Compare(x.version, y.version), strings.Compare(u.architectures[x.arch], u.architectures[y.arch]),
			strings.Compare(x.sha256, y.sha256))
	})
	ids = slices.Compact(ids)
	all := make([]*Package, len(ids))
	for i, id := range ids {
		all[i] = u.pkg(id)
	}
	return all
}

// A Package is one .deb and where it is listed.
type Package struct {
	Name         string
	Version      string
	Architecture string // "all" or one of the universe's
	Filename     string // as the first of Origins lists it: relative to the source's root
	Size         int64  // bytes
	SHA256       string // empty when the index names none
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
	p := &Package{Name: u.texts[e.name], Version: e.version, Architecture: u.architectures[e.arch], SHA256: e.sha256}
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
	p.Size, _ = strconv.ParseInt(stanzaField(text, "Size"), 10, 64) // checked by scan
	u.packages[id] = p
	return p
}

// text returns an entry's paragraph.
func (u *Universe) text(id entryID) string {
	l := u.entries[id].listing
	return u.indexes[l.index].text[l.start:l.end]
}
