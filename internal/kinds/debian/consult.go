package debian

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/minimirror/minimirror/internal/artifact"
)

// An upstream is what the sources say, verified.
type upstream struct {
	sources  []source
	releases [][]*release // by source, then suite
	indexes  []indexJob
}

// A consultation asks the sources what they have.
type consultation struct {
	upstream artifact.Upstream
	previous []artifact.Source
	now      time.Time
	log      *slog.Logger
	decoders chan struct{} // one slot for each index that is decoded at a time
}

const (
	parallelSuites   = 8
	parallelDecoders = 4
)

// consult fetches the releases and indexes of all sources. The order in which
// answers arrive has no influence on the result, nor on the error.
func consult(ctx context.Context, req artifact.ResolveRequest, sources []source) (*upstream, error) {
	c := &consultation{upstream: req.Upstream, previous: req.Previous.Sources, now: req.Now, log: req.Log, decoders: make(chan struct{}, parallelDecoders)}
	up := &upstream{sources: sources, releases: make([][]*release, len(sources))}
	type place struct{ source, suite int }
	var places []place
	for i := range sources {
		up.releases[i] = make([]*release, len(sources[i].suites))
		for j := range sources[i].suites {
			places = append(places, place{i, j})
		}
	}
	states := make([]*state, len(places))
	err := each(len(places), parallelSuites, func(at int) (err error) {
		src := sources[places[at].source]
		suite := src.suites[places[at].suite]
		if states[at], err = c.state(ctx, src, suite); err != nil {
			return fmt.Errorf("debian: source %s: suite %s: %w", src.name, suite.name, err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for at, st := range states {
		up.releases[places[at].source][places[at].suite] = st.release
		up.indexes = append(up.indexes, st.indexes...)
	}
	if err := up.checkIndexes(); err != nil {
		return nil, err
	}
	up.warnOfReleases(c)
	up.warnOfKeys(c)
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
