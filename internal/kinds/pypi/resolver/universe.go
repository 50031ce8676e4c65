package resolver

import (
	"context"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/kinds/pypi/pep440"
)

// A Candidate is a version of a project.
type Candidate struct {
	Project string // normalised
	Version pep440.Version
	// Files are those that can be installed on the target, the best first; see Candidates.
	Files []*File
	// Yanked says that all of them were withdrawn: only a requirement that pins the version may choose them (PEP 592).
	Yanked       bool
	YankedReason string
	// Unusable says why the version cannot be chosen for the target: then it is only there to be named in errors.
	Unusable string
}

func (c *Candidate) String() string { return c.Project + " " + c.Version.String() }

// nodeID is how needs and nodes name a project with extras.
func nodeID(project string, extras []string) string {
	if len(extras) == 0 {
		return project
	}
	return project + "[" + strings.Join(extras, ",") + "]"
}

// A universe is what is known of the index.
type universe struct {
	index        Index
	projects     map[string][]*Candidate // the newest first
	dependencies map[*Candidate]*declared
}

type declared struct {
	Dependencies
	err error
}

// versions are all versions of a project, the newest first.
func (u *universe) versions(ctx context.Context, project string) ([]*Candidate, error) {
	all, found := u.projects[project]
	if found {
		return all, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	got, err := u.index.Versions(ctx, project)
	if err != nil {
		return nil, err
	}
	all = slices.Clone(got)
	slices.SortStableFunc(all, func(a, b *Candidate) int { return b.Version.Compare(a.Version) })
	u.projects[project] = all
	return all, nil
}

func (u *universe) declared(ctx context.Context, c *Candidate) (Dependencies, error) {
	d := u.dependencies[c]
	if d == nil {
		if err := ctx.Err(); err != nil {
			return Dependencies{}, err
		}
		d = &declared{}
		d.Dependencies, d.err = u.index.Dependencies(ctx, c)
		u.dependencies[c] = d
	}
	return d.Dependencies, d.err
}

// applicable are the versions of a project that may be chosen for all needs together, which are about this project and have no exact
// version, in the order in which they are tried.
func (s *search) applicable(ctx context.Context, project string, needs []*need) ([]*Candidate, error) {
	all, err := s.versions(ctx, project)
	if err != nil {
		return nil, err
	}
	var together pep440.Specifiers
	for _, n := range s.constraints[project] {
		together = append(together, n.specifiers...)
	}
	for _, n := range needs {
		together = append(together, n.specifiers...)
	}
	var usable, final []*Candidate
	for _, c := range all {
		if c.Unusable == "" && together.Match(c.Version) {
			usable = append(usable, c)
			if !c.Version.IsPrerelease() {
				final = append(final, c)
			}
		}
	}
	if !s.Pre && !namesPrerelease(together) && (len(together) > 0 || len(final) > 0) {
		usable = final
	}
	notYanked := slices.DeleteFunc(slices.Clone(usable), func(c *Candidate) bool { return c.Yanked })
	if len(notYanked) > 0 || !together.IsPinned() {
		usable = notYanked
	}
	if previous, found := s.Previous[project]; found {
		if i := slices.IndexFunc(usable, func(c *Candidate) bool { return c.Version.Equal(previous) }); i > 0 {
			kept := usable[i]
			usable = slices.Insert(slices.Delete(slices.Clone(usable), i, i+1), 0, kept)
		}
	}
	return usable, nil
}

// namesPrerelease is the rule that all releases of pip follow: "<2rc1" and ">2rc1" do not ask for pre-releases before pip 24.3. Pre-releases
// that are the only ones to satisfy a specifier were not chosen before pip 26. What is locked must be what any of them installs.
func namesPrerelease(all pep440.Specifiers) bool {
	return slices.ContainsFunc(all, func(s pep440.Specifier) bool { return s.NamesPrerelease() && s.Operator != "<" && s.Operator != ">" })
}
