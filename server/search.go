package server

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
)

// A found is a name that a search found, with what there is of it.
type found struct {
	Kind          string   `json:"kind"`
	Name          string   `json:"name"`
	Summary       string   `json:"summary"`
	Versions      []string `json:"versions"`
	Architectures []string `json:"architectures"`
	rank          int
	first         int // in Catalog.Artifacts
}

// search finds names that contain the text, the best first: the very name, names that begin so, others. It
// returns at most limit of them, those from offset on, and how many there are.
func (s *Server) search(ctx context.Context, text, kind string, offset, limit int) (page []found, count int, err error) {
	text = strings.ToLower(strings.TrimSpace(text))
	var all []found
	list := s.image.Catalog.Artifacts
	for i := range list {
		a := &list[i]
		if kind != "" && a.Kind != kind {
			continue
		}
		name := strings.ToLower(a.Name)
		at := strings.Index(name, text)
		if at < 0 {
			continue
		}
		rank := 2
		if at == 0 {
			rank = 1
			if len(name) == len(text) {
				rank = 0
			}
		}
		all = append(all, found{Kind: a.Kind, Name: a.Name, rank: rank, first: i})
	}
	slices.SortStableFunc(all, func(a, b found) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), strings.Compare(a.Name, b.Name), strings.Compare(a.Kind, b.Kind))
	})
	all = slices.CompactFunc(all, func(a, b found) bool { return a.Kind == b.Kind && a.Name == b.Name })
	count = len(all)
	page = all[min(max(offset, 0), count):min(max(offset, 0)+limit, count)]
	names := map[string][]string{}
	for _, f := range page {
		names[f.Kind] = append(names[f.Kind], f.Name)
	}
	for _, m := range s.mounts {
		if err := m.summarize(ctx, s.image, names[m.kind.Name()], page); err != nil {
			return nil, 0, err
		}
	}
	return page, count, nil
}

// summarize adds to what was found of a kind what only the whole catalog says.
func (m mount) summarize(ctx context.Context, img *image.Image, names []string, page []found) error {
	if len(names) == 0 {
		return nil
	}
	records, _, err := img.Find(ctx, m.kind.Name(), names)
	if err != nil {
		return err
	}
	for i := range page {
		f := &page[i]
		if f.Kind != m.kind.Name() {
			continue
		}
		for j := range records[f.Name] {
			a := &records[f.Name][j].Artifact
			f.Versions, f.Architectures = append(f.Versions, a.Version), append(f.Architectures, a.Architecture)
			if f.Summary == "" {
				f.Summary = m.kind.Describe(a).Summary
			}
		}
		slices.Sort(f.Architectures)
		f.Architectures = slices.Compact(f.Architectures)
		f.Versions = unique(f.Versions)
	}
	return nil
}

// unique drops repetitions and keeps the order.
func unique(texts []string) (once []string) {
	for _, t := range texts {
		if !slices.Contains(once, t) {
			once = append(once, t)
		}
	}
	return once
}

// A carried is an artifact with all that is known of it.
type carried struct {
	artifact.Artifact
	Address     string               `json:"address"` // path on this mirror
	Description artifact.Description `json:"description"`
	Sets        []string             `json:"sets"` // whose part it is, "NAME for ARCHITECTURE"
	Verdict     ruling               `json:"verdict"`
	// Conditional is the first rule by which client or time decide; empty: none.
	Conditional string `json:"conditional,omitempty"`
}

// A ruling is what the rules say of an artifact, for the client that asks.
type ruling struct {
	Allowed bool   `json:"allowed"`
	Rule    string `json:"rule,omitempty"`
	Reason  string `json:"reason,omitempty"`
}

// details finds all artifacts of a name, as a client of an address sees them, and the names behind it where
// it is an alias.
func (s *Server) details(ctx context.Context, kind, name string, client netip.Addr) (list []carried, aliasOf []string, err error) {
	records, aliases, err := s.image.Find(ctx, kind, []string{name})
	if err != nil {
		return nil, nil, err
	}
	at := slices.IndexFunc(s.mounts, func(m mount) bool { return m.kind.Name() == kind })
	if at < 0 {
		return nil, nil, nil
	}
	v, now := s.view.Load(), time.Now()
	for _, r := range records[name] {
		c := carried{Artifact: r.Artifact, Address: "/" + r.ID(), Description: s.mounts[at].kind.Describe(&r.Artifact), Verdict: ruling{Allowed: true}}
		c.Metadata = nil // the description says it
		if place := s.artifactAt(r.ID()); place >= 0 && v.table != nil {
			verdict := v.table.Verdict(place, client, now)
			c.Verdict = ruling(verdict)
			if rule, conditional := v.table.Conditional(place); conditional {
				c.Conditional = rule
			}
		}
		for _, set := range s.image.Catalog.Sets {
			if slices.Contains(set.Artifacts, r.ID()) {
				c.Sets = append(c.Sets, set.Name+" for "+set.Architecture)
			}
		}
		list = append(list, c)
	}
	return list, aliases[name], nil
}
