package archive

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/parallel"
)

// A state is what a suite was at one moment: a release, and the indexes that it
// lists. Indexes of another moment have other digests, so they can't get in.
type state struct {
	release *Release
	indexes []indexJob
}

// inMotion is the error of a mirror that looks as if it were changing just now:
// what it says of itself does not fit together.
type inMotion struct{ error }

func (e *inMotion) Unwrap() error { return e.error }

// retryWaits are the pauses before a suite that is in motion is asked for again.
// Mirrors replace a suite within seconds, or keep old indexes by their digest.
var retryWaits = []time.Duration{time.Second, 3 * time.Second}

// state brings a suite in one state, from the first address that has one.
// Addresses that are behind, broken or in motion are passed over; when none is
// left and one was in motion, all are asked again, a few times.
func (c *consultation) state(ctx context.Context, src Source, s Suite) (*state, error) {
	for round := 0; ; round++ {
		var failures []error
		tried := make(map[string]bool) // digests of releases whose indexes could not be had anywhere
		moving := false
		for _, url := range src.URLs {
			st, err := c.stateAt(ctx, src, url, s, tried)
			if err == nil {
				return st, nil
			}
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			if errors.Is(err, errTried) {
				continue
			}
			var motion *inMotion
			moving = moving || errors.As(err, &motion)
			failures = append(failures, err)
		}
		err := errors.Join(failures...)
		switch {
		case !moving:
			return nil, err
		case round == len(retryWaits):
			return nil, artifact.Hint(err, "if the mirror is changing just now, type the same command again in some minutes; or list another address of the source")
		}
		wait := retryWaits[round] + rand.N(retryWaits[round]/2)
		c.log.Info("the mirror seems to be changing: asking again", "source", src.Name, "suite", s.Name, "in", wait.Round(100*time.Millisecond), "error", err)
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(wait):
		}
	}
}

var errTried = errors.New("another address has the same release")

// stateAt brings the release that one address has, and its indexes from any.
func (c *consultation) stateAt(ctx context.Context, src Source, url string, s Suite, tried map[string]bool) (*state, error) {
	r, err := fetchRelease(ctx, c.upstream, src, url, s.Name, c.now)
	if err != nil {
		return nil, err
	}
	if tried[r.digest] {
		return nil, errTried
	}
	if err := r.checkName(src); err != nil {
		return nil, err
	}
	if err := r.checkAge(src, c.previous); err != nil {
		return nil, err
	}
	st := &state{release: r, indexes: slices.Concat(indexJobs(src, s, r), furtherJobs(src, s, r), aboutJobs(src, s, r), installerJobs(src, s, r))}
	tried[r.digest] = true
	return st, c.read(ctx, st.indexes)
}

// read brings the indexes.
func (c *consultation) read(ctx context.Context, jobs []indexJob) error {
	err := parallel.Each(len(jobs), max(1, len(jobs)), func(i int) error {
		if jobs[i].files == nil {
			return nil
		}
		if jobs[i].lists == listsAbout {
			return jobs[i].wrap(c.keep(ctx, &jobs[i]))
		}
		select {
		case c.decoders <- struct{}{}:
			defer func() { <-c.decoders }()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		index, err := c.upstream.Index(ctx, jobs[i].want, jobs[i].files)
		if err == nil {
			jobs[i].Text, jobs[i].used, jobs[i].files[index.File].Content = index.Data, index.File, index.Content
		}
		return jobs[i].wrap(err)
	})
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, artifact.ErrVerify) {
		return &inMotion{err}
	}
	return err
}
