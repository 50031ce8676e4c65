package debian

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/archive"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
	"github.com/minimirror/minimirror/internal/kinds/debian/resolver"
)

// suitePriority is what apt gives to the packages of a suite that its user names: "apt-get -t SUITE", apt_preferences(5).
const suitePriority = 990

// addEachSuite adds to a closure what the same requests take from each suite of the sources with "versions: each-suite", when the
// suite is named as with "apt-get -t SUITE". So whoever reads one suite alone, as debootstrap does, finds there what upstream has.
// Where a version of the suite cannot be installed, the resolver takes another one, as it does for all requests; what still fails is an
// error, because the definition asks for all suites.
func addEachSuite(ctx context.Context, up *archive.Upstream, s *spec, req artifact.ResolveRequest, closure *resolver.Closure) error {
	type file struct{ name, version, architecture, digest string }
	of := func(p *resolver.Package) file {
		return file{p.Name, p.Version, p.Architecture, cmp.Or(p.SHA256, p.SHA512)}
	}
	carried := make(map[file]bool, len(closure.Packages))
	for _, p := range closure.Packages {
		carried[of(p)] = true
	}
	for i := range up.Sources {
		src := &up.Sources[i]
		if !src.EachSuite {
			continue
		}
		for _, suite := range src.Suites {
			from, err := solveSuite(ctx, up, s, req, src.Name, suite.Name)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err != nil {
				return artifact.Hint(fmt.Errorf("source %s: versions: each-suite: with the versions of suite %s: %w", src.Name, suite.Name, err),
					"list suite %s in a source of its own, without \"versions: each-suite\"", suite.Name)
			}
			for _, p := range from.Packages {
				if !carried[of(p)] {
					carried[of(p)] = true
					closure.Packages = append(closure.Packages, p)
				}
			}
		}
	}
	return nil
}

// solveSuite resolves the closure when a suite is preferred. The versions of the lock before win, but not over those of the suite.
func solveSuite(ctx context.Context, up *archive.Upstream, s *spec, req artifact.ResolveRequest, source, suite string) (*resolver.Closure, error) {
	within := func(o deb822.Origin) bool { return o.Source == source && o.Suite == suite }
	universe, err := newUniverse(up, s, req, func(o deb822.Origin) deb822.Origin {
		if within(o) {
			o.Priority = suitePriority
		}
		return o
	})
	if err != nil {
		return nil, err
	}
	offered := make(map[string]bool)
	for _, index := range up.Packages() {
		if within(index.Origin) {
			deb822.NewPackagesIndex(index.Origin, index.Text).Scan(func(stanza *deb822.Stanza, err error) { offered[stanza.Name] = true })
		}
	}
	options, pinned := s.options(req), signedDigests(req.Locked)
	options.Prefer = func(p *resolver.Package) bool {
		return pinned[cmp.Or(p.SHA256, p.SHA512)] && (!offered[p.Name] || slices.ContainsFunc(p.Origins, within))
	}
	return universe.Resolve(ctx, s.all(), s.Sets, options)
}
