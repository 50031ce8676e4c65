package bootstrap

import (
	"context"
	"fmt"
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/catalog"
	"github.com/minimirror/minimirror/internal/osrelease"
)

// Systems are the systems that the sources of an image are for, if its definition has several.
func Systems(kinds []artifact.Kind, sources []artifact.Source) (systems []artifact.System) {
	for _, kind := range kinds {
		namer, able := artifact.Able[artifact.SystemNamer](kind)
		if !able {
			continue
		}
		var own []artifact.Source
		for _, s := range sources {
			if s.Kind == kind.Name() {
				own = append(own, s)
			}
		}
		for _, add := range namer.Systems(own) {
			if at := slices.IndexFunc(systems, func(s artifact.System) bool { return s.Name == add.Name }); at >= 0 {
				systems[at].Words = slices.Concat(systems[at].Words, add.Words)
			} else {
				systems = append(systems, add)
			}
		}
	}
	return systems
}

// FindSystem finds the system that the request is for, like System. A request for items that belong to no system needs none.
func (req *Request) FindSystem(ctx context.Context, r *image.Reader, kinds []artifact.Kind, root, wanted string) (err error) {
	if wanted == "" {
		if distinguishes, err := req.distinguishes(ctx, r, kinds); err != nil || !distinguishes {
			return err
		}
	}
	req.System, err = System(ctx, r, kinds, root, wanted)
	return err
}

// distinguishes reports whether what is requested differs between systems: the set, or a kind of one of the names.
func (req *Request) distinguishes(ctx context.Context, r *image.Reader, kinds []artifact.Kind) (bool, error) {
	if slices.ContainsFunc(r.Sets, func(s catalog.SetSummary) bool { return s.Name == req.Set && s.System != "" }) {
		return true, nil
	}
	sources, err := r.Sources(ctx)
	if err != nil {
		return false, err
	}
	if kinds, err = carried(ctx, r, kinds); err != nil {
		return false, err
	}
	names, err := sortNames(ctx, r, kinds, req.Names)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(sources, func(s artifact.Source) bool { return s.System != "" && len(names[s.Kind]) > 0 }), nil
}

// System is the system of the image that the node below root runs; wanted, if it is not empty, selects one by name. If the image
// does not distinguish systems, it is empty.
func System(ctx context.Context, r *image.Reader, kinds []artifact.Kind, root, wanted string) (string, error) {
	sources, err := r.Sources(ctx)
	if err != nil {
		return "", err
	}
	systems := Systems(kinds, sources)
	switch {
	case wanted != "" && len(systems) == 0:
		return "", fmt.Errorf("the image is not divided into systems: leave out --system")
	case len(systems) == 0:
		return "", nil
	case wanted != "":
		if !slices.ContainsFunc(systems, func(s artifact.System) bool { return s.Name == wanted }) {
			return "", artifact.Hint(fmt.Errorf("the image has nothing for a system %q", wanted), "it is for %s", osrelease.List(systems))
		}
		return wanted, nil
	}
	release, err := osrelease.Read(root)
	if err != nil {
		return "", err
	}
	name, err := release.Pick(systems)
	if err != nil {
		return "", artifact.Hint(err, "choose the system of the node with --system, for example --system %s", systems[0].Name)
	}
	return name, nil
}
