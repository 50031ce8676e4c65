package pypi

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/pypi/pep440"
	"github.com/minimirror/minimirror/internal/kinds/pypi/pep508"
	"github.com/minimirror/minimirror/internal/kinds/pypi/resolver"
)

// maxParallel is how many files of metadata are read at a time. How many transfers that makes at most, Upstream decides.
const maxParallel = 8

// A kindResolver has the state of one call of Resolve.
type kindResolver struct {
	req  artifact.ResolveRequest
	spec *spec
	artifact.Resolution
}

// Resolve implements artifact.Kind. It fetches no wheels, unless an index has no metadata of them or does not state their sizes.
func (Kind) Resolve(ctx context.Context, req artifact.ResolveRequest) (*artifact.Resolution, error) {
	r := &kindResolver{req: req, spec: req.Spec.(*spec)}
	sets, err := r.spec.setRequests()
	if err != nil {
		return nil, err
	}
	for i := range r.spec.sources {
		if err := r.source(ctx, &r.spec.sources[i], sets[r.spec.sources[i].name]); err != nil {
			return nil, err
		}
	}
	return &r.Resolution, r.joinSets()
}

// A setRequest is what a set asks of a source.
type setRequest struct {
	set      string
	requests []request
}

// setRequests divides what sets ask for among the sources: each request goes to the source that requires the project, or to the only one.
func (s *spec) setRequests() (map[string][]setRequest, error) {
	all := make(map[string][]setRequest)
	for _, name := range slices.Sorted(maps.Keys(s.sets)) {
		of := make(map[string][]request)
		for _, r := range s.sets[name] {
			var found []string
			for i := range s.sources {
				requires := func(o request) bool { return o.Project() == r.Project() }
				if len(s.sources) == 1 || slices.ContainsFunc(s.sources[i].requests, requires) {
					found = append(found, s.sources[i].name)
				}
			}
			if len(found) != 1 {
				return nil, artifact.Hint(r.section.Errorf("pypi: set %s: %d of the indexes require %s, and a set takes it from one", name, len(found), r.Name), "add it to the requirements of one of the indexes")
			}
			of[found[0]] = append(of[found[0]], r)
		}
		for source, requests := range of {
			all[source] = append(all[source], setRequest{name, requests})
		}
	}
	return all, nil
}

// A sourceResolver resolves one source.
type sourceResolver struct {
	*kindResolver
	*source
	offers *offers
	hashes hashes
	limits []resolver.Root    // constraints
	pre    bool               // the definition or a file wants pre-releases
	wanted map[string]*wanted // by the name of the file
	sets   map[string]*artifact.Set
}

// A wanted is a distribution that is carried.
type wanted struct {
	*dist
	targets, by map[string]bool
}

func (r *kindResolver) source(ctx context.Context, s *source, sets []setRequest) error {
	sr := &sourceResolver{kindResolver: r, source: s, offers: newOffers(s, r.req.Upstream, r.req.Log), hashes: hashes{of: make(map[string]map[string]bool)}, pre: s.pre,
		wanted: make(map[string]*wanted), sets: make(map[string]*artifact.Set)}
	if err := sr.readConstraints(); err != nil {
		return err
	}
	asked := rootsOf(s.requests)
	for _, set := range sets {
		asked = append(asked, rootsOf(set.requests)...)
	}
	for i := range s.targets {
		t := &s.targets[i]
		files, err := sr.fileRoots(t)
		if err != nil {
			return err
		}
		roots := slices.Concat(asked, files)
		chosen, err := sr.solve(ctx, t, roots)
		if err != nil {
			return s.errorf("%s: %w", t, err)
		}
		if err := sr.choose(ctx, t, roots, chosen, sets); err != nil {
			return s.errorf("%s: %w", t, err)
		}
	}
	if s.all {
		if err := sr.everyVersion(ctx); err != nil {
			return s.errorf("%w", err)
		}
	}
	if err := sr.pin(ctx); err != nil {
		return s.errorf("%w", err)
	}
	r.Sources = append(r.Sources, artifact.Source{Kind: Kind{}.Name(), Name: s.name, URLs: sr.addresses(), Releases: []artifact.Release{}})
	for _, set := range sets {
		r.Sets = append(r.Sets, *sr.sets[set.set])
	}
	return nil
}

