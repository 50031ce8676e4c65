// Package resolver chooses versions of Python packages that fit together for one target, as pip would on that target.
//
// The first search is pip's: the same order of projects, the newest version first, the same way back from a dead end, so that a lock has
// what pip installs. pip's search is not complete, and can take very long. When it finds nothing, a second search goes through all
// combinations that matter, remembers which failed and why, and so finds what the first has missed, or a proof that there is nothing,
// from which the error is made.
package resolver

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/pypi/pep440"
	"github.com/minimirror/minimirror/internal/kinds/pypi/pep508"
	"github.com/minimirror/minimirror/internal/kinds/pypi/wheel"
)

// An Index knows projects. The resolver asks only for what it considers, and never twice for the same.
type Index interface {
	// Versions returns all versions of a project, whose name is normalised, in any order: none if there is no such project.
	Versions(ctx context.Context, project string) ([]*Candidate, error)
	// Dependencies returns what a version declares. An error that is ErrUnusable excludes the version; any other ends the resolution.
	Dependencies(ctx context.Context, c *Candidate) (Dependencies, error)
}

// ErrUnusable marks errors about one version, such as broken metadata: others may still be chosen.
var ErrUnusable = errors.New("this version cannot be used")

// Dependencies are what a version of a project declares in its metadata.
type Dependencies struct {
	Requires       []pep508.Requirement
	RequiresPython pep440.Specifiers
	// Extras are the normalised names of the extras that it provides.
	Extras []string
}

// A Problem is what to resolve.
type Problem struct {
	Index  Index
	Target *wheel.Target
	// Requirements are what is wanted, in the order in which pip would get them: it decides ties.
	Requirements []Root
	// Constraints limit versions of projects that are needed, but do not ask for them.
	Constraints []Root
	// Pre considers pre-releases of all projects.
	Pre bool
	// Previous are versions of projects, by their normalised names, that are kept where they still fit.
	Previous map[string]pep440.Version
}

// A Root is a requirement or a constraint of the definition.
type Root struct {
	pep508.Requirement
	Where string // file and line; may be empty
}

// A Solution is one version of each project that is needed, and what was asked of the index.
type Solution struct {
	Pins []Pin // sorted by project
	// Warnings are about what pip warns of: extras that do not exist, versions that were yanked.
	Warnings []string
	// Projects and Metadata count what the index was asked for.
	Projects, Metadata int
}

// A Pin is the version that was chosen for a project.
type Pin struct {
	*Candidate
	// Extras are the normalised names of the extras that were asked for, sorted.
	Extras []string
	// Reasons are what asks for the project, sorted.
	Reasons []Reason
}

// A Reason is a requirement that applies, and who has it.
type Reason struct {
	Project     string // normalised; empty: the definition
	Where       string // of the definition
	Requirement string
}

// Resolve finds versions for all requirements of a problem. The same problem has the same solution. If there is none, the error is a
// *Conflict.
func Resolve(ctx context.Context, p Problem) (*Solution, error) {
	s := &search{Problem: p, universe: universe{index: p.Index, projects: map[string][]*Candidate{}, dependencies: map[*Candidate]*declared{}}}
	if err := s.readRoots(); err != nil {
		return nil, err
	}
	found, err := s.likePip(ctx)
	if err != nil {
		return nil, err
	}
	if found == nil {
		var conflict *Conflict
		if found, conflict, err = s.complete(ctx); err != nil {
			return nil, err
		}
		if found == nil {
			return nil, conflict
		}
	}
	return s.solution(found), nil
}

// A search resolves one problem.
type search struct {
	Problem
	universe
	roots       []*need
	constraints map[string][]*need
	environment pep508.Environment
	python      pep440.Version
	nodes       map[nodeKey]*node
}

// readRoots checks the requirements and constraints, and leaves out those whose markers do not hold for the target.
func (s *search) readRoots() error {
	s.environment, s.python = s.Target.Environment(), s.Target.Python()
	s.constraints, s.nodes = map[string][]*need{}, map[nodeKey]*node{}
	for i, root := range s.Requirements {
		n, err := s.rootNeed(root)
		if err != nil {
			return err
		} else if n == nil {
			continue
		}
		n.order = i
		s.roots = append(s.roots, n)
	}
	for _, root := range s.Constraints {
		n, err := s.rootNeed(root)
		switch {
		case err != nil:
			return err
		case n == nil:
		case len(n.extras) > 0:
			return artifact.Hint(fmt.Errorf("%sconstraint %s: a constraint cannot have extras", where(root.Where), root), "write the extras in requirements")
		default:
			s.constraints[n.project] = append(s.constraints[n.project], n)
		}
	}
	return nil
}

