package debian

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// baseSuite is where packages of a base come from, for texts.
const baseSuite = "the base"

// AddInstalled adds what the nodes of one architecture have already: the
// paragraphs of a dpkg status file whose Status says "installed". It returns the
// architecture, which is that of dpkg itself.
func (u *Universe) AddInstalled(status []byte) (architecture string, err error) {
	installed, native := installedParagraphs(status)
	if native == "" {
		return "", errors.New("no dpkg is installed there: this is no dpkg status file (/var/lib/dpkg/status), or of no system")
	}
	first := len(u.entries)
	if err := u.addOwn(Origin{Suite: baseSuite}, installed); err != nil {
		return "", err
	}
	u.addNode(native)
	if u.installed == nil {
		u.installed = make(map[string][]entryID)
	}
	for id := first; id < len(u.entries); id++ {
		u.entries[id].installed = true
		u.installed[native] = append(u.installed[native], entryID(id))
	}
	return native, nil
}

// installedParagraphs keeps what is installed, were it with triggers pending, and finds the
// architecture of dpkg. The third word of Status is the state: dpkg-query(1).
func installedParagraphs(status []byte) (installed []byte, native string) {
	for paragraph := range bytes.SplitSeq(bytes.ReplaceAll(status, []byte("\r\n"), []byte("\n")), []byte("\n\n")) {
		text := strings.Trim(string(paragraph), "\n")
		words := strings.Fields(stanzaField(text, "Status"))
		if len(words) != 3 || !slices.Contains([]string{"installed", "triggers-pending", "triggers-awaited"}, words[2]) {
			continue
		}
		if stanzaField(text, "Package") == "dpkg" {
			native = stanzaField(text, "Architecture")
		}
		installed = append(append(installed, text...), "\n\n"...)
	}
	return installed, native
}

// A baseSpec is what a definition says that the nodes have: nothing, the
// Essential packages with all they need, or what status files list.
type baseSpec struct {
	essential bool
	files     []baseFile
}

type baseFile struct {
	name string
	data []byte
}

// parseBase reads "none", "essential", the name of a status file, or a list of
// such names, one for each architecture.
func parseBase(section artifact.Section, dir string) (base baseSpec, err error) {
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
		base.essential = true
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
		base.files = append(base.files, baseFile{section.Position() + ": " + name, data})
	}
	return base, nil
}

// addBases reads the status files of a definition. Every node must find its own.
func (u *Universe) addBases(files []baseFile) error {
	if len(files) == 0 {
		return nil
	}
	before := slices.Clone(u.nodes)
	for _, f := range files {
		architecture, err := u.AddInstalled(f.data)
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		if arch, _ := u.arch(architecture); !slices.Contains(before, arch) {
			return fmt.Errorf("%s: it is of a system for %s, which no source has", f.name, architecture)
		}
	}
	for _, arch := range u.nodes {
		if name := u.architectures[arch]; u.installed[name] == nil {
			return fmt.Errorf("%s: no status file is of a system for %s, which the sources have", files[0].name, name)
		}
	}
	return nil
}

// settleBase decides what the nodes have: the installed entries of their
// architecture, or else what bare essential packages come to.
func (r *resolution) settleBase(ctx context.Context, n *node) error {
	n.base = make(map[entryID]bool)
	for _, id := range r.installed[r.architectures[n.native]] {
		n.base[id] = true
	}
	if !r.opt.BaseEssential {
		return nil
	}
	essential := wish{Request: Request{text: "?essential", selector: "essential"}}
	units, err := n.units([]wish{essential}, []match{r.match(n.index, essential.Request, r.sortedNames())})
	if err != nil {
		return err
	}
	s := newSearch(n, asksOf(units))
	if err := s.run(ctx); err != nil {
		return err
	}
	for _, id := range s.trail {
		n.base[id] = true
	}
	clear(n.links) // relations of the base count no more
	return nil
}

// baseNeeds are the needs that keep what the nodes have: each package stays, or
// gives way to a copy of itself that is not older, or else to its replacement.
func (n *node) baseNeeds() (needs []need) {
	var ids []entryID
	for id := range n.base {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b entryID) int {
		return cmp.Or(strings.Compare(n.u.texts[n.u.entries[a].name], n.u.texts[n.u.entries[b].name]), cmp.Compare(a, b))
	})
	for _, id := range ids {
		options := []entryID{id}
		if e := &n.u.entries[id]; e.installed && onHold(n.u.text(id)) {
			needs = append(needs, need{owner: inBase, options: options})
			continue
		}
		for _, other := range n.u.byName.of(n.u.entries[id].name) {
			if other != id && n.inPlay(other) && n.effective(other) == n.effective(id) && compareVersions(n.u.entries[other].version, n.u.entries[id].version) >= 0 {
				options = append(options, other)
			}
		}
		needs = append(needs, need{owner: inBase, options: options, instead: n.replacers(id)})
	}
	return needs
}

// inBase is the owner of the needs of the base.
const inBase entryID = -1

// forgive takes from an entry of the base the relations that the node lives
// without already.
func (n *node) forgive(id entryID, l *links) {
	for i, options := range l.depends {
		if !slices.ContainsFunc(options, func(o entryID) bool { return n.base[o] }) {
			l.depends[i] = []entryID{id}
		}
	}
	l.err = nil
	l.conflicts = slices.DeleteFunc(l.conflicts, func(o entryID) bool { return n.base[o] })
}
