package rules

import (
	"slices"

	"github.com/minimirror/minimirror/internal/glob"
)

// patterns are the values of one condition, of which one must match.
type patterns struct {
	exact []string // sorted
	globs []glob.Pattern
	any   bool // one of them matches everything
}

func (p *patterns) add(pattern string) error {
	g, err := glob.Parse(pattern)
	if err != nil {
		return err
	}
	if text, exact := g.Exact(); exact {
		p.exact = append(p.exact, text)
	} else {
		p.globs = append(p.globs, g)
		p.any = p.any || g.Any()
	}
	return nil
}

// sort is due after the last add.
func (p *patterns) sort() {
	slices.Sort(p.exact)
	p.exact = slices.Compact(p.exact)
}

// match reports whether one of the texts matches.
func (p *patterns) match(texts []string) bool {
	for _, s := range texts {
		if _, found := slices.BinarySearch(p.exact, s); found || p.any {
			return true
		}
		for i := range p.globs {
			if p.globs[i].Match(s) {
				return true
			}
		}
	}
	return false
}
