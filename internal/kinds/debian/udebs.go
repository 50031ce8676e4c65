package debian

import (
	"context"
	"fmt"
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/archive"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
	"github.com/minimirror/minimirror/internal/kinds/debian/resolver"
)

// udebs are packages of the installer, and what to say about those that are not carried.
type udebs struct {
	items    []artifact.Item
	warnings []string
}

// udebItems are the packages of the installer that the suites list, where the definition says "udebs: true": all of them but those
// that exclude names. An installer reads one suite, and which packages it takes depends on the machine; so nothing is resolved here.
func udebItems(ctx context.Context, up *archive.Upstream, from artifact.Upstream, exclude []resolver.Request) (u udebs, err error) {
	sources := make(map[string]*archive.Source)
	for i := range up.Sources {
		sources[up.Sources[i].Name] = &up.Sources[i]
	}
	at := make(map[string]int) // index in items, by ID
	for _, job := range up.Udebs() {
		origin := job.Origin
		index := deb822.NewPackagesIndex(origin, job.Text)
		index.Scan(func(s *deb822.Stanza, problem error) {
			if problem != nil {
				u.warnings = append(u.warnings, fmt.Sprintf("left out: %v", problem))
				return
			}
			if slices.ContainsFunc(exclude, func(r resolver.Request) bool { return r.MatchesName(s.Name, s.Version, origin) }) {
				return
			}
			p, problem := resolver.ListedPackage(index, s)
			if problem != nil {
				u.warnings = append(u.warnings, fmt.Sprintf("left out: %v", index.ErrorAt(s.Start, s.Wrap(problem))))
				return
			}
			item, problem := p.Item(origin.Source, sources[origin.Source].Addresses)
			if problem != nil {
				if err == nil {
					err = problem
				}
				return
			}
			item.Attributes = deb822.AsUdeb(s.Architecture, item.Attributes.Values("channel"))
			before, again := at[item.ID()]
			switch {
			case !again:
				at[item.ID()] = len(u.items)
				u.items = append(u.items, item)
			case !sameUdeb(&u.items[before], &item):
				u.warnings = append(u.warnings, fmt.Sprintf("left out: source %s: suite %s: package of the installer %s %s: another one has a different file at %s", origin.Source, origin.Suite, s.Name, s.Version, item.Files[0].Path))
			default:
				channels := append(u.items[before].Attributes.Values("channel"), item.Attributes.Values("channel")...)
				u.items[before].Attributes = deb822.AsUdeb(s.Architecture, channels)
			}
		})
	}
	if err != nil {
		return u, err
	}
	slices.SortFunc(u.items, func(a, b artifact.Item) int { return artifact.Compare(&a, &b) })
	return u, identify(ctx, from, u.items)
}

func sameUdeb(a, b *artifact.Item) bool {
	return a.Name == b.Name && a.Version == b.Version && a.Files[0].Content() == b.Files[0].Content() && deb822.SignedSHA512(a) == deb822.SignedSHA512(b)
}

// excludesUdeb reports whether a request of exclude names a package of the installer.
func excludesUdeb(up *archive.Upstream, r resolver.Request) (found bool) {
	for _, job := range up.Udebs() {
		deb822.NewPackagesIndex(job.Origin, job.Text).Scan(func(s *deb822.Stanza, err error) {
			found = found || r.MatchesName(s.Name, s.Version, job.Origin)
		})
	}
	return found
}
