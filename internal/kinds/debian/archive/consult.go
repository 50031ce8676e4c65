// Package archive asks upstream archives what they offer. It parses the sources of a definition, fetches each suite's Release from
// one of its addresses, verifies its signature and its dates, and fetches the Packages indexes that it lists, all of one moment. What
// upstream signed is kept as proofs, so that Verify can follow every package to a signature later, without the network.
//
// Consult returns an Upstream, whose indexes package resolver reads. Nothing here chooses packages.
package archive

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/parallel"
)

// An Upstream is what the sources say, verified.
type Upstream struct {
	Sources  []Source
	releases [][]*Release // by source, then suite
	Indexes  []indexJob
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

// Consult fetches the releases and indexes of all sources. The order in which
// answers arrive has no influence on the result, nor on the error.
func Consult(ctx context.Context, req artifact.ResolveRequest, sources []Source) (*Upstream, error) {
	c := &consultation{upstream: req.Upstream, previous: req.Previous.Sources, now: req.Now, log: req.Log, decoders: make(chan struct{}, parallelDecoders)}
	up := &Upstream{Sources: sources, releases: make([][]*Release, len(sources))}
	type place struct{ source, suite int }
	var places []place
	for i := range sources {
		up.releases[i] = make([]*Release, len(sources[i].Suites))
		for j := range sources[i].Suites {
			places = append(places, place{i, j})
		}
	}
	for i := range sources {
		if sources[i].Own() && !sources[i].chosen {
			sources[i].Architectures = Architectures(slices.DeleteFunc(slices.Clone(sources), func(s Source) bool { return s.Own() && !s.chosen }))
		}
	}
	states := make([]*state, len(places))
	err := parallel.Each(len(places), parallelSuites, func(at int) (err error) {
		if own := &sources[places[at].source]; own.Own() {
			if states[at], err = c.own(ctx, own); err != nil {
				return fmt.Errorf("debian: source %s: %w", own.Name, err)
			}
			return nil
		}
		src := sources[places[at].source]
		suite := src.Suites[places[at].suite]
		if states[at], err = c.state(ctx, src, suite); err != nil {
			return fmt.Errorf("debian: source %s: suite %s: %w", src.Name, suite.Name, err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for at, st := range states {
		up.releases[places[at].source][places[at].suite] = st.release
		up.Indexes = append(up.Indexes, st.indexes...)
	}
	if err := up.checkIndexes(); err != nil {
		return nil, err
	}
	up.warnOfReleases(c)
	up.warnOfKeys(c)
	return up, nil
}

// Architectures are those of all sources, each once, in the definition's order.
func Architectures(sources []Source) []string {
	var all []string
	for _, s := range sources {
		for _, a := range s.Architectures {
			if !slices.Contains(all, a) {
				all = append(all, a)
			}
		}
	}
	return all
}
