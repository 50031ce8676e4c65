package debian

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/archive"
	"github.com/minimirror/minimirror/internal/kinds/debian/broken"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
	"github.com/minimirror/minimirror/internal/kinds/debian/resolver"
)

// Resolve implements artifact.Kind: it resolves each section by itself.
func (Kind) Resolve(ctx context.Context, req artifact.ResolveRequest) (*artifact.Resolution, error) {
	all := new(artifact.Resolution)
	for _, s := range req.Spec.(sections) {
		r, err := s.resolve(ctx, s.ownRequest(req))
		if err != nil {
			return nil, s.wrap(err)
		}
		for i := range r.Sources {
			r.Sources[i].System = s.name
		}
		for i := range r.Sets {
			r.Sets[i].System = s.name
		}
		all.Sources, all.Items, all.Sets = append(all.Sources, r.Sources...), append(all.Items, r.Items...), append(all.Sets, r.Sets...)
		all.ReleaseChanges = append(all.ReleaseChanges, r.ReleaseChanges...)
		if r.Date.After(all.Date) {
			all.Date = r.Date
		}
	}
	return all, nil
}

// ownRequest is a request with what concerns the section: the previous lock of its own system. If the previous lock knew no systems,
// it is that of every section, so that a definition whose section becomes one of a list keeps its versions.
func (s *spec) ownRequest(req artifact.ResolveRequest) artifact.ResolveRequest {
	if s.name == "" {
		return req
	}
	req.Log = req.Log.With("section", s.name)
	if len(artifact.Systems(req.Previous.Sources)) == 0 {
		return req
	}
	locked := artifact.Pins{Sources: req.Previous.Sources, Items: req.Locked}
	req.Previous, req.Locked = req.Previous.ForSystem(s.name), locked.ForSystem(s.name).Items
	return req
}

// wrap names the section in an error.
func (s *spec) wrap(err error) error {
	if s.name == "" {
		return err
	}
	return fmt.Errorf("section %s: %w", s.name, err)
}

// resolve brings and verifies what every source says, and resolves one closure over all of it.
func (s *spec) resolve(ctx context.Context, req artifact.ResolveRequest) (*artifact.Resolution, error) {
	sources, err := s.allSources(ctx, req.Log)
	if err != nil {
		return nil, err
	}
	up, err := archive.Consult(ctx, req, sources)
	if err != nil {
		return nil, err
	}
	closure, err := solve(ctx, up, s, req)
	if err != nil {
		return nil, err
	}
	if err := addEachSuite(ctx, up, s, req, closure); err != nil {
		return nil, err
	}
	if s.Packages == nil && !s.Whole && tookWholeSources(binariesOf(req.Previous.Items), closure) {
		req.Log.Warn("the lock now carries only what the sets need, not everything in the previous lock: " + resolver.WholeHint)
	}
	r, err := pin(ctx, up, req.Upstream, s, closure)
	if err != nil {
		return nil, err
	}
	for _, warning := range slices.Concat(up.NotCarried(r.Items), up.Rebuilt(req.Previous.Items, r.Items)) {
		req.Log.Warn(warning)
	}
	binaries := r.Items
	ofThese, missing := sourcePackages(up, binaries)
	for _, warning := range missing {
		req.Log.Warn(warning)
	}
	udebs, err := udebItems(ctx, up, req.Upstream, s.Exclude)
	if err != nil {
		return nil, err
	}
	for _, warning := range udebs.warnings {
		req.Log.Warn(warning)
	}
	images, err := up.InstallerImages(ctx, req.Upstream)
	if err != nil {
		return nil, err
	}
	for i := range up.Sources {
		if f := &up.Sources[i].Further; slices.Contains(f.Installer, "netboot") && !f.Udebs {
			req.Log.Warn(fmt.Sprintf("source %s: the images for booting from the network fetch the packages of the installer from an archive, and the mirror has none: write \"udebs: true\"", up.Sources[i].Name))
		}
	}
	r.Items = slices.Concat(binaries, ofThese, udebs.items, images)
	for _, source := range r.Sources {
		for _, release := range source.Releases {
			if !archive.IsOwn(&release) && release.Date.After(r.Date) {
				r.Date = release.Date
			}
		}
	}
	warnOfReleases(req.Log, r.Sources)
	r.ReleaseChanges = archive.ReleaseChanges(req.Previous.Sources, r.Sources)
	if s.Whole {
		return r, nil
	}
	warnings, err := broken.Warnings(ctx, artifact.Pins{Sources: r.Sources, Items: binaries}, r.Sets)
	for _, warning := range warnings {
		req.Log.Warn(warning)
	}
	return r, err
}

