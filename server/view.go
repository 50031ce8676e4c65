package server

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/layout"
	"github.com/minimirror/minimirror/internal/rules"
	"github.com/minimirror/minimirror/server/generated"
)

// A view is what the server goes by at one moment: the rules, and the files that are made for
// them. It never changes. A reload puts another in its place; a request keeps the one
// that it began with.
type view struct {
	rules  *rules.Rules // nil: there are none
	table  *rules.Table // nil: everything is allowed
	next   time.Time    // when the rules will say something else; zero: never
	loaded time.Time    // by the server's clock
	since  time.Time    // the same in seconds, and later than that of the view before; zero: the clock is behind the image
	made   generated.Files
	// filtered are the same files by kind, as the kinds have made them.
	filtered map[string][]artifact.Generated
	// kept are files of earlier views that are named by their digest: a client that has read
	// an earlier signed list still finds what it names.
	kept map[string]keptFile
}

type keptFile struct {
	*generated.File
	until time.Time
}

const (
	keepMade     = 15 * time.Minute
	keepMadeSize = 4 << 20 // bytes in memory, and as many as what is in force has; what they share with that does not count
)

// file returns what is made for the path, or nil.
func (v *view) file(path string) *generated.File {
	if f := v.made[path]; f != nil {
		return f
	}
	return v.kept[path].File
}

// verdict is what the rules say of the item at a place in the catalog.
func (v *view) verdict(at int, client netip.Addr, now time.Time) rules.Verdict {
	if v.table == nil {
		return rules.Verdict{Allowed: true}
	}
	return v.table.Verdict(at, client, now)
}

// byClient reports whether the rules allow the item at an index in the catalog to some clients only.
func (v *view) byClient(at int32) bool { return v.table != nil && v.table.ByClient(int(at)) }

// anyByClient reports whether the rules allow any item to some clients only.
func (v *view) anyByClient() bool { return v.table != nil && v.table.AnyByClient() }

// viewOf is the view of a request, from its first use on.
func (s *Server) viewOf(e *exchange) *view {
	if e.view == nil {
		e.view = s.view.Load()
	}
	return e.view
}

// newView makes the view of rules. last is the view before, or nil.
//
// What is made carries the date of the image's lock, whatever the rules and the clock say. Clients refuse what comes from
// their future and ignore what is older than what they have, but take what is as old: so rules never make a mirror unusable for
// a client whose clock is slow, and no client stays behind when rules, or servers with other rules, follow each other.
func (s *Server) newView(ctx context.Context, r *rules.Rules, last *view) (*view, error) {
	v := &view{rules: r, loaded: time.Now(), made: generated.Files{}, kept: map[string]keptFile{}, filtered: map[string][]artifact.Generated{}}
	if r != nil {
		properties, err := s.properties(ctx, r.NeedsProperties())
		if err != nil {
			return nil, err
		}
		now, next := r.At(v.loaded)
		v.table, v.next = now.Apply(s.image.Catalog.Items, properties), next
	}
	if s.signer == nil {
		return v, nil
	}
	date := s.image.Catalog.Date
	if v.loaded.After(date) {
		v.since = v.loaded.UTC().Truncate(time.Second)
		if last != nil && !v.since.After(last.since) {
			v.since = last.since.Add(time.Second)
		}
	}
	signer, err := s.signer(date)
	if err != nil {
		return nil, err
	}
	for _, m := range s.mounts {
		var before []artifact.Generated
		if last != nil {
			before = last.filtered[m.kind.Name()]
		}
		filterer, able := artifact.Able[artifact.Filterer](m.kind)
		if !able {
			continue
		}
		files, err := filterer.Filter(ctx, artifact.FilterRequest{
			Sources: m.mirror.Sources, Date: date, Signer: signer, Absent: s.absent(v.table), Before: before,
			Open: func(path string) (io.ReadCloser, error) { return s.image.OpenFile(path) },
		})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.kind.Name(), err)
		}
		if err := v.made.Add(files, s.image, v.since); err != nil {
			return nil, err
		}
		v.filtered[m.kind.Name()] = files
	}
	key := artifact.Generated{Path: layout.KeyPath, Data: signer.PublicKey(), Modified: s.image.Catalog.Date}
	if err := v.made.Add([]artifact.Generated{key}, s.image, v.since); err != nil {
		return nil, err
	}
	if last != nil {
		v.keepDates(last)
		v.keep(last)
	}
	return v, nil
}

// keepDates leaves its date to what is as it was: a server that is told to reload each second would run ahead of the clock, and
// clients would fetch anew what they have.
func (v *view) keepDates(last *view) {
	changed := false
	for path, f := range v.made {
		if before := last.made[path]; before != nil && before.SHA256 == f.SHA256 {
			f.Since = before.Since
		} else {
			changed = true
		}
	}
	if !changed {
		v.since = last.since
	}
}

func (s *Server) absent(t *rules.Table) func(id string) bool {
	return func(id string) bool {
		if t == nil {
			return false
		}
		at := s.items.at(id)
		return at >= 0 && t.Absent(at)
	}
}

// end is when another view has taken its place. The few who still ask for what it had do without memory files.
func (v *view) end() {
	for _, f := range v.made {
		f.Drop()
	}
}

// keep takes over what clients of earlier views may still ask for, the newest first.
func (v *view) keep(last *view) {
	var old []keptFile
	for _, f := range last.made {
		if namedByDigest(&f.File) {
			old = append(old, keptFile{f, v.loaded.Add(keepMade)})
		}
	}
	for path, f := range last.kept {
		if last.made[path] == nil && f.until.After(v.loaded) {
			old = append(old, f)
		}
	}
	slices.SortFunc(old, func(a, b keptFile) int {
		return cmp.Or(b.until.Compare(a.until), cmp.Compare(a.Path, b.Path))
	})
	counted, most, size := map[*byte]bool{}, int64(keepMadeSize), int64(0)
	for _, f := range v.made {
		most += f.Keeps(counted)
	}
	for _, f := range old {
		if v.made[f.Path] != nil {
			continue
		}
		if size += f.Keeps(counted); size > most {
			break
		}
		v.kept[f.Path] = f
	}
}
