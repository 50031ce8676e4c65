package pypi

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/pypi/pep440"
	"github.com/minimirror/minimirror/internal/kinds/pypi/resolver"
	"github.com/minimirror/minimirror/internal/kinds/pypi/simple"
)

// offers is what the indexes of a source have. Each page and each file of metadata is read once.
type offers struct {
	source   *source
	upstream artifact.Upstream
	log      *slog.Logger

	mu       sync.Mutex
	projects map[string]*offered
	stated   map[string]*stated // by address of the file
}

// An offered is what an index has of a project.
type offered struct {
	once  sync.Once
	err   error
	page  *simple.Page
	index *simple.Index
	dists []*dist // that a target may install, in the order of the page; and one of each version of which none may, for explanations
}

// A dist is a distribution that an index offers.
type dist struct {
	simple.File
	index *simple.Index
}

// stated is the metadata of a file.
type stated struct {
	once sync.Once
	*simple.Stated
	err error
}

func newOffers(s *source, up artifact.Upstream, log *slog.Logger) *offers {
	return &offers{source: s, upstream: up, log: log, projects: make(map[string]*offered), stated: make(map[string]*stated)}
}

// project reads the page of a project. If the index does not have it, the error is fs.ErrNotExist.
func (o *offers) project(ctx context.Context, name string) (*offered, error) {
	o.mu.Lock()
	p := o.projects[name]
	if p == nil {
		p = &offered{}
		o.projects[name] = p
	}
	o.mu.Unlock()
	p.once.Do(func() { p.err = o.read(ctx, name, p) })
	return p, p.err
}

func (o *offers) read(ctx context.Context, name string, p *offered) (err error) {
	p.index = &simple.Index{URL: o.source.indexOf(name), Upstream: o.upstream}
	versions, others := make(map[string]bool), make(map[string]*dist)
	var order []string
	p.page, err = p.index.Project(ctx, name, func(f *simple.File) error {
		d, key := &dist{*f, p.index}, f.Dist.Version.Key()
		switch {
		case o.suits(d):
			versions[key] = true
			p.dists = append(p.dists, d)
		case !versions[key] && others[key] == nil:
			others[key] = d
			order = append(order, key)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, key := range order {
		if !versions[key] {
			p.dists = append(p.dists, others[key])
		}
	}
	for _, refused := range p.page.Refused {
		o.log.Warn("a file of an index is ignored", "index", artifact.Redacted(p.index.URL), "project", name, "reason", refused)
	}
	if p.page.Status == simple.Quarantined {
		return artifact.Hint(fmt.Errorf("%s: the index has quarantined this project%s", name, reason(p.page)), "a project is quarantined when it may be harmful: see what the index says about it, and require something else")
	}
	return nil
}

// reason is what the index says about the status of a project, behind a colon.
func reason(p *simple.Page) string {
	if text := strings.Join(strings.Fields(p.Reason), " "); text != "" {
		return ": " + text
	}
	return ""
}

// suits reports whether a target may install the file: source distributions are for all, and any Python may be required.
func (o *offers) suits(d *dist) bool {
	if !d.Dist.IsWheel() {
		return slices.Contains(o.source.sdist, d.Dist.Project)
	}
	return slices.ContainsFunc(o.source.targets, func(t target) bool {
		_, supported := t.Rank(d.Dist)
		return supported
	})
}

// candidates are the versions of a project for a target.
func (o *offers) candidates(ctx context.Context, project string, t *target) ([]*resolver.Candidate, error) {
	p, err := o.project(ctx, project)
	switch {
	case absent(err):
		return nil, nil
	case err != nil:
		return nil, err
	}
	files := make([]*resolver.File, len(p.dists))
	for i, d := range p.dists {
		files[i] = &resolver.File{Filename: d.Dist, RequiresPython: d.RequiresPython, Yanked: d.Yanked, YankedReason: d.YankedReason, Data: d}
	}
	return resolver.Candidates(project, files, t.Target, slices.Contains(o.source.sdist, project)), nil
}

// metadata is what a distribution says of itself. That its version is the file's is verified.
func (o *offers) metadata(ctx context.Context, d *dist) (*simple.Stated, error) {
	o.mu.Lock()
	s := o.stated[d.URL]
	if s == nil {
		s = &stated{}
		o.stated[d.URL] = s
	}
	o.mu.Unlock()
	s.once.Do(func() {
		if s.Stated, s.err = d.index.Metadata(ctx, d.Dist.Project, &d.File); s.err != nil {
			return
		}
		if v, err := pep440.Parse(s.Version); err != nil || !v.Equal(d.Dist.Version) {
			s.err = artifact.Verifyf("metadata of %s: it is of version %s", d.Name, s.Version)
			return
		}
		if s.Lost {
			o.log.Warn("the index announces metadata that it does not have; it was read from the file itself", "file", d.Name)
		}
	})
	return s.Stated, s.err
}

// absent reports whether an error says that an index does not have a project.
func absent(err error) bool { return errors.Is(err, fs.ErrNotExist) }
