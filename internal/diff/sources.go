package diff

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A Source is one that is different.
type Source struct {
	Kind     string    `json:"kind"`
	Name     string    `json:"name"`
	What     string    `json:"what"` // Added, Removed or Changed
	Releases []Release `json:"releases"`
}

// A Release is a state of a source that upstream published, where it is different.
type Release struct {
	Name string    `json:"name"`
	What string    `json:"what"`         // Added, Removed or Changed
	Old  time.Time `json:"old,omitzero"` // dates
	New  time.Time `json:"new,omitzero"`
}

func compareSources(a, b []artifact.Source) []Source {
	all := []Source{}
	eachPair(a, b, func(s *artifact.Source) string { return s.Kind + "/" + s.Name }, func(a, b *artifact.Source) {
		s := Source{What: whatOf(a, b), Releases: []Release{}}
		one := cmp.Or(b, a)
		s.Kind, s.Name = one.Kind, one.Name
		var old, new []artifact.Release
		if a != nil {
			old = a.Releases
		}
		if b != nil {
			new = b.Releases
		}
		eachPair(old, new, func(r *artifact.Release) string { return r.Name }, func(a, b *artifact.Release) {
			if a != nil && b != nil && a.SHA256 == b.SHA256 && a.Date.Equal(b.Date) {
				return
			}
			r := Release{Name: cmp.Or(b, a).Name, What: whatOf(a, b)}
			if a != nil {
				r.Old = a.Date
			}
			if b != nil {
				r.New = b.Date
			}
			s.Releases = append(s.Releases, r)
		})
		if s.What != Changed || len(s.Releases) > 0 {
			all = append(all, s)
		}
	})
	return all
}

func whatOf[T any](a, b *T) string {
	switch {
	case a == nil:
		return Added
	case b == nil:
		return Removed
	}
	return Changed
}

// eachPair calls take for each key of either list, sorted, with what has it in a and b; nil: none.
func eachPair[T any](a, b []T, key func(*T) string, take func(a, b *T)) {
	type both struct{ a, b *T }
	pairs := make(map[string]*both)
	var keys []string
	of := func(k string) *both {
		if pairs[k] == nil {
			pairs[k] = new(both)
			keys = append(keys, k)
		}
		return pairs[k]
	}
	for i := range a {
		of(key(&a[i])).a = &a[i]
	}
	for i := range b {
		of(key(&b[i])).b = &b[i]
	}
	slices.SortFunc(keys, strings.Compare)
	for _, k := range keys {
		take(pairs[k].a, pairs[k].b)
	}
}
