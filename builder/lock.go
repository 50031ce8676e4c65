package builder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/glob"
	"github.com/minimirror/minimirror/internal/lockfile"
)

// A Locker makes locks.
type Locker struct {
	Kinds    []artifact.Kind
	Upstream artifact.Upstream
	Now      time.Time // for the validity of what upstream signs
	Log      *slog.Logger
}

// LockOptions say what Lock may change.
type LockOptions struct {
	// Update moves pins to the newest versions; otherwise they are kept if upstream still
	// has them.
	Update bool
	// Only, with Update, are names of items, or patterns as glob.Parse reads them; where no item has a name, its aliases count: pins of
	// other items are kept, unless an item that moves needs them to move.
	Only []string
	// DryRun writes nothing.
	DryRun bool
}

// Locked is the result of Lock.
type Locked struct {
	*lockfile.Lock
	Previous *lockfile.Lock // nil: there was none
	Changes  []Change       // against Previous
	// ReleaseChanges are changes in releases that clients notice.
	ReleaseChanges []artifact.ReleaseChange
	Changed        bool // the files are not, or with DryRun were not, as they should be
	// Lacking is lockfile.ErrProofs if mirror.proofs lacked a proof of Previous.
	Lacking error
}

// Lock resolves the definition against upstream and writes its lock.
func (l *Locker) Lock(ctx context.Context, d *Definition, opt LockOptions) (*Locked, error) {
	previous, digest, err := lockfile.ReadComplete(d.LockFile())
	var lacking error
	switch {
	case errors.Is(err, lockfile.ErrProofs):
		l.Log.Warn("the lock is incomplete: upstream's signed files are fetched again", "reason", err)
		lacking = restore(err, d)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	if !opt.DryRun && (previous == nil || opt.Update) {
		if err := lockfile.Writable(d.LockFile()); err != nil {
			return nil, err
		}
	}
	lock := &lockfile.Lock{Format: lockfile.Format, Name: d.Name, Definition: d.Digest,
		Sources: []artifact.Source{}, Sets: []artifact.Set{}, Items: []artifact.Item{}}
	made := &Locked{Lock: lock, Previous: previous, Lacking: lacking}
	held, moves, err := opt.held(previous, l.Kinds)
	if err != nil {
		return nil, err
	}
	date, reserved := time.Time{}, reservedBy(l.Kinds)
	for _, kind := range l.Kinds {
		spec, err := d.Spec(kind)
		if err != nil {
			return nil, err
		}
		if spec == nil {
			continue
		}
		request := artifact.ResolveRequest{Spec: spec, Upstream: l.Upstream, Now: l.Now, Log: l.Log, Locked: held[kind.Name()], Moves: moves}
		if previous != nil {
			request.Previous = pinsOf(previous, kind.Name())
		}
		resolution, err := kind.Resolve(ctx, request)
		if err != nil {
			return nil, err
		}
		if err := join(lock, resolution, reserved); err != nil {
			return nil, err
		}
		if resolution.Date.After(date) {
			date = resolution.Date
		}
		made.ReleaseChanges = append(made.ReleaseChanges, resolution.ReleaseChanges...)
	}
	lock.Sets = distribute(lock.Sets)
	data, err := lock.Follow(previous, digest, date, l.Now)
	if err != nil {
		return nil, err
	}
	if previous != nil {
		made.Changes = Changes(previous, lock)
	}
	made.Changed = lockfile.Digest(data) != digest || !lock.Written(d.LockFile())
	if made.Changed && !opt.DryRun {
		err = lock.Write(d.LockFile(), data)
	}
	return made, err
}

// held are the pins that may not move, by kind. moves reports whether an item or a source may, by its name.
func (opt LockOptions) held(previous *lockfile.Lock, kinds []artifact.Kind) (held map[string][]artifact.Item, moves func(name string) bool, err error) {
	if previous == nil && len(opt.Only) > 0 {
		return nil, nil, artifact.Hint(errors.New("there is no lock yet, so there is nothing to update"), "lock everything first: leave out %s", strings.Join(opt.Only, " "))
	}
	if previous == nil || opt.Update && len(opt.Only) == 0 {
		return nil, func(string) bool { return true }, nil
	}
	only, err := glob.ParseArguments(opt.Only)
	if err != nil {
		return nil, nil, err
	}
	held, found := make(map[string][]artifact.Item), make([]bool, len(only))
	moves = func(name string) (named bool) {
		for i := range only {
			if only[i].Match(name) {
				named, found[i] = true, true
			}
		}
		return named
	}
	carries := make(map[string]bool)
	for i := range previous.Items {
		carries[previous.Items[i].Source] = true
	}
	for _, s := range previous.Sources {
		if !carries[s.Name] { // such as one of advisories
			moves(s.Name)
		}
	}
	moving := make([]bool, len(previous.Items))
	for i := range previous.Items {
		moving[i] = moves(previous.Items[i].Name)
	}
	if slices.Contains(found, false) {
		movesAlias(kinds, previous.Items, only, found, moving)
	}
	for i, item := range previous.Items {
		if !moving[i] {
			held[item.Kind] = append(held[item.Kind], item)
		}
	}
	if at := slices.Index(found, false); at >= 0 {
		return nil, nil, artifact.Hint(fmt.Errorf("the lock has nothing called %q", opt.Only[at]), "name what the lock has; lock without --update adds what is new in the definition")
	}
	return held, moves, nil
}

// movesAlias marks the items, in moving, of which an alias is what a pattern names that has not been found; then it has been found.
func movesAlias(kinds []artifact.Kind, items []artifact.Item, only []glob.Pattern, found, moving []bool) {
	aliasers := make(map[string]artifact.Aliaser)
	for _, kind := range kinds {
		if aliaser, able := artifact.Able[artifact.Aliaser](kind); able {
			aliasers[kind.Name()] = aliaser
		}
	}
	named := make([]bool, len(only))
	for i := range items {
		aliaser := aliasers[items[i].Kind]
		if aliaser == nil {
			continue
		}
		for _, alias := range aliaser.Aliases(&items[i]) {
			for at := range only {
				if !found[at] && only[at].Match(alias) {
					named[at], moving[i] = true, true
				}
			}
		}
	}
	for at := range named {
		found[at] = found[at] || named[at]
	}
}

// reservedBy are the names under which kinds serve paths on any mirror.
func reservedBy(kinds []artifact.Kind) (names []string) {
	for _, kind := range kinds {
		if r, able := artifact.Able[artifact.Reserver](kind); able {
			names = append(names, r.Reserved()...)
		}
	}
	return names
}

// join adds one kind's resolution to the lock.
func join(lock *lockfile.Lock, r *artifact.Resolution, reserved []string) error {
	for _, s := range r.Sources {
		if lockfile.Reserved(s.Name) || slices.Contains(reserved, s.Name) {
			return fmt.Errorf("the source name %q is reserved: the mirror itself uses that path", s.Name)
		}
		for _, old := range lock.Sources {
			if old.Name == s.Name {
				return fmt.Errorf("two sources are called %q: a source's name is the prefix of its addresses", s.Name)
			}
		}
		lock.Sources = append(lock.Sources, s)
	}
	lock.Items = append(lock.Items, r.Items...)
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
	for _, a := range lock.Items {
		if a.Kind == kind {
			pins.Items = append(pins.Items, a)
		}
	}
	return pins
}
