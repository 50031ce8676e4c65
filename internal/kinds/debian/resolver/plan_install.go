package resolver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// UnnamedSet is the Unit.Set of requests that must be installed together but are no set of the definition.
const UnnamedSet = "\x00"

// statusFile is where dpkg keeps what is installed, below a system's root.
const statusFile = "var/lib/dpkg/status"

// PlanInstall plans what a node gets. The steps are runs of dpkg: within a
// step nothing pre-depends on anything of it. Packages that are on hold stay as
// they are; it is an error if something cannot be installed beside them. Others are upgraded, or removed if a
// new package replaces them. It is an error if the new package does not satisfy their dependants, which apt would also remove.
func PlanInstall(ctx context.Context, req artifact.InstallRequest) (*artifact.InstallPlan, error) {
	for i := range req.Pins.Items {
		if err := checkPin(&req.Pins.Items[i]); err != nil {
			return nil, err
		}
	}
	u, err := UniverseOf(req.Pins)
	if err != nil {
		return nil, err
	}
	offered := slices.Clone(u.Nodes)
	plan := &artifact.InstallPlan{Architecture: req.Architecture}
	var status []byte
	if req.Root != "" {
		if plan.Architecture, status, err = u.addNodeOf(req.Root); err != nil {
			return nil, err
		}
	} else if len(offered) == 0 { // all are for any architecture
		u.AddNode(plan.Architecture)
	}
	arch, known := u.arch(plan.Architecture)
	if !known || arch == ArchAll || len(u.Nodes) == 0 {
		return nil, fmt.Errorf("%q is no architecture of a node", plan.Architecture)
	}
	if len(offered) > 0 && !slices.Contains(offered, arch) {
		var names []string
		for _, a := range offered {
			names = append(names, u.Architectures[a])
		}
		return nil, fmt.Errorf("these packages are for %s, and the node is for %s", Enumerate(names, "and"), plan.Architecture)
	}
	u.BuildIndex()
	u.exclude(nil)
	p := &installation{Universe: u, plan: plan, index: slices.Index(u.Nodes, arch), artifacts: make(map[string]*artifact.Item)}
	for i := range req.Pins.Items {
		a := &req.Pins.Items[i]
		p.artifacts[a.String()+a.Files[0].SHA256] = a
	}
	if req.Root == "" && len(req.Names) == 0 {
		return plan, p.listed(req)
	}
	return plan, p.solve(ctx, req, status)
}

// checkPin refuses an item that is not one package, and names that are not safe in a script: an image is data
// from elsewhere.
func checkPin(a *artifact.Item) error {
	base := path.Base(a.Files[0].Path)
	switch {
	case !deb822.ValidPackageName(a.Name), !deb822.ValidVersion(a.Version), a.Architecture() == "", !deb822.WellFormed(a.Architecture(), "-"):
		return artifact.Verifyf("%q: not a package's name, version and architecture", a)
	case !artifact.ValidSHA256(a.Files[0].SHA256):
		return artifact.Verifyf("%s: sha256 %q", a, a.Files[0].SHA256)
	case !artifact.ValidPath(a.Files[0].Path), !deb822.WellFormed(base, ".+-:~_%"), base[0] == '-', base[0] == '.':
		return artifact.Verifyf("%s: %q is no name of a package's file", a, base)
	case !slices.Equal(deb822.StanzaOf(deb822.MetadataText(a)), a.Metadata), len(a.Metadata) > 0 && strings.ContainsAny(a.Metadata[0][:1], " \t"):
		return artifact.Verifyf("%s: its metadata are not the other lines of one paragraph", a)
	}
	return nil
}

// listed plans a set as it is, for nodes that nothing is known of.
func (p *installation) listed(req artifact.InstallRequest) error {
	n := p.NewNode(p.index, &Options{})
	members, err := p.members(req)
	if err != nil {
		return err
	}
	s := NewSearch(n, nil)
	for id := range members {
		s.chosen[id] = true
	}
	p.setSteps(s, slices.Collect(maps.Keys(members)))
	return nil
}

// setSteps makes the plan's steps of entries.
func (p *installation) setSteps(s *Search, entries []EntryID) {
	for _, step := range s.steps(entries) {
		var artifacts []*artifact.Item
		for _, id := range step {
			pkg := p.pkg(id)
			artifacts = append(artifacts, p.artifacts[pkg.String()+pkg.SHA256])
		}
		p.plan.Steps = append(p.plan.Steps, artifacts)
	}
}

// NodeArchitecture is that of the dpkg installed below root.
func NodeArchitecture(root string) (string, error) {
	architecture, _, err := NewUniverse().addNodeOf(root)
	return architecture, err
}

// addNodeOf adds what is installed on the system below root.
func (u *Universe) addNodeOf(root string) (architecture string, status []byte, err error) {
	status, err = artifact.ReadFile(filepath.Join(root, statusFile))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil, artifact.Hint(fmt.Errorf("%s: there is no dpkg: this is not a Debian system", root), "name the root of one with --root, or use --to DIR to extract only")
	}
	if err != nil {
		return "", nil, err
	}
	if architecture, err = u.addInstalled(status); err != nil {
		return "", nil, fmt.Errorf("%s: %w", filepath.Join(root, statusFile), err)
	}
	return architecture, status, nil
}