// A root is a requirement that no package has, and where it is from: a value of the line Needed-By.
type root struct {
	pep508.Requirement
	by    string
	where string // its place in the definition, or the file and line
}

func rootsOf(requests []request) (roots []root) {
	for _, r := range requests {
		roots = append(roots, root{r.Requirement, byRequirement + r.Requirement.String(), r.section.Position()})
	}
	return roots
}

// choose takes what was chosen for a target, and follows the requirements through it: they must all hold.
func (r *sourceResolver) choose(ctx context.Context, t *target, roots []root, chosen map[string]*dist, sets []setRequest) error {
	w, err := r.walk(ctx, t, roots, chosen)
	if err != nil {
		return err
	}
	for name, by := range w.by {
		one := r.want(chosen[name])
		one.targets[t.name] = true
		for _, b := range by {
			one.by[b] = true
		}
	}
	tools, err := r.build(ctx, t, chosen)
	if err != nil {
		return err
	}
	for _, set := range sets {
		of := rootsOf(set.requests)
		w, err := r.walk(ctx, t, of, chosen)
		if err != nil {
			return err
		}
		if r.sets[set.set] == nil {
			r.sets[set.set] = &artifact.Set{Name: set.set, Architecture: artifact.AnyArchitecture}
		}
		s := r.sets[set.set]
		for name, by := range w.by {
			id := r.id(chosen[name])
			s.Items = append(append(s.Items, id), tools[name]...)
			if slices.ContainsFunc(by, func(b string) bool { return !strings.HasPrefix(b, byProject) }) {
				s.Requested = append(s.Requested, id)
			}
		}
	}
	return nil
}

// id is the Item.ID of a distribution.
func (r *sourceResolver) id(d *dist) string {
	return r.source.name + "/" + filePath(d.Dist.Project, d.Name)
}

func (r *sourceResolver) want(d *dist) *wanted {
	one := r.wanted[d.Name]
	if one == nil {
		one = &wanted{d, make(map[string]bool), make(map[string]bool)}
		r.wanted[d.Name] = one
	}
	return one
}

// joinSets puts what sources have of one set together, in order.
func (r *kindResolver) joinSets() error {
	byName := make(map[string]*artifact.Set)
	for i := range r.Sets {
		s := &r.Sets[i]
		if byName[s.Name] == nil {
			byName[s.Name] = &artifact.Set{Name: s.Name, Architecture: s.Architecture}
		}
		all := byName[s.Name]
		all.Items, all.Requested = append(all.Items, s.Items...), append(all.Requested, s.Requested...)
	}
	r.Sets = nil
	for _, name := range slices.Sorted(maps.Keys(r.spec.sets)) {
		s := byName[name]
		if s == nil || len(s.Items) == 0 {
			return fmt.Errorf("pypi: set %s: none of its requirements applies to a target", name)
		}
		slices.Sort(s.Items)
		slices.Sort(s.Requested)
		s.Items, s.Requested = slices.Compact(s.Items), slices.Compact(s.Requested)
		r.Sets = append(r.Sets, *s)
	}
	return nil
}

// everyVersion takes all files of the projects that the definition names, of the versions that it allows.
func (r *sourceResolver) everyVersion(ctx context.Context) error {
	for _, request := range r.requests {
		for i := range r.targets {
			candidates, err := r.offers.candidates(ctx, request.Project(), &r.targets[i])
			if err != nil {
				return err
			}
			var versions []pep440.Version
			for _, c := range candidates {
				versions = append(versions, c.Version)
			}
			allowed := make(map[string]bool)
			for _, v := range request.Specifiers.Filter(versions, r.pre) {
				allowed[v.Key()] = true
			}
			for _, c := range candidates {
				for _, f := range c.Files {
					if allowed[c.Version.Key()] {
						r.want(f.Data.(*dist)).by[byVersions+request.Requirement.String()] = true
					}
				}
			}
		}
	}
	return nil
}
