package debian

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/minimirror/minimirror/internal/artifact"
)

// An upstream is what the sources say, verified.
type upstream struct {
	sources  []source
	releases [][]*release // by source, then suite
	indexes  []indexJob
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
		all[i].text, all[i].used, err = req.Upstream.Index(ctx, all[i].want, all[i].files)
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
	up.indexes = all
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
