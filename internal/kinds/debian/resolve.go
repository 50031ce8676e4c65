package debian

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Resolve implements artifact.Resolver: it brings and verifies what every
// source says, and resolves one closure over all of it.
func (Kind) Resolve(ctx context.Context, req artifact.ResolveRequest) (*artifact.Resolution, error) {
	s := req.Spec.(*spec)
	sets, err := requestsOf(req.Sets)
	if err != nil {
		return nil, err
	}
	sources := s.sources
	if s.host {
		if sources, err = hostSources(ctx, req.Log); err != nil {
			return nil, err
		}
	}
	up, err := consult(ctx, req, sources)
	if err != nil {
		return nil, err
	}
	closure, err := up.solve(ctx, s, sets, req)
	if err != nil {
		return nil, err
	}
	r, err := up.pin(s, closure)
	if err != nil || s.whole {
		return r, err
	}
	warnings, err := candidateWarnings(ctx, artifact.Pins{Sources: r.Sources, Items: r.Items}, r.Sets)
	for _, warning := range warnings {
		req.Log.Warn(warning)
	}
	return r, err
}

func (up *upstream) solve(ctx context.Context, s *spec, sets map[string][]Request, req artifact.ResolveRequest) (*Closure, error) {
	pinned := make(map[string]bool, len(req.Locked))
	for i := range req.Locked {
		pinned[req.Locked[i].SHA256] = true
	}
	requests := s.packages
	for _, name := range slices.Sorted(maps.Keys(sets)) {
		requests = append(requests[:len(requests):len(requests)], sets[name]...)
	}
	if err := up.universe.addBases(s.base.files); err != nil {
		return nil, err
	}
	closure, err := up.universe.Resolve(ctx, requests, sets, Options{
		Recommends: s.recommends, Suggests: s.suggests, Exclude: s.exclude, BaseEssential: s.base.essential,
		Prefer: func(p *Package) bool { return pinned[p.SHA256] },
	})
	if err != nil {
		return nil, fmt.Errorf("debian: %w", err)
	}
	for _, warning := range closure.Warnings {
		req.Log.Warn(warning)
	}
	if s.whole {
		closure.Packages = up.universe.All()
		closure.Requested = closure.Packages
	}
	return closure, nil
}

// requestsOf reads what each set asks for.
func requestsOf(sections map[string]artifact.Section) (map[string][]Request, error) {
	sets := make(map[string][]Request, len(sections))
	for _, name := range slices.Sorted(maps.Keys(sections)) {
		requests, err := parseRequests(sections[name])
		if err != nil {
			return nil, err
		}
		sets[name] = requests
	}
	return sets, nil
}
