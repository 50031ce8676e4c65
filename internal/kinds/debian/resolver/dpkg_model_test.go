//go:build differential

package resolver

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// A dpkgModel is what dpkg knows of a node of one architecture, with dpkg's rules
// for what may be unpacked and configured: Policy 6.6, 7.2 to 7.4. It reads
// relations in its own, plain way.
type dpkgModel struct {
	parsed    map[*Package]*modelRelations
	installed map[string]*Package // by name
	ready     map[string]bool     // of installed: configured
	once      map[string]*Package // what was configured last under a name
}

type modelRelations struct{ pre, depends, conflicts, breaks, provides, replaces []deb822.Clause }

// newDpkgModel is a node that has some packages.
func newDpkgModel(base []*Package) *dpkgModel {
	m := &dpkgModel{parsed: make(map[*Package]*modelRelations), installed: make(map[string]*Package),
		ready: make(map[string]bool), once: make(map[string]*Package)}
	for _, p := range base {
		m.installed[p.Name], m.ready[p.Name], m.once[p.Name] = p, true, p
	}
	return m
}

func (m *dpkgModel) relations(p *Package) *modelRelations {
	if r := m.parsed[p]; r != nil {
		return r
	}
	read := func(field string) []deb822.Clause {
		clauses, _ := deb822.ParseClauses(deb822.StanzaField(p.Stanza(0), field))
		return clauses
	}
	r := &modelRelations{read("Pre-Depends"), read("Depends"), read("Conflicts"), read("Breaks"), read("Provides"), read("Replaces")}
	m.parsed[p] = r
	return r
}

// meets reports whether p is what r names.
func (m *dpkgModel) meets(p *Package, r deb822.Relation) bool {
	if r.Qualifier != "" && r.Qualifier != "any" && r.Qualifier != p.Architecture {
		return false // libc6-x32:i386 is not that of amd64
	}
	if p.Name == r.Name && r.Op.Holds(p.Version, r.Version) {
		return true
	}
	for _, c := range m.relations(p).provides {
		if c[0].Name == r.Name && (r.Op == deb822.AnyVersion || c[0].Version != "" && r.Op.Holds(c[0].Version, r.Version)) {
			return true
		}
	}
	return false
}

// lacks returns a clause that no package of some names satisfies.
func (m *dpkgModel) lacks(clauses []deb822.Clause, among map[string]bool) (deb822.Clause, bool) {
	for _, c := range clauses {
		met := false
		for name := range among {
			met = met || slices.ContainsFunc(c, func(r deb822.Relation) bool { return m.meets(m.installed[name], r) })
		}
		if !met {
			return c, true
		}
	}
	return nil, false
}

// configured reports whether a relation is met by what is configured, or is
// unpacked and was configured in a version that met it too.
func (m *dpkgModel) configured(r deb822.Relation) bool {
	for name, p := range m.installed {
		if once := m.once[name]; once != nil && m.meets(p, r) && m.meets(once, r) {
			return true
		}
	}
	return false
}

// unpack unpacks a package over what is there. auto is dpkg's --auto-deconfigure.
func (m *dpkgModel) unpack(p *Package, auto bool) error {
	for _, c := range m.relations(p).pre {
		if !slices.ContainsFunc(c, m.configured) {
			return fmt.Errorf("%v is unpacked before its Pre-Depends %v is configured", p, c)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.installed)) {
		other := m.installed[name]
		if name == p.Name {
			continue
		}
		for _, way := range []struct{ by, against *Package }{{p, other}, {other, p}} {
			against := func(c deb822.Clause) bool { return m.meets(way.against, c[0]) }
			if slices.ContainsFunc(m.relations(way.by).conflicts, against) && slices.ContainsFunc(m.relations(p).replaces, func(c deb822.Clause) bool { return m.meets(other, c[0]) }) {
				delete(m.installed, name)
				delete(m.ready, name)
				break
			}
			if slices.ContainsFunc(m.relations(way.by).conflicts, against) {
				return fmt.Errorf("%v is unpacked where %v conflicts with %v", p, way.by, way.against)
			}
			switch breaks := slices.ContainsFunc(m.relations(way.by).breaks, against); {
			case breaks && way.by == p && auto:
				delete(m.ready, name)
			case breaks:
				return fmt.Errorf("%v is unpacked where %v breaks %v", p, way.by, way.against)
			}
		}
	}
	m.installed[p.Name] = p
	delete(m.ready, p.Name)
	return nil
}

// configure configures what is unpacked as far as possible, cycles at once, and
// says what is left.
func (m *dpkgModel) configure() (err error) {
	able := make(map[string]bool)
	for name := range m.installed {
		able[name] = true
	}
	for again := true; again; {
		again = false
		for name := range m.installed {
			if m.ready[name] || !able[name] {
				continue
			}
			if _, lacking := m.lacks(m.relations(m.installed[name]).depends, able); lacking {
				delete(able, name)
				again = true
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.installed)) {
		if able[name] {
			m.ready[name], m.once[name] = true, m.installed[name]
			continue
		}
		c, _ := m.lacks(m.relations(m.installed[name]).depends, able)
		err = errors.Join(err, fmt.Errorf("%v cannot be configured: it lacks %v", m.installed[name], c))
	}
	return err
}

// install unpacks in order and then configures, as one run of dpkg --install.
func (m *dpkgModel) install(packages []*Package, auto bool) error {
	for _, p := range packages {
		if err := m.unpack(p, auto); err != nil {
			return err
		}
	}
	return m.configure()
}

// remove removes what a plan removes before or after a step.
func (m *dpkgModel) remove(removed []artifact.Removal, step int, first bool) {
	for _, r := range removed {
		if name, _, _ := strings.Cut(r.Name, ":"); r.Step == step && r.First == first {
			delete(m.installed, name)
			delete(m.ready, name)
		}
	}
}