// An installation is a PlanInstall at work.
type installation struct {
	*Universe
	index     int
	plan      *artifact.InstallPlan
	artifacts map[string]*artifact.Item
}

func (p *installation) solve(ctx context.Context, req artifact.InstallRequest, status []byte) error {
	n := p.NewNode(p.index, &Options{KeepInstalled: true})
	r := &resolution{Universe: p.Universe}
	if err := r.computeBase(ctx, n); err != nil {
		return err
	}
	members, err := p.members(req)
	if err != nil {
		return err
	}
	n.carry(slices.Collect(maps.Keys(members))) // a set's own alternatives go first
	wishes, err := p.wishes(req, members)
	if err != nil {
		return err
	}
	matches := make([]match, len(wishes))
	for i, w := range wishes {
		matches[i] = p.match(p.index, w.Request, p.sortedNames())
		if len(matches[i]) == 0 || slices.ContainsFunc(matches[i], func(f found) bool { return len(f.entries) == 0 }) {
			return p.explainMissing(w)
		}
	}
	units, err := n.units(wishes, matches)
	if err != nil {
		return err
	}
	var asks []Ask
	for _, u := range units {
		asks = append(asks, u.Asks...)
	}
	s := NewSearch(n, asks)
	if err := s.Run(ctx); err != nil {
		return err
	}
	for _, u := range units {
		if s.Excluded[u] {
			return n.explain(ctx, u)
		}
	}
	answers := s.answers()
	for _, id := range s.Trail {
		if p.Entries[id].installed && answers[id] && len(p.VersionsOn(p.index, p.Entries[id].Name)) > 0 {
			p.plan.Present = append(p.plan.Present, n.Label(id))
		}
	}
	slices.Sort(p.plan.Present)
	p.setSteps(s, s.ownTrail())
	p.setRemoved(s, status)
	return p.checkForeign(req.Root)
}

// checkForeign refuses packages of architectures that the node's dpkg does not take:
// dpkg(1), --add-architecture.
func (p *installation) checkForeign(root string) error {
	known, err := artifact.ReadFile(filepath.Join(root, "var/lib/dpkg/arch"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, a := range slices.Concat(p.plan.Steps...) {
		if a.Architecture() != "all" && a.Architecture() != p.plan.Architecture && !slices.Contains(strings.Fields(string(known)), a.Architecture()) {
			return artifact.Hint(fmt.Errorf("%s: the node does not take packages for %s", a, a.Architecture()), "run: dpkg --add-architecture %s", a.Architecture())
		}
	}
	return nil
}

// answers are the entries that may answer what is requested, or what comes with it.
func (s *Search) answers() map[EntryID]bool {
	all := make(map[EntryID]bool)
	add := func(options []EntryID) {
		for _, id := range options {
			all[id] = true
		}
	}
	for _, a := range s.asks {
		add(a.Options)
	}
	for _, own := range s.ownTrail() {
		for _, options := range s.Link(own).Depends {
			add(options)
		}
	}
	return all
}

// wishes are what the node must have in the end. Of a set these are the packages
// that it was made for, in the set's versions or newer ones.
func (p *installation) wishes(req artifact.InstallRequest, members map[EntryID]*artifact.Item) (wishes []wish, err error) {
	for _, text := range req.Names {
		r, err := ParseRequest(text)
		if err != nil {
			return nil, artifact.Usagef("%w", err)
		}
		if r.architecture != "" && r.architecture != p.plan.Architecture {
			return nil, artifact.Usagef("%s: the node is for %s", text, p.plan.Architecture)
		}
		r.suite = "" // an image does not know suites
		wishes = append(wishes, wish{r, UnnamedSet})
	}
	requested := req.Requested
	if len(requested) == 0 {
		requested = req.Set
	}
	for _, a := range members {
		if !slices.Contains(requested, a.ID()) || a.Architecture() != "all" && a.Architecture() != p.plan.Architecture {
			continue // what is foreign comes with what needs it
		}
		r, err := ParseRequest(fmt.Sprintf("%s (>= %s)", a.Name, a.Version))
		if err != nil {
			return nil, artifact.Verifyf("%s: %w", a.ID(), err)
		}
		wishes = append(wishes, wish{r, UnnamedSet})
	}
	slices.SortFunc(wishes, func(a, b wish) int { return strings.Compare(a.text, b.text) })
	return wishes, nil
}

// members finds the items of the requested set.
func (p *installation) members(req artifact.InstallRequest) (map[EntryID]*artifact.Item, error) {
	byID := make(map[string]*artifact.Item)
	for i := range req.Pins.Items {
		byID[req.Pins.Items[i].ID()] = &req.Pins.Items[i]
	}
	members := make(map[EntryID]*artifact.Item)
	for _, id := range req.Set {
		a := byID[id]
		if a == nil {
			return nil, artifact.Verifyf("the set names %s, which is not there", id)
		}
		for _, entry := range p.ByName.Of(p.nameIDs[a.Name]) {
			if e := &p.Entries[entry]; !e.installed && e.Digest == a.Files[0].SHA256 && e.Version == a.Version {
				members[entry] = a
			}
		}
	}
	return members, nil
}

// onHold reports whether a paragraph of dpkg's status says so.
func onHold(paragraph string) bool {
	words := strings.Fields(deb822.StanzaField(paragraph, "Status"))
	return len(words) > 0 && words[0] == "hold"
}
