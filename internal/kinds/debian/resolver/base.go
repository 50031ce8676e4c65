package resolver

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// baseSuite is where packages of a base come from, for texts.
const baseSuite = "the base"

// addInstalled adds what the nodes of one architecture have already: the
// paragraphs of a dpkg status file whose Status says "installed". It returns the
// architecture, which is that of dpkg itself.
func (u *Universe) addInstalled(status []byte) (architecture string, err error) {
	installed, native, err := installedParagraphs(status)
	if err != nil {
		return "", err
	}
	first := len(u.Entries)
	if err := u.addOwn(deb822.Origin{Suite: baseSuite}, installed); err != nil {
		return "", err
	}
	u.AddNode(native)
	if u.installed == nil {
		u.installed = make(map[string][]EntryID)
	}
	for id := first; id < len(u.Entries); id++ {
		u.Entries[id].installed = true
		u.installed[native] = append(u.installed[native], EntryID(id))
	}
	return native, nil
}

// A BaseSpec is what a definition says that the nodes have: nothing, the
// Essential packages with all they need, or what status files list.
type BaseSpec struct {
	Essential bool
	Files     []BaseFile
}

// A BaseFile is a copy of a node's dpkg status file.
type BaseFile struct {
	name string // with its place in the definition, for errors
	data []byte
}

// ParseBase reads "none", "essential", the name of a status file, or a list of
// such names, one for each architecture.
func ParseBase(section artifact.Section, dir string) (base BaseSpec, err error) {
	names := make([]string, 1)
	if section.IsText() {
		err = section.Decode(&names[0])
	} else {
		err = section.Decode(&names)
	}
	switch {
	case err != nil:
		return base, err
	case len(names) == 1 && names[0] == "none":
		return base, nil
	case len(names) == 1 && names[0] == "essential":
		base.Essential = true
		return base, nil
	}
	for _, name := range names {
		file := name
		if !filepath.IsAbs(file) {
			file = filepath.Join(dir, file)
		}
		data, err := artifact.ReadFile(file)
		if err != nil {
			return base, artifact.Hint(section.Errorf("base: %w", err), "write none, essential, or the name of a copy of a node's /var/lib/dpkg/status, relative to the definition's folder")
		}
		base.Files = append(base.Files, BaseFile{section.Position() + ": " + name, data})
	}
	return base, nil
}

// AddBases reads the status files of a definition. Every node must find its own.
func (u *Universe) AddBases(files []BaseFile) error {
	if len(files) == 0 {
		return nil
	}
	before := slices.Clone(u.Nodes)
	for _, f := range files {
		architecture, err := u.addInstalled(f.data)
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		if arch, _ := u.arch(architecture); !slices.Contains(before, arch) {
			return fmt.Errorf("%s: it is of a system for %s, which no source has", f.name, architecture)
		}
	}
	for _, arch := range u.Nodes {
		if name := u.Architectures[arch]; u.installed[name] == nil {
			return fmt.Errorf("%s: no status file is of a system for %s, which the sources have", files[0].name, name)
		}
	}
	return nil
}

// computeBase determines what the nodes have: the installed entries of their
// architecture, or else what bare essential packages come to.
func (r *resolution) computeBase(ctx context.Context, n *Node) error {
	n.base = make(map[EntryID]bool)
	for _, id := range r.installed[r.Architectures[n.Native]] {
		n.base[id] = true
	}
	if !r.opt.BaseEssential {
		return nil
	}
	essential := wish{Request: Request{text: "?essential", selector: "essential"}}
	units, err := n.units([]wish{essential}, []match{r.match(n.Index, essential.Request, r.sortedNames())})
	if err != nil {
		return err
	}
	s := NewSearch(n, asksOf(units))
	if err := s.Run(ctx); err != nil {
		return err
	}
	for _, id := range s.Trail {
		n.base[id] = true
	}
	clear(n.Links) // relations of the base count no more
	return nil
}

// baseNeeds are the needs that keep what the nodes have: each package stays, or
// gives way to a copy of itself that is not older, or else to its replacement.
func (n *Node) baseNeeds() (needs []need) {
	var ids []EntryID
	for id := range n.base {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b EntryID) int {
		return cmp.Or(strings.Compare(n.U.Names[n.U.Entries[a].Name], n.U.Names[n.U.Entries[b].Name]), cmp.Compare(a, b))
	})
	for _, id := range ids {
		options := []EntryID{id}
		if e := &n.U.Entries[id]; e.installed && onHold(n.U.text(id)) {
			needs = append(needs, need{owner: inBase, options: options})
			continue
		}
		for _, other := range n.U.ByName.Of(n.U.Entries[id].Name) {
			if other != id && n.Installable(other) && n.Effective(other) == n.Effective(id) && deb822.CompareVersions(n.U.Entries[other].Version, n.U.Entries[id].Version) >= 0 {
				options = append(options, other)
			}
		}
		needs = append(needs, need{owner: inBase, options: options, instead: n.replacers(id)})
	}
	return needs
}

// inBase is the owner of the needs of the base.
const inBase EntryID = -1

// dropUnmet takes from an entry of the base the relations that the node lives
// without already.
func (n *Node) dropUnmet(id EntryID, l *Links) {
	for i, options := range l.Depends {
		if !slices.ContainsFunc(options, func(o EntryID) bool { return n.base[o] }) {
			l.Depends[i] = []EntryID{id}
		}
	}
	l.err = nil
	l.conflicts = slices.DeleteFunc(l.conflicts, func(o EntryID) bool { return n.base[o] })
}
