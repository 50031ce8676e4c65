package debian

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Resolve implements artifact.Resolver: it brings and verifies what every
// source says, and resolves one closure over all of it.
func (Kind) Resolve(ctx context.Context, req artifact.ResolveRequest) (*artifact.Resolution, error) {
	s := req.Spec.(*spec)
	sets := make(map[string][]Request)
	for name, section := range req.Sets {
		requests, err := parseRequests(section)
		if err != nil {
			return nil, err
		}
		sets[name] = requests
	}
	sources := s.sources
	if s.host {
		var err error
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
	return up.pin(closure)
}

// An upstream is what the sources say, verified.
type upstream struct {
	sources  []source
	releases [][]*release // by source, then suite
	universe *Universe
}

// consult fetches the releases and indexes of all sources. The order in which
// answers arrive has no influence on the result, nor on the error.
func consult(ctx context.Context, req artifact.ResolveRequest, sources []source) (*upstream, error) {
	up := &upstream{sources: sources, releases: make([][]*release, len(sources)), universe: NewUniverse(architectures(sources)...)}
	type place struct{ source, suite int }
	var places []place
	for i := range sources {
		up.releases[i] = make([]*release, len(sources[i].suites))
		for j := range sources[i].suites {
			places = append(places, place{i, j})
		}
	}
	jobs := make([][]indexJob, len(places))
	err := each(len(places), 8, func(at int) (err error) {
		src := sources[places[at].source]
		suite := src.suites[places[at].suite]
		r, err := fetchRelease(ctx, req.Upstream, src, suite.name, req.Now)
		if err != nil {
			return fmt.Errorf("debian: source %s: suite %s: %w", src.name, suite.name, err)
		}
		if !r.isOf(suite.name) {
			req.Log.Warn("the release is of another suite", "url", r.url, "asked", suite.name, "suite", r.header.get("Suite"), "codename", r.header.get("Codename"))
		}
		up.releases[places[at].source][places[at].suite] = r
		jobs[at], err = indexJobs(src, suite, r)
		return err
	})
	if err != nil {
		return nil, err
	}
	all := slices.Concat(jobs...)
	err = each(len(all), 4, func(i int) (err error) {
		all[i].text, err = req.Upstream.Index(ctx, all[i].want, all[i].files)
		return all[i].wrap(err)
	})
	if err != nil {
		return nil, err
	}
	for i := range all {
		if err := up.universe.Add(all[i].origin, all[i].text); err != nil {
			return nil, all[i].wrap(err)
		}
	}
	return up, nil
}

// each calls f for 0 … n-1, some at a time, and returns all errors in that order.
func each(n, parallel int, f func(i int) error) error {
	failures := make([]error, n)
	var group errgroup.Group
	group.SetLimit(parallel)
	for i := range n {
		group.Go(func() error {
			failures[i] = f(i)
			return nil
		})
	}
	group.Wait()
	return errors.Join(failures...)
}

// architectures are those of all sources, each once, in the definition's order.
func architectures(sources []source) []string {
	var all []string
	for _, s := range sources {
		for _, a := range s.architectures {
			if !slices.Contains(all, a) {
				all = append(all, a)
			}
		}
	}
	return all
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
	closure, err := up.universe.Resolve(ctx, requests, sets, Options{
		Recommends: s.recommends,
		Prefer:     func(p *Package) bool { return pinned[p.SHA256] },
	})
	if err != nil {
		return nil, fmt.Errorf("debian: %w", err)
	}
	for _, warning := range closure.Warnings {
		req.Log.Warn(warning)
	}
	if s.whole {
		closure.Packages = up.universe.All()
	}
	return closure, nil
}

// pin turns the closure into pins.
func (up *upstream) pin(closure *Closure) (*artifact.Resolution, error) {
	result := &artifact.Resolution{}
	bySource := make(map[string]*source)
	for i := range up.sources {
		src := &up.sources[i]
		bySource[src.name] = src
		pinned := artifact.Source{Kind: Kind{}.Name(), Name: src.name, URLs: src.urls}
		for j, r := range up.releases[i] {
			pinned.Releases = append(pinned.Releases, artifact.Release{
				Name: r.suite, Date: r.date, URL: r.url, SHA256: r.digest, SignedBy: r.signers,
				Metadata: r.metadata(src.suites[j].components, src.architectures)})
		}
		sortReleases(pinned.Releases)
		result.Sources = append(result.Sources, pinned)
	}
	paths := make(map[string]string) // ID → SHA-256
	ids := make(map[*Package]string)
	for _, p := range closure.Packages {
		a, err := pinPackage(p, bySource[p.Origins[0].Source])
		if err != nil {
			return nil, err
		}
		// Two versions that differ only in their epoch have the same file name.
		if other, taken := paths[a.ID()]; taken && other != a.SHA256 {
			a.Path = path.Join(path.Dir(a.Path), a.SHA256[:16], path.Base(a.Path))
		}
		paths[a.ID()] = a.SHA256
		ids[p] = a.ID()
		result.Artifacts = append(result.Artifacts, a)
	}
	for _, name := range slices.Sorted(maps.Keys(closure.Sets)) {
		set := artifact.Set{Name: name, Artifacts: []string{}}
		for _, p := range closure.Sets[name] {
			set.Artifacts = append(set.Artifacts, ids[p])
		}
		slices.Sort(set.Artifacts)
		result.Sets = append(result.Sets, set)
	}
	return result, nil
}

const maxPackage = 1 << 40 // bytes

// pinPackage pins a package to the first source that has it.
func pinPackage(p *Package, src *source) (artifact.Artifact, error) {
	file := path.Clean(p.Filename)
	a := artifact.Artifact{
		Kind: Kind{}.Name(), Source: src.name, Name: p.Name, Version: p.Version, Architecture: p.Architecture,
		Size: p.Size, SHA256: p.SHA256, Path: file, URLs: src.addresses(file), Metadata: stanzaOf(p.Stanza(0)),
	}
	switch {
	case !artifact.ValidPath(file), file == "dists", strings.HasPrefix(file, "dists/"):
		return a, fmt.Errorf("debian: source %s: %s: invalid Filename %q", src.name, &a, p.Filename)
	case p.Size > maxPackage:
		return a, artifact.Verifyf("debian: source %s: %s: a size of %d bytes can't be meant", src.name, &a, p.Size)
	case !artifact.ValidSHA256(p.SHA256):
		return a, artifact.Verifyf("debian: source %s: %s: the index names no SHA256 digest", src.name, &a)
	}
	for _, o := range p.Origins {
		if c := channel(o.Suite, o.Component); o.Source == src.name && !slices.Contains(a.Channels, c) {
			a.Channels = append(a.Channels, c)
		}
	}
	slices.Sort(a.Channels)
	return a, nil
}
