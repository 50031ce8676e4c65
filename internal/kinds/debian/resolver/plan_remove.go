package resolver

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// setRemoved sets which packages are removed, and when. For Breaks, dpkg deconfigures the old package when it unpacks the new one; the
// new one is configured, and then the old one is removed, so nothing is ever missing. For Conflicts, the two cannot be
// unpacked together: either dpkg itself replaces one with the other, or the old one is removed first, as apt does.
func (p *installation) setRemoved(s *Search, status []byte) {
	stepOf := make(map[*artifact.Item]int)
	for i, step := range p.plan.Steps {
		for _, a := range step {
			stepOf[a] = i
		}
	}
	step := func(id EntryID) (at int, is bool) {
		pkg := p.pkg(id)
		at, is = stepOf[p.artifacts[pkg.String()+pkg.SHA256]]
		return at, is
	}
	for _, r := range s.removals() {
		pkg := p.pkg(r.old)
		out := artifact.Removal{Name: deb822.DpkgName(pkg.Name, pkg.Architecture), Version: pkg.Version, By: s.Label(r.by)}
		out.Step, _ = step(r.by)
		for _, id := range s.Trail {
			if at, is := step(id); is && at <= out.Step && s.excludes(id, r.old) && !(id == r.by && s.dpkgSwaps(id, r.old)) {
				out.Step, out.First = at, true
			}
		}
		p.plan.Removed = append(p.plan.Removed, out)
	}
	p.plan.Removed = append(p.plan.Removed, p.leftovers(s, status)...)
	slices.SortFunc(p.plan.Removed, func(a, b artifact.Removal) int {
		return cmp.Or(cmp.Compare(a.Step, b.Step), strings.Compare(a.Name, b.Name))
	})
}

// leftovers are packages that an interrupted installation deconfigured in favour of their replacements and did not remove.
func (p *installation) leftovers(s *Search, status []byte) (all []artifact.Removal) {
	for paragraph := range bytes.SplitSeq(status, []byte("\n\n")) {
		text := strings.Trim(string(paragraph), "\n")
		words := strings.Fields(deb822.StanzaField(text, "Status"))
		if len(words) != 3 || words[0] == "hold" || words[2] != "half-configured" && words[2] != "unpacked" {
			continue
		}
		name, version, arch := deb822.StanzaField(text, "Package"), deb822.StanzaField(text, "Version"), deb822.StanzaField(text, "Architecture")
		means := func(r deb822.Relation) bool {
			return r.Name == name && r.Op.Holds(version, r.Version) && (r.Qualifier == "" || r.Qualifier == "any" || r.Qualifier == arch)
		}
		if slices.ContainsFunc(s.Trail, func(id EntryID) bool { return p.Names[p.Entries[id].Name] == name }) {
			continue // the plan installs it again, or another version
		}
		by := slices.IndexFunc(s.Trail, func(id EntryID) bool {
			c := p.Control(id)
			return slices.ContainsFunc(c.negative, means) && slices.ContainsFunc(c.replaces, means)
		})
		if by >= 0 {
			all = append(all, artifact.Removal{Name: deb822.DpkgName(name, arch), Version: version, By: s.Label(s.Trail[by]), Step: len(p.plan.Steps)})
		}
	}
	return all
}
