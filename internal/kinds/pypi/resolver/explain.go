package resolver

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A fact is something from which it follows that there is no solution: a need and who has it, a constraint, a version that cannot be used, or
// which versions of a project there are.
type fact struct {
	need       *need
	parent     *node // nil: the definition
	constraint bool
	failed     bool   // parent cannot be used
	project    string // what the index has of it
}

// A Conflict is the error of a problem that has no solution.
type Conflict struct {
	Target string
	// Lines are the facts from which it follows, in plain words.
	Lines []string
	hint  string
}

// Error lists the facts, one a line, and a hint.
func (c *Conflict) Error() string {
	text := "no versions fit together for " + c.Target
	for _, line := range c.Lines {
		text += "\n  " + line
	}
	return artifact.Hint(fmt.Errorf("%s", text), "%s", c.hint).Error()
}

func (s *search) tooHard() *Conflict {
	return &Conflict{Target: s.Target.String(), Lines: []string{fmt.Sprintf("none of the first %d combinations does", maxSteps)},
		hint: "pin versions of some projects, or give ranges for them, in constraints"}
}

// A group is facts that differ only in the version of who has a need.
type group struct {
	rank     int // the definition's first
	parent   string
	need     string
	versions []*Candidate
	line     string
}

// explain says a dead end in plain words.
func (s *search) explain(ctx context.Context, dead *deadEnd) (*Conflict, error) {
	groups := map[[3]string]*group{}
	get := func(rank int, parent, need string) *group {
		key := [3]string{fmt.Sprint(rank), parent, need}
		if groups[key] == nil {
			groups[key] = &group{rank: rank, parent: parent, need: need}
		}
		return groups[key]
	}
	projects := map[string][]*need{}
	var hints []string
	for f := range dead.facts {
		switch {
		case f.project != "":
			if projects[f.project] == nil {
				projects[f.project] = []*need{}
			}
		case f.failed:
			line := "cannot be used: " + plain(f.parent.failed)
			g := get(2, f.parent.candidate.Project, line)
			g.line = line
			g.versions = append(g.versions, f.parent.candidate)
		case f.constraint:
			get(1, "", f.need.String()).line = fmt.Sprintf("%sthe constraint is %s", where(f.need.where), f.need)
		case f.parent == nil:
			get(0, fmt.Sprintf("%09d", f.need.order), f.need.String()).line = fmt.Sprintf("%s%s is wanted", where(f.need.where), f.need)
		case f.need.exact != nil:
		default:
			g := get(2, f.parent.id, f.need.String())
			g.versions = append(g.versions, f.parent.candidate)
			if f.need.python {
				hints = append(hints, fmt.Sprintf("%s needs another Python than %s: allow an older version, or make a target of a newer Python", f.parent.candidate.Project, s.python))
			}
		}
		if f.need != nil && !f.need.python && f.need.exact == nil {
			projects[f.need.project] = append(projects[f.need.project], f.need)
		}
	}
	sorted := make([]*group, 0, len(groups))
	for _, g := range groups {
		sorted = append(sorted, g)
	}
	slices.SortFunc(sorted, func(a, b *group) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), strings.Compare(a.parent, b.parent), strings.Compare(a.need, b.need))
	})
	c := &Conflict{Target: s.Target.String()}
	for _, g := range sorted {
		switch {
		case len(g.versions) == 0:
			c.Lines = append(c.Lines, g.line)
		case g.line != "":
			c.Lines = append(c.Lines, fmt.Sprintf("%s %s %s", g.parent, listVersions(g.versions), g.line))
		default:
			verb := "needs"
			if len(g.versions) > 1 {
				verb = "need"
			}
			c.Lines = append(c.Lines, fmt.Sprintf("%s %s %s %s", g.parent, listVersions(g.versions), verb, g.need))
		}
	}
	slices.Sort(hints)
	for _, name := range slices.Sorted(maps.Keys(projects)) {
		lines, hint, err := s.describe(ctx, name, projects[name])
		if err != nil {
			return nil, err
		}
		c.Lines = append(c.Lines, lines...)
		if hint != "" {
			hints = append([]string{hint}, hints...)
		}
	}
	c.hint = "loosen one of these requirements, or leave one of the projects out"
	if len(hints) > 0 {
		c.hint = hints[0]
	}
	return c, nil
}

// plain is an error without its hint, and without saying once more that the version cannot be used.
func plain(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	line = strings.TrimPrefix(line, ErrUnusable.Error()+": ")
	return artifact.Printable(strings.TrimSuffix(line, ": "+ErrUnusable.Error()))
}

// describe says what the index has of a project that has no version for all of the needs, and why some of that does not count.
func (s *search) describe(ctx context.Context, project string, needs []*need) (lines []string, hint string, err error) {
	all, err := s.versions(ctx, project)
	if err != nil {
		return nil, "", err
	}
	if len(all) == 0 {
		return []string{project + " is not in the index"}, fmt.Sprintf("check the name %s, and which indexes the definition has", project), nil
	}
	may, err := s.applicable(ctx, project, nil)
	if err != nil {
		return nil, "", err
	}
	others := map[string][]*Candidate{}
	for _, c := range all {
		if !slices.ContainsFunc(needs, func(n *need) bool { return n.specifiers.Match(c.Version) }) {
			continue
		}
		switch {
		case c.Unusable != "":
			others[c.Unusable] = append(others[c.Unusable], c)
			if strings.HasPrefix(c.Unusable, needsPython) {
				hint = fmt.Sprintf("allow another version of %s, make a target of another Python, or write the whole version of the target's, such as %s", project, s.python)
			}
		case slices.Contains(may, c):
		case c.Yanked:
			others["was yanked"+reasonOf(c)] = append(others["was yanked"+reasonOf(c)], c)
			hint = fmt.Sprintf("to use a yanked version, write %s==%s", project, c.Version)
		case c.Version.IsPrerelease():
			others["is a pre-release"] = append(others["is a pre-release"], c)
			hint = fmt.Sprintf("to use a pre-release, write %s>=%s, or pre: true", project, c.Version)
		}
	}
	if len(may) > 0 {
		lines = append(lines, fmt.Sprintf("the index has %s %s", project, listVersions(may)))
	}
	for _, why := range slices.Sorted(maps.Keys(others)) {
		lines = append(lines, fmt.Sprintf("%s %s %s", project, listVersions(others[why]), why))
	}
	return lines, hint, nil
}

func reasonOf(c *Candidate) string {
	if c.YankedReason == "" {
		return ""
	}
	return " (" + artifact.Printable(c.YankedReason) + ")"
}

// listVersions lists versions, the oldest first, or says from which to which they go.
func listVersions(all []*Candidate) string {
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b *Candidate) int { return a.Version.Compare(b.Version) })
	all = slices.CompactFunc(all, func(a, b *Candidate) bool { return a.Version.Equal(b.Version) })
	texts := make([]string, len(all))
	for i, c := range all {
		texts[i] = c.Version.String()
	}
	last := texts[len(texts)-1]
	switch {
	case len(texts) == 1:
		return last
	case len(texts) <= 4:
		return strings.Join(texts[:len(texts)-1], ", ") + " and " + last
	}
	return fmt.Sprintf("%s to %s (%d versions)", texts[0], last, len(texts))
}
