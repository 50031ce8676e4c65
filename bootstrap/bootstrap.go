// Package bootstrap takes artifacts straight out of an image and installs them on
// the machine that it runs on, before that has a container runtime:
//
//	reference ──image.Reader──▶ catalog ──Select──▶ plan ──Extract──▶ files ──Install──▶ node
//
// It reads only what the plan needs. An image is data from elsewhere: nothing is
// handed on before its SHA-256 agrees with the catalog, and nothing is written
// outside the folder that it is told.
package bootstrap

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
)

// A Request says what a node shall have.
type Request struct {
	Set   string   // a set of the image; may be empty
	Names []string // and these, with all that they need
	Root  string   // of the node: "/", or a folder; empty: a bare node of Architecture
	// Architecture of a bare node, in the kind's words.
	Architecture string
}

// A Plan is what has to be read and installed for a Request.
type Plan struct {
	*artifact.InstallPlan
	Title string // for people
	kind  artifact.Kind
	files map[string]image.File // of the items, by path
}

// Size is the bytes of all that the plan installs, and Count how many items there are.
func (p *Plan) Size() (size int64) {
	for _, i := range p.items() {
		size += i.Size()
	}
	return size
}

func (p *Plan) items() []*artifact.Item { return slices.Concat(p.Steps...) }

// Count is the number of items that the plan installs.
func (p *Plan) Count() int { return len(p.items()) }

// Select plans a request with what the image offers. It reads of the catalog what
// the request touches.
func Select(ctx context.Context, r *image.Reader, kind artifact.Kind, req Request) (*Plan, error) {
	p := &Plan{Title: req.Set, kind: kind, files: make(map[string]image.File)}
	install := artifact.InstallRequest{Root: req.Root, Architecture: req.Architecture, Names: req.Names}
	if req.Root != "" {
		var err error
		if install.Architecture, err = kind.NodeArchitecture(req.Root); err != nil {
			return nil, err
		}
	}
	var names []string
	if req.Set != "" {
		members, err := r.Set(ctx, req.Set, install.Architecture)
		if err != nil {
			return nil, err
		}
		for _, m := range members {
			names = append(names, m.Name)
			install.Set = append(install.Set, m.ID())
		}
		for _, s := range r.Sets {
			if s.Name == req.Set && s.Architecture == install.Architecture {
				install.Requested = s.Requested
			}
		}
	}
	for _, request := range req.Names {
		name, err := kind.NameOf(request)
		if err != nil {
			return nil, err
		}
		names = append(names, name)
		if p.Title == "" {
			p.Title = name
		}
	}
	found, err := follow(ctx, r, kind, names, len(req.Names) > 0)
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
	if p.InstallPlan, err = kind.PlanInstall(ctx, install); err == nil {
		return p, nil
	}
	if req.Set != "" {
		return nil, fmt.Errorf("set %s: %w", req.Set, err)
	}
	for _, name := range names {
		if len(found[name]) == 0 {
			return nil, artifact.Hint(err, "the image does not carry %s: add it to the definition, and build the image anew", name)
		}
	}
	return nil, err
}

// follow finds artifacts by name, and if closure is set all that they may need.
func follow(ctx context.Context, r *image.Reader, kind artifact.Kind, names []string, closure bool) (map[string][]image.Record, error) {
	found, asked := make(map[string][]image.Record), make(map[string]bool)
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
		records, aliases, err := r.Find(ctx, kind.Name(), ask)
		if err != nil {
			return nil, err
		}
		for name, list := range records {
			found[name] = list
			for i := range list {
				if closure {
					names = append(names, kind.Needs(&list[i].Item)...)
				}
			}
		}
		for _, of := range aliases {
			names = append(names, of...)
		}
	}
	return found, nil
}
