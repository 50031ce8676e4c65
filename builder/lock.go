package builder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/lockfile"
)

// A Locker makes locks.
type Locker struct {
	Kinds    []artifact.Kind
	Upstream artifact.Upstream
	Now      time.Time // for the validity of what upstream signs
	Log      *slog.Logger
}

// Lock resolves the definition against upstream and writes its lock. Pins of the
// lock before are kept where upstream still has them, unless update is set.
// changed is false when the lock was right already; its file is then untouched.
func (l *Locker) Lock(ctx context.Context, d *Definition, update bool) (lock *lockfile.Lock, changed bool, err error) {
	previous, _, err := lockfile.Read(d.LockFile())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, false, err
	}
	lock = &lockfile.Lock{Format: lockfile.Format, Name: d.Name, Definition: d.Digest,
		Sources: []artifact.Source{}, Sets: []artifact.Set{}, Artifacts: []artifact.Artifact{}}
	for _, kind := range l.Kinds {
		section, ok := d.kinds[kind.Name()]
		if !ok {
			continue
		}
		spec, err := kind.ParseSpec(section, filepath.Dir(d.File))
		if err != nil {
			return nil, false, err
		}
		request := artifact.ResolveRequest{Spec: spec, Sets: d.setsOf(kind.Name()), Upstream: l.Upstream, Now: l.Now, Log: l.Log}
		if previous != nil && !update {
			request.Locked = pinsOf(previous, kind.Name()).Artifacts
		}
		resolution, err := kind.Resolve(ctx, request)
		if err != nil {
			return nil, false, err
		}
		if err := join(lock, resolution); err != nil {
			return nil, false, err
		}
	}
	if err := lock.Follow(previous); err != nil {
		return nil, false, err
	}
	changed, err = lock.Write(d.LockFile())
	return lock, changed, err
}

// join adds one kind's resolution to the lock.
func join(lock *lockfile.Lock, r *artifact.Resolution) error {
	for _, s := range r.Sources {
		if lockfile.Reserved(s.Name) {
			return fmt.Errorf("a source can't be called %q: the mirror itself answers there", s.Name)
		}
		for _, old := range lock.Sources {
			if old.Name == s.Name {
				return fmt.Errorf("two sources are called %q: a source's name is the prefix of its addresses", s.Name)
			}
		}
		lock.Sources = append(lock.Sources, s)
	}
	lock.Artifacts = append(lock.Artifacts, r.Artifacts...)
	for _, s := range r.Sets {
		lock.Sets = addSet(lock.Sets, s)
	}
	return nil
}

// pinsOf returns one kind's part of a lock.
func pinsOf(lock *lockfile.Lock, kind string) artifact.Pins {
	pins := artifact.Pins{Date: lock.Date}
	for _, s := range lock.Sources {
		if s.Kind == kind {
			pins.Sources = append(pins.Sources, s)
		}
	}
	for _, a := range lock.Artifacts {
		if a.Kind == kind {
			pins.Artifacts = append(pins.Artifacts, a)
		}
	}
	return pins
}
