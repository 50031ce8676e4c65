// Package bootstrap extracts items directly from an image and installs them on
// the local machine, before it has a container runtime:
//
//	reference ──image.Reader──▶ catalog ──Select──▶ plan ──Extract──▶ files ──Install──▶ node
//
// It reads only what the plan needs. An image is untrusted input: the package checks
// every SHA-256 against the catalog before it passes a file on, and writes nothing
// outside the given folder.
package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/catalog"
)

// A Request says what to install on a node.
type Request struct {
	Set   string   // a set of the image; may be empty
	Names []string // and these, with all that they need, in the words of any kind
	Root  string   // of the node: "/", or a folder; empty: a bare node of Architecture
	// Architecture of a bare node, in the kinds' notation.
	Architecture string
	// System of the node, as System finds it: items for other systems are left out. Empty: the image does not distinguish systems.
	System string
}

// A Plan is what has to be read and installed for a Request.
type Plan struct {
	Title        string                  // for people
	Architecture string                  // of the node
	Parts        []Part                  // in the order in which they are installed
	files        map[string]catalog.File // of the items, by path
	foreign      map[string]bool         // names of sources for other systems
}

// A Part is the part of a plan for one kind.
type Part struct {
	*artifact.InstallPlan
	Kind      string
	installer artifact.Installer
}

// Steps are those of all kinds, in order.
func (p *Plan) Steps() (steps [][]*artifact.Item) {
	for _, part := range p.Parts {
		steps = append(steps, part.Steps...)
	}
	return steps
}

// Present lists requested items that are already installed, of all kinds.
func (p *Plan) Present() (names []string) {
	for _, part := range p.Parts {
		names = append(names, part.Present...)
	}
	return names
}

// Skipped lists what the set has for other machines only.
func (p *Plan) Skipped() (names []string) {
	for _, part := range p.Parts {
		names = append(names, part.Skipped...)
	}
	return names
}

// Removed lists what is removed because something replaces it.
func (p *Plan) Removed() (removed []artifact.Removal) {
	for _, part := range p.Parts {
		removed = append(removed, part.Removed...)
	}
	return removed
}

// Size is the size in bytes of all files that the plan installs.
func (p *Plan) Size() (size int64) {
	for _, f := range p.wanted() {
		size += f.Size
	}
	return size
}

func (p *Plan) items() []*artifact.Item { return slices.Concat(p.Steps()...) }

// Count is the number of items that the plan installs.
func (p *Plan) Count() int { return len(p.items()) }

// NodeArchitecture is the architecture of the system below root, as the first kind of the image that can tell names it.
func NodeArchitecture(ctx context.Context, r *image.Reader, kinds []artifact.Kind, root string) (string, error) {
	kinds, err := carried(ctx, r, kinds)
	if err != nil {
		return "", err
	}
	return nodeArchitecture(kinds, root)
}

// carried are the kinds for which the image has sources; for an image without sources, all kinds.
func carried(ctx context.Context, r *image.Reader, kinds []artifact.Kind) (has []artifact.Kind, err error) {
	sources, err := r.Sources(ctx)
	if err != nil {
		return nil, err
	}
	for _, kind := range kinds {
		if slices.ContainsFunc(sources, func(s artifact.Source) bool { return s.Kind == kind.Name() }) {
			has = append(has, kind)
		}
	}
	if has == nil {
		return kinds, nil
	}
	return has, nil
}

func nodeArchitecture(kinds []artifact.Kind, root string) (string, error) {
	var first error
	for _, kind := range kinds {
		installer, able := artifact.Able[artifact.Installer](kind)
		if !able {
			continue
		}
		architecture, err := installer.NodeArchitecture(root)
		if err == nil && architecture != artifact.AnyArchitecture {
			return architecture, nil
		}
		if first == nil {
			first = err
		}
	}
	return artifact.AnyArchitecture, first
}

// Select plans a request with the items of the image. It reads only the parts of the catalog that
// the request needs.
func Select(ctx context.Context, r *image.Reader, kinds []artifact.Kind, req Request) (*Plan, error) {
	p := &Plan{Title: req.Set, Architecture: req.Architecture, files: make(map[string]catalog.File)}
	kinds, err := carried(ctx, r, kinds)
	if err != nil {
		return nil, err
	}
	sources, err := r.Sources(ctx)
	if err != nil {
		return nil, err
	}
	p.foreign = make(map[string]bool)
	for _, s := range sources {
		p.foreign[s.Name] = s.System != "" && s.System != req.System
	}
	if req.Root != "" {
		if p.Architecture, err = nodeArchitecture(kinds, req.Root); err != nil {
			return nil, err
		}
	}
	var members []catalog.Record
	var requested []string
	if req.Set != "" {
		if members, requested, err = setOf(ctx, r, req.Set, p.Architecture, req.System); err != nil {
			return nil, err
		}
	}
	names, err := sortNames(ctx, r, kinds, req.Names)
	if err != nil {
		return nil, err
	}
	if p.Title == "" && len(req.Names) > 0 {
		p.Title = req.Names[0]
	}
	for _, kind := range kinds {
		install := artifact.InstallRequest{Root: req.Root, Architecture: p.Architecture, Names: names[kind.Name()], Requested: requested}
		var wanted []string
		for _, m := range members {
			if m.Kind == kind.Name() {
				wanted = append(wanted, m.Name)
				install.Set = append(install.Set, m.ID())
			}
		}
		if len(install.Set)+len(install.Names) == 0 {
			continue
		}
		installer, err := artifact.Need[artifact.Installer](kind, "be installed on nodes")
		if err != nil {
			return nil, err
		}
		part, err := p.part(ctx, r, kind.Name(), installer, install, wanted)
		if err != nil && req.Set != "" {
			err = fmt.Errorf("set %s: %w", req.Set, err)
		}
		if err != nil {
			return nil, err
		}
		p.Parts = append(p.Parts, Part{part, kind.Name(), installer})
	}
	return p, nil
}