// solve resolves one closure over everything that the sources offer.
func solve(ctx context.Context, up *archive.Upstream, s *spec, req artifact.ResolveRequest) (*resolver.Closure, error) {
	universe, err := newUniverse(up, s, req, func(o deb822.Origin) deb822.Origin { return o })
	if err != nil {
		return nil, err
	}
	options := s.options(req)
	options.ExcludesElse = func(r resolver.Request) bool { return excludesUdeb(up, r) }
	closure, err := universe.Resolve(ctx, s.all(), s.Sets, options)
	if err != nil {
		return nil, fmt.Errorf("debian: %w", err)
	}
	if s.Whole {
		closure.Packages = universe.All()
		closure.Requested = closure.Packages
		if out := universe.LeftOut(nil); len(closure.Packages) == 0 && len(out) > 0 {
			return nil, fmt.Errorf("debian: nothing is left to carry: %s", out[0])
		}
	}
	for _, warning := range slices.Concat(universe.LeftOut(s.Exclude), closure.Warnings, universe.PhasedNotes(closure.Packages),
		universe.HeldBackNotes(closure.Packages, up.Security, options.Prefer), universe.HeldBackOwnNotes(closure.Packages, up.FromOwn, options.Prefer)) {
		req.Log.Warn(warning)
	}
	return closure, nil
}

// newUniverse makes a universe of what the sources offer. origin may change where an index comes from.
func newUniverse(up *archive.Upstream, s *spec, req artifact.ResolveRequest, origin func(deb822.Origin) deb822.Origin) (*resolver.Universe, error) {
	universe := resolver.NewUniverse(archive.Architectures(up.Sources)...)
	for _, index := range up.Packages() {
		universe.Add(origin(index.Origin), index.Text)
	}
	universe.KeepLocked(signedDigests(req.Previous.Items))
	return universe, universe.AddBases(s.Base.Files)
}

// all are the requests of the definition and of its sets.
func (s *spec) all() []resolver.Request {
	requests := s.Packages
	for _, name := range slices.Sorted(maps.Keys(s.Sets)) {
		requests = append(requests[:len(requests):len(requests)], s.Sets[name]...)
	}
	return requests
}

func (s *spec) options(req artifact.ResolveRequest) resolver.Options {
	pinned := signedDigests(req.Locked)
	return resolver.Options{
		Recommends: s.Recommends, Suggests: s.Suggests, Exclude: s.Exclude, BaseEssential: s.Base.Essential,
		Prefer: func(p *resolver.Package) bool { return pinned[cmp.Or(p.SHA256, p.SHA512)] },
	}
}

// signedDigests are the digests under which upstream may list items.
func signedDigests(items []artifact.Item) map[string]bool {
	digests := make(map[string]bool, len(items))
	for i := range items {
		digests[items[i].Files[0].SHA256] = true
		digests[deb822.SignedSHA512(&items[i])] = true
	}
	delete(digests, "")
	return digests
}

// tookWholeSources reports whether everything in a lock was requested, as in locks of whole sources before "packages: all" was
// required for that, and is more than the closure.
func tookWholeSources(previous []artifact.Item, closure *resolver.Closure) bool {
	return len(previous) > len(closure.Packages) && !slices.ContainsFunc(previous, func(a artifact.Item) bool { return !a.Requested })
}

// parseSets reads what each set asks for. A definition that asks for nothing at all is an error.
func (s *spec) parseSets(sections map[string]artifact.Section, dir string) error {
	if s.Packages == nil && !s.Whole && len(sections) == 0 {
		return artifact.Hint(s.section.Errorf("debian: no packages are requested: packages and sets are both missing"),
			`write "packages: [docker.io]" below debian, or "sets: { docker: { debian: [docker.io] } }" beside it; %s`, resolver.WholeHint)
	}
	s.Sets = make(map[string][]resolver.Request, len(sections))
	for _, name := range slices.Sorted(maps.Keys(sections)) {
		requests, err := parseRequests(sections[name], dir)
		if err != nil {
			return err
		}
		s.Sets[name] = requests
	}
	return nil
}