func where(place string) string {
	if place == "" {
		return ""
	}
	return place + ": "
}

// rootNeed is what the definition asks for, or nil where its marker does not hold.
func (s *search) rootNeed(root Root) (*need, error) {
	holds, err := root.Marker.Evaluate(s.environment)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s%s: %w", where(root.Where), root, err)
	case !holds:
		return nil, nil
	case root.URL != "":
		return nil, artifact.Hint(fmt.Errorf("%s%s: packages come from an index, not from an address", where(root.Where), root.Name), "put the package on an index, or carry the file as a plain file, and write %q", root.Name)
	}
	n := newNeed(root.Requirement)
	n.where = root.Where
	return n, nil
}

// A need is a requirement that applies: what is needed, and of which versions.
type need struct {
	requirement pep508.Requirement
	id          string // of the nodes that can fulfil it: "project", "project[extra]"
	project     string
	extras      []string
	specifiers  pep440.Specifiers
	exact       *Candidate // of a project with extras: the project itself in this version
	python      bool       // it is about Python
	where       string
	order       int // of the definition's
}

// pythonID is the id of Python itself, which is not a project.
const pythonID = "<python>"

func newNeed(r pep508.Requirement) *need {
	return &need{requirement: r, id: nodeID(r.Project(), r.Extras), project: r.Project(), extras: r.Extras, specifiers: r.Specifiers}
}

// allows reports whether a node with the need's id fulfils it.
func (n *need) allows(by *node) bool {
	switch {
	case n.exact != nil:
		return by.candidate == n.exact
	case n.python:
		return true // there is only one, and it is checked when the need arises
	}
	return n.specifiers.Match(by.candidate.Version)
}

// String describes the need as it was written.
func (n *need) String() string {
	if n.python {
		return "Python " + n.specifiers.String()
	}
	r := n.requirement
	r.Marker = pep508.Marker{}
	return r.String()
}

// A node is what needs are fulfilled with: a version of a project, for a set of extras; or Python.
type node struct {
	id        string
	candidate *Candidate // nil: Python
	extras    []string
	// needs are what it needs in turn, once they are known.
	known  bool
	needs  []*need
	failed error // why it cannot be used
	lacks  []string
}

type nodeKey struct {
	id        string
	candidate *Candidate
}

// node returns the one node of a version with extras.
func (s *search) node(id string, c *Candidate, extras []string) *node {
	key := nodeKey{id, c}
	n := s.nodes[key]
	if n == nil {
		n = &node{id: id, candidate: c, extras: extras}
		s.nodes[key] = n
	}
	return n
}

// expand finds out what a node needs.
func (s *search) expand(ctx context.Context, n *node) error {
	if n.known {
		return nil
	}
	n.known = true
	if n.candidate == nil {
		return nil
	}
	declared, err := s.declared(ctx, n.candidate)
	switch {
	case errors.Is(err, ErrUnusable):
		n.failed = err
		return nil
	case err != nil:
		return err
	}
	extras := n.extras
	if len(extras) > 0 {
		n.needs = append(n.needs, &need{requirement: pep508.Requirement{Name: n.candidate.Project}, id: n.candidate.Project, project: n.candidate.Project, exact: n.candidate})
		extras = nil
		for _, extra := range n.extras {
			if slices.Contains(declared.Extras, extra) {
				extras = append(extras, extra)
			} else {
				n.lacks = append(n.lacks, extra)
			}
		}
	}
	for _, r := range declared.Requires {
		holds, err := r.Marker.EvaluateExtras(s.environment, extras)
		switch {
		case err != nil:
			n.failed = err
			return nil
		case !holds:
			continue
		case r.URL != "":
			n.failed = fmt.Errorf("it needs %s from the address %s, and not from an index", r.Name, r.URL)
			return nil
		}
		n.needs = append(n.needs, newNeed(r))
	}
	if len(n.extras) == 0 && len(declared.RequiresPython) > 0 {
		n.needs = append(n.needs, &need{id: pythonID, project: pythonID, specifiers: declared.RequiresPython, python: true})
	}
	return nil
}
