package server

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/rules"
	"github.com/minimirror/minimirror/server/watch"
)

// readRules reads the file of rules.
func (s *Server) readRules() (*rules.Rules, watch.State, error) {
	data, state, err := watch.Read(s.rulesFile)
	if err != nil {
		return nil, state, err
	}
	r, err := rules.Parse(filepath.Base(s.rulesFile), data, s.ruleKinds())
	return r, state, err
}

func (s *Server) ruleKinds() (kinds []rules.Kind) {
	for _, m := range s.mounts {
		kinds = append(kinds, m.kind)
	}
	return kinds
}

// Reload reads the rules anew. When they are wrong, those before stay in force, and the error says what
// is wrong, which is logged, too, unless there were none before. What has begun goes on under the rules that it began with.
func (s *Server) Reload(ctx context.Context) error {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	err := s.reload(ctx)
	s.reloads.note(err)
	if err != nil && s.view.Load() != nil {
		s.log.Error("the rules cannot be used; those before stay in force", "file", s.rulesFile, "error", err)
	}
	return err
}

func (s *Server) reload(ctx context.Context) error {
	var r *rules.Rules
	var state watch.State
	if s.rulesFile != "" {
		var err error
		if r, state, err = s.readRules(); err != nil {
			s.seen = state
			return err
		}
	}
	s.seen = state
	last := s.view.Load()
	v, err := s.newView(ctx, r, last)
	if err != nil {
		return err
	}
	s.view.Store(v)
	if last != nil {
		last.end()
	}
	s.logRules(v)
	return nil
}

// logRules says what is in force, and what clients will run into.
func (s *Server) logRules(v *view) {
	if v.table == nil {
		return
	}
	allowed, denied, conditional := v.table.Counts()
	s.log.Info("rules in force", "file", s.rulesFile, "rules", v.rules.Len(), "allowed", allowed, "denied", denied, "conditional", conditional)
	if denied > 0 && s.signer == nil {
		s.log.Warn("denied items stay in the indexes, so clients choose them and then fail: give the key that signs the repository with --sign-key")
	}
	if conditional > 0 {
		s.log.Warn("rules about clients and times cannot shape the indexes: a client that is denied chooses an item and then fails", "artifacts", conditional)
	}
	if denied > 0 {
		for _, source := range s.image.Catalog.Sources {
			if source.ServeUpstream {
				s.log.Warn("what upstream signed is served unchanged, with what is denied: its clients fail at the download", "source", source.Name)
			}
		}
	}
}

// watch reloads the rules when their file has changed and then stayed the same for a while:
// many programs write a file in several steps.
func (s *Server) watch(ctx context.Context) {
	tick := time.NewTicker(watch.Every)
	defer tick.Stop()
	var pending watch.State
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		s.reloading.Lock()
		state, _ := watch.StateOf(s.rulesFile) // an error is a state, too
		next := s.view.Load().next
		same := state == s.seen && (next.IsZero() || time.Now().Before(next))
		due := state == s.seen
		s.reloading.Unlock()
		switch {
		case same:
		case !due && state != pending:
			pending = state
		default:
			_ = s.Reload(ctx) // it has been said
		}
	}
}

// hintRules says what to do about rules that are wrong at the start.
func hintRules(err error, file string) error {
	var hinted *artifact.HintError
	if errors.As(err, &hinted) || errors.Is(err, os.ErrNotExist) {
		return err
	}
	return artifact.Hint(err, "look at it with: minimirror rules check %s REFERENCE", file)
}
