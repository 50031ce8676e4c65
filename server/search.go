package server

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A found is a name that a search found, with what there is of it.
type found struct {
	Kind          string   `json:"kind"`
	Name          string   `json:"name"`
	Summary       string   `json:"summary"`
	Versions      []string `json:"versions"`
	Architectures []string `json:"architectures"`
	AliasOf       []string `json:"alias_of,omitempty"` // names that it stands for
}

// A hit is a name that fits a search.
type hit struct {
	rank int32 // 0: it is the very text; 1: it begins so; 2: it contains it
	at   int32 // in Catalog.Artifacts, or behind them in Catalog.Aliases
}

// search finds names that contain the text, the best first: the very name, names that begin so, others. It
// returns at most limit of them, those from offset on, and how many there are. Aliases are found only by
// a text.
func (s *Server) search(ctx context.Context, q query) (page []found, count int, err error) {
	artifacts, aliases := s.image.Catalog.Items, s.image.Catalog.Aliases
	nameOf := func(at int32) (kind, name string) {
		if alias := int(at) - len(artifacts); alias >= 0 {
			return aliases[alias].Kind, aliases[alias].Name
		}
		return artifacts[at].Kind, artifacts[at].Name
	}
	text := strings.ToLower(strings.TrimSpace(q.text))
	candidates := len(artifacts)
	if text != "" {
		candidates += len(aliases)
	}
	var hits []hit
	for at := range int32(candidates) {
		kind, name := nameOf(at)
		if q.kind != "" && kind != q.kind {
			continue
		}
		switch low := strings.ToLower(name); {
		case low == text:
			hits = append(hits, hit{0, at})
		case strings.HasPrefix(low, text):
			hits = append(hits, hit{1, at})
		case strings.Contains(low, text):
			hits = append(hits, hit{2, at})
		}
	}
	compare := func(a, b hit) int {
		aKind, aName := nameOf(a.at)
		bKind, bName := nameOf(b.at)
		return cmp.Or(cmp.Compare(a.rank, b.rank), strings.Compare(aName, bName), strings.Compare(aKind, bKind))
	}
	slices.SortFunc(hits, compare)
	hits = slices.CompactFunc(hits, func(a, b hit) bool { return compare(a, b) == 0 })
	count = len(hits)
	hits = hits[min(q.offset, count):]
	hits = hits[:min(q.limit, len(hits))]
	page = make([]found, len(hits))
	for i, h := range hits {
		page[i].Kind, page[i].Name = nameOf(h.at)
	}
	return page, count, s.describe(ctx, page)
}

// describe adds what only the whole catalog says of names.
func (s *Server) describe(ctx context.Context, page []found) error {
	for _, m := range s.mounts {
		var names []string
		for i := range page {
			if page[i].Kind == m.kind.Name() {
				names = append(names, page[i].Name)
			}
		}
		if names == nil {
			continue
		}
		records, aliases, err := s.image.Find(ctx, m.kind.Name(), names)
		if err != nil {
			return err
		}
		describer, describes := artifact.Able[artifact.Describer](m.kind)
		for i := range page {
			f := &page[i]
			if f.Kind != m.kind.Name() {
				continue
			}
			f.AliasOf = aliases[f.Name]
			f.Versions, f.Architectures = []string{}, []string{}
			for j := range records[f.Name] {
				a := &records[f.Name][j].Item
				f.Versions, f.Architectures = append(f.Versions, a.Version), append(f.Architectures, a.Architecture())
				if f.Summary == "" && describes {
					f.Summary = describer.Describe(a).Summary
				}
			}
			slices.Sort(f.Architectures)
			f.Architectures = slices.Compact(f.Architectures)
			f.Versions = unique(f.Versions)
		}
	}
	return nil
}

// unique drops repetitions and keeps the order.
func unique(texts []string) []string {
	once := texts[:0]
	for _, t := range texts {
		if !slices.Contains(once, t) {
			once = append(once, t)
		}
	}
	return once
}