// setOf finds a set for the architecture, or for any, and for the system, or for any.
func setOf(ctx context.Context, r *image.Reader, name, architecture, system string) (members []catalog.Record, requested []string, err error) {
	nodes := nodesOf(r, name, architecture, system)
	if members, err = r.Set(ctx, name, nodes); err != nil {
		return nil, nil, err
	}
	for _, s := range r.Sets {
		if s.Name == name && s.Nodes() == nodes {
			requested = s.Requested
		}
	}
	return members, requested, nil
}

// nodesOf finds which of the sets with a name is for a node, as artifact.Set.Nodes says. Builds merge sets for any architecture
// or system into the specific ones, if there are any.
func nodesOf(r *image.Reader, name, architecture, system string) string {
	wanted := artifact.Set{Architecture: architecture, System: system}
	for _, s := range r.Sets {
		fits := (s.Architecture == architecture || s.Architecture == artifact.AnyArchitecture) && (s.System == system || s.System == "")
		if s.Name == name && fits {
			return s.Nodes()
		}
	}
	return wanted.Nodes()
}

// sortNames assigns each request to the first kind that carries it, or else to the first that can parse it. It is an error
// if only a kind that cannot install carries it.
func sortNames(ctx context.Context, r *image.Reader, kinds []artifact.Kind, requests []string) (map[string][]string, error) {
	sorted := make(map[string][]string)
	for _, request := range requests {
		kind, err := kindOf(ctx, r, kinds, request)
		if err != nil {
			return nil, err
		}
		sorted[kind] = append(sorted[kind], request)
	}
	return sorted, nil
}

// kindOf finds the kind that installs the request.
func kindOf(ctx context.Context, r *image.Reader, kinds []artifact.Kind, request string) (understands string, err error) {
	var failure, unable error
	for _, kind := range kinds {
		name := request
		installer, lacks := artifact.Need[artifact.Installer](kind, "be installed on nodes")
		if lacks == nil {
			if name, err = installer.NameOf(request); err != nil {
				failure = errors.Join(failure, err)
				continue
			}
		}
		records, aliases, err := r.Find(ctx, kind.Name(), []string{name})
		if err != nil {
			return "", err
		}
		switch carried := len(records)+len(aliases) > 0; {
		case carried && lacks == nil:
			return kind.Name(), nil
		case carried:
			unable = errors.Join(unable, fmt.Errorf("%s: %w", request, lacks))
		case lacks == nil && understands == "":
			understands = kind.Name()
		}
	}
	switch {
	case unable != nil:
		return "", unable
	case understands == "" && failure == nil:
		return "", fmt.Errorf("%s: the image has no kind that can be installed on nodes", request)
	case understands == "":
		return "", failure
	}
	return understands, nil
}

// part plans what one kind installs. wanted are names of the set's members.
func (p *Plan) part(ctx context.Context, r *image.Reader, kind string, installer artifact.Installer, install artifact.InstallRequest, wanted []string) (*artifact.InstallPlan, error) {
	for _, request := range install.Names {
		name, err := installer.NameOf(request)
		if err != nil {
			return nil, err
		}
		wanted = append(wanted, name)
	}
	found, err := p.follow(ctx, r, kind, installer, wanted, len(install.Names) > 0)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		for _, record := range found[name] {
			install.Pins.Items = append(install.Pins.Items, record.Item)
			for _, file := range record.Stored() {
				p.files[file.Path] = file
			}
		}
	}
	plan, err := installer.PlanInstall(ctx, install)
	if err == nil {
		return plan, nil
	}
	for _, name := range wanted {
		if len(found[name]) == 0 {
			return nil, artifact.Hint(err, "the image does not carry %s: add it to the definition, and build the image again", name)
		}
	}
	return nil, err
}

// follow finds items by name and, if closure is set, their dependencies. It leaves out items for other systems.
func (p *Plan) follow(ctx context.Context, r *image.Reader, kind string, needer artifact.Needer, names []string, closure bool) (map[string][]catalog.Record, error) {
	found, asked := make(map[string][]catalog.Record), make(map[string]bool)
	for len(names) > 0 {
		var ask []string
		for _, name := range names {
			if !asked[name] {
				asked[name] = true
				ask = append(ask, name)
			}
		}
		slices.Sort(ask)
		names = nil
		if len(ask) == 0 {
			break
		}
		records, aliases, err := r.Find(ctx, kind, ask)
		if err != nil {
			return nil, err
		}
		for name, list := range records {
			list = slices.DeleteFunc(list, func(r catalog.Record) bool { return p.foreign[r.Source] })
			found[name] = list
			for i := range list {
				if closure {
					names = append(names, needer.Needs(&list[i].Item)...)
				}
			}
		}
		for _, of := range aliases {
			names = append(names, of...)
		}
	}
	return found, nil
}
