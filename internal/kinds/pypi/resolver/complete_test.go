package resolver

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/minimirror/minimirror/internal/kinds/pypi/pep440"
	"github.com/minimirror/minimirror/internal/kinds/pypi/pep508"
	"github.com/minimirror/minimirror/internal/kinds/pypi/wheel"
)

// A small index has every version of a few projects, with what each needs.
type small struct {
	versions map[string][]*Candidate
	needs    map[*Candidate][]pep508.Requirement
}

func (x *small) Versions(_ context.Context, project string) ([]*Candidate, error) {
	return x.versions[project], nil
}

func (x *small) Dependencies(_ context.Context, c *Candidate) (Dependencies, error) {
	return Dependencies{Requires: x.needs[c]}, nil
}

// possible tries every combination of versions, and of projects that are not chosen.
func (x *small) possible(projects []string, chosen map[string]*Candidate, wanted []Root) bool {
	if len(projects) > 0 {
		for _, c := range append([]*Candidate{nil}, x.versions[projects[0]]...) {
			chosen[projects[0]] = c
			if x.possible(projects[1:], chosen, wanted) {
				return true
			}
		}
		return false
	}
	fits := func(r pep508.Requirement) bool {
		c := chosen[r.Project()]
		return c != nil && r.Specifiers.Match(c.Version)
	}
	for _, r := range wanted {
		if !fits(r.Requirement) {
			return false
		}
	}
	for _, c := range chosen {
		if c == nil {
			continue
		}
		for _, r := range x.needs[c] {
			if !fits(r) {
				return false
			}
		}
	}
	return true
}

// TestComplete compares the second search with all combinations of small indexes: it finds a solution if there is one, and all needs of what it
// finds are fulfilled.
func TestComplete(t *testing.T) {
	target, err := wheel.ParseTarget("3.11", "manylinux_2_28_x86_64")
	if err != nil {
		t.Fatal(err)
	}
	solved, failed := 0, 0
	for number := range 1500 {
		random := rand.New(rand.NewPCG(11, uint64(number)))
		x := &small{map[string][]*Candidate{}, map[*Candidate][]pep508.Requirement{}}
		projects := []string{"a", "b", "c", "d", "e", "f"}[:3+random.IntN(4)]
		requirement := func(text string) pep508.Requirement {
			r, err := pep508.ParseRequirement(text)
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		some := func() pep508.Requirement {
			op := []string{"", "==", "<=", ">=", "!=", ">=", "<="}[random.IntN(7)]
			if op != "" {
				op += fmt.Sprint(1 + random.IntN(4))
			}
			return requirement(projects[random.IntN(len(projects))] + op)
		}
		for _, name := range projects {
			for v := range 1 + random.IntN(4) {
				version, err := pep440.Parse(fmt.Sprint(v + 1))
				if err != nil {
					t.Fatal(err)
				}
				c := &Candidate{Project: name, Version: version}
				x.versions[name] = append(x.versions[name], c)
				for range random.IntN(4) {
					if r := some(); r.Name != name {
						x.needs[c] = append(x.needs[c], r)
					}
				}
			}
		}
		var wanted []Root
		for range 1 + random.IntN(3) {
			wanted = append(wanted, Root{Requirement: some()})
		}
		s := &search{Problem: Problem{Index: x, Target: target, Requirements: wanted}, universe: universe{index: x, projects: map[string][]*Candidate{}, dependencies: map[*Candidate]*declared{}}}
		if err := s.readRoots(); err != nil {
			t.Fatal(err)
		}
		found, conflict, err := s.complete(t.Context())
		if err != nil || (found == nil) == (conflict == nil) {
			t.Fatalf("#%d: %v, %v, %v", number, found, conflict, err)
		}
		want := x.possible(projects, map[string]*Candidate{}, wanted)
		if want != (found != nil) {
			t.Errorf("#%d wants %v: possible: %t; found %v, %v", number, wanted, want, found, conflict)
		}
		if found == nil {
			failed++
			if len(conflict.Lines) < 2 {
				t.Errorf("#%d: %v", number, conflict)
			}
			continue
		}
		solved++
		for _, pin := range found.pins {
			for _, n := range pin.needs {
				if by := found.pins[n.id]; by == nil || !n.allows(by) {
					t.Errorf("#%d: %s needs %s, and has %v", number, pin.candidate, n, by)
				}
			}
		}
		// What pip's search finds is a solution, too; where it finds nothing, there may be one.
		if like, err := s.likePip(t.Context()); err != nil || like != nil && !want {
			t.Errorf("#%d: %v, %v", number, like, err)
		}
	}
	if solved < 300 || failed < 300 {
		t.Errorf("%d solved, %d without solution", solved, failed)
	}
	t.Logf("%d solved, %d without solution", solved, failed)
}

// broken fails as indexes do.
type broken struct {
	*small
	err error
}

func (x broken) Dependencies(context.Context, *Candidate) (Dependencies, error) {
	return Dependencies{}, x.err
}

func TestBroken(t *testing.T) {
	target, err := wheel.ParseTarget("3.11", "manylinux_2_28_x86_64")
	if err != nil {
		t.Fatal(err)
	}
	version, err := pep440.Parse("1")
	if err != nil {
		t.Fatal(err)
	}
	r, err := pep508.ParseRequirement("a")
	if err != nil {
		t.Fatal(err)
	}
	x := &small{versions: map[string][]*Candidate{"a": {{Project: "a", Version: version}}}}
	down := errors.New("the index is down")
	if _, err := Resolve(t.Context(), Problem{Index: broken{x, down}, Target: target, Requirements: []Root{{Requirement: r}}}); err != down {
		t.Error(err)
	}
	var conflict *Conflict
	_, err = Resolve(t.Context(), Problem{Index: broken{x, fmt.Errorf("no metadata: %w", ErrUnusable)}, Target: target, Requirements: []Root{{Requirement: r}}})
	if !errors.As(err, &conflict) || conflict.Lines[1] != "a 1 cannot be used: no metadata" {
		t.Error(err)
	}
}