// carries reports whether a name is that of an artifact or an alias.
func (s *Server) carries(kind, name string) bool {
	c := s.image.Catalog
	for _, source := range c.Sources {
		if _, found := slices.BinarySearchFunc(c.Items, [3]string{kind, source.Name, name}, func(a artifact.Item, want [3]string) int {
			return cmp.Or(strings.Compare(a.Kind, want[0]), strings.Compare(a.Source, want[1]), strings.Compare(a.Name, want[2]))
		}); found && source.Kind == kind {
			return true
		}
	}
	at := sort.Search(len(c.Aliases), func(i int) bool {
		return cmp.Or(strings.Compare(c.Aliases[i].Kind, kind), strings.Compare(c.Aliases[i].Name, name)) >= 0
	})
	return at < len(c.Aliases) && c.Aliases[at].Kind == kind && c.Aliases[at].Name == name
}

// A carried is an artifact with all that is known of it.
type carried struct {
	artifact.Item
	Architecture string               `json:"architecture"`
	Size         int64                `json:"size"` // of all files, bytes
	Files        []carriedFile        `json:"files"`
	Description  artifact.Description `json:"description"`
	Sets         []string             `json:"sets"` // that contain it, "NAME for ARCHITECTURE"
	Verdict      ruling               `json:"verdict"`
	// Conditional is the first rule by which client or time decide; empty: none.
	Conditional string `json:"conditional,omitempty"`
}

// A carriedFile is a file with its address.
type carriedFile struct {
	artifact.File
	Address string `json:"address"` // path on this mirror, percent-encoded (RFC 3986, section 3.3)
}

// A ruling is what the rules say of an artifact, for the client that asks.
type ruling struct {
	Allowed bool   `json:"allowed"`
	Rule    string `json:"rule,omitempty"`
	Reason  string `json:"reason,omitempty"`
}

// details finds all artifacts of a name, as a client of an address sees them, and the names behind it where
// it is an alias.
func (s *Server) details(r *http.Request, kind, name string) (list []carried, aliasOf []string, err error) {
	at := slices.IndexFunc(s.mounts, func(m mount) bool { return m.kind.Name() == kind })
	if at < 0 {
		return nil, nil, nil
	}
	records, aliases, err := s.image.Find(r.Context(), kind, []string{name})
	if err != nil {
		return nil, nil, err
	}
	e, found := exchangeOf(r)
	if !found {
		return nil, nil, errNobody
	}
	v, now, client := s.view.Load(), time.Now(), e.client.Address
	describer, describes := artifact.Able[artifact.Describer](s.mounts[at].kind)
	for _, r := range records[name] {
		c := carried{
			Item: r.Item, Architecture: r.Item.Architecture(), Size: r.Item.Size(),
			Sets: []string{}, Verdict: ruling{Allowed: true},
		}
		c.Metadata = nil // the description says it
		if describes {
			c.Description = describer.Describe(&r.Item)
		}
		for _, f := range r.Files {
			f.URLs = orNone(f.URLs)
			c.Files = append(c.Files, carriedFile{f, (&url.URL{Path: artifact.Address(s.mounts[at].kind, &r.Item, &f)}).EscapedPath()})
		}
		c.Description.Fields = orNone(c.Description.Fields)
		if place := s.items.at(r.ID()); place >= 0 && v.table != nil {
			c.Verdict = ruling(v.table.Verdict(place, client, now))
			if rule, conditional := v.table.Conditional(place); conditional {
				c.Conditional = rule
			}
		}
		for _, set := range s.image.Catalog.Sets {
			if slices.Contains(set.Items, r.ID()) {
				c.Sets = append(c.Sets, set.Name+" for "+set.Architecture)
			}
		}
		list = append(list, c)
	}
	return list, aliases[name], nil
}

// orNone makes an empty list of none, which JSON would call null.
func orNone[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
