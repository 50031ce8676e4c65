package pypi

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/pypi/pep440"
	"github.com/minimirror/minimirror/internal/kinds/pypi/pep508"
	"github.com/minimirror/minimirror/internal/kinds/pypi/resolver"
	"github.com/minimirror/minimirror/internal/kinds/pypi/simple"
)

// solve finds the distributions for a target.
func (r *sourceResolver) solve(ctx context.Context, t *target, roots []root) (map[string]*dist, error) {
	problem := resolver.Problem{Index: &targetIndex{r, t}, Target: t.Target, Constraints: r.limits, Pre: r.pre, Previous: r.locked(t)}
	for _, root := range roots {
		problem.Requirements = append(problem.Requirements, resolver.Root{Requirement: root.Requirement, Where: root.where})
	}
	solution, err := resolver.Resolve(ctx, problem)
	if err != nil {
		return nil, err
	}
	for _, warning := range solution.Warnings {
		r.req.Log.Warn(warning, "target", t.name)
	}
	chosen := make(map[string]*dist, len(solution.Pins))
	for _, pin := range solution.Pins {
		chosen[pin.Project] = pin.Files[0].Data.(*dist)
	}
	return chosen, nil
}

// tools finds the distributions that build another. Files of requirements do not restrict them: pip does not check their digests either.
func (r *sourceResolver) tools(ctx context.Context, t *target, roots []root) (map[string]*dist, error) {
	free := *r
	free.hashes, free.limits = hashes{}, nil
	return free.solve(ctx, t, roots)
}

// locked are the versions of the previous lock that are kept if they still fit.
func (r *sourceResolver) locked(t *target) map[string]pep440.Version {
	versions := make(map[string]pep440.Version)
	for i := range r.req.Locked {
		item := &r.req.Locked[i]
		for _, name := range item.Attributes.Values(attributeTarget) {
			if v, err := pep440.Parse(item.Version); err == nil && item.Source == r.source.name && name == t.name {
				versions[item.Name] = v
			}
		}
	}
	return versions
}

// A targetIndex is what the indexes of a source have for a target.
type targetIndex struct {
	*sourceResolver
	target *target
}

// Versions implements resolver.Index.
func (x *targetIndex) Versions(ctx context.Context, project string) ([]*resolver.Candidate, error) {
	all, err := x.offers.candidates(ctx, project, x.target)
	if err != nil {
		return nil, err
	}
	for _, c := range all {
		had := len(c.Files)
		c.Files = slices.DeleteFunc(c.Files, func(f *resolver.File) bool { return !x.hashes.permits(project, f.Data.(*dist).SHA256) })
		if had > 0 && len(c.Files) == 0 {
			c.Unusable = "has no file with a digest that is listed"
			if x.hashes.of[project] == nil {
				c.Unusable = "is not listed in " + x.hashes.needed + ", which has digests, and so must list all that is needed"
			}
		}
	}
	return all, nil
}

// Dependencies implements resolver.Index. Metadata that is not what the index or the file's name says is an error; metadata that cannot be
// used excludes the version, as in installers.
func (x *targetIndex) Dependencies(ctx context.Context, c *resolver.Candidate) (d resolver.Dependencies, err error) {
	s, err := x.offers.metadata(ctx, c.Files[0].Data.(*dist))
	if errors.Is(err, simple.ErrUnreadable) {
		err = fmt.Errorf("%w: %w", resolver.ErrUnusable, err)
	}
	if err != nil {
		return d, err
	}
	if d.RequiresPython, err = pep440.ParseSpecifiers(s.RequiresPython); err != nil {
		return d, fmt.Errorf("%w: Requires-Python: %w", resolver.ErrUnusable, plain(err))
	}
	for _, text := range s.RequiresDist {
		q, err := pep508.ParseRequirement(text)
		if err != nil {
			return d, fmt.Errorf("%w: Requires-Dist: %w", resolver.ErrUnusable, plain(err))
		}
		d.Requires = append(d.Requires, q)
	}
	for _, extra := range s.ProvidesExtra {
		d.Extras = append(d.Extras, pep508.NormalizeName(extra))
	}
	return d, nil
}

// plain is an error without its hint, which is for those who wrote the text.
func plain(err error) error {
	var hinted *artifact.HintError
	if errors.As(err, &hinted) {
		return hinted.Err
	}
	return err
}

// build takes what builds the source distributions that were chosen for a target. Each is built in an environment of its own (PEP 517), so that the tools
// of one do not restrict those of another. It returns the IDs of the tools, by project.
func (r *sourceResolver) build(ctx context.Context, t *target, chosen map[string]*dist) (map[string][]string, error) {
	tools := make(map[string][]string)
	for _, name := range slices.Sorted(maps.Keys(chosen)) {
		d := chosen[name]
		if d.Dist.IsWheel() {
			continue
		}
		s, err := r.offers.metadata(ctx, d)
		if err != nil {
			return nil, err
		}
		var roots []root
		for _, text := range s.Build {
			q, err := pep508.ParseRequirement(text)
			if err != nil {
				return nil, fmt.Errorf("%s: what builds it: %w", d.Name, plain(err))
			}
			roots = append(roots, root{q, byBuild + name, "the build of " + d.Name})
		}
		of, err := r.tools(ctx, t, roots)
		if err != nil {
			return nil, fmt.Errorf("what builds %s: %w", d.Name, err)
		}
		w, err := r.walk(ctx, t, roots, of)
		if err != nil {
			return nil, err
		}
		for tool, by := range w.by {
			if !of[tool].Dist.IsWheel() {
				return nil, artifact.Hint(fmt.Errorf("%s is built with %s, which is a source distribution", d.Name, tool), "leave %s out of sdist, so that a version with a wheel is chosen", tool)
			}
			for _, b := range by {
				r.want(of[tool]).by[b] = true
			}
			tools[name] = append(tools[name], r.id(of[tool]))
		}
	}
	return tools, nil
}
