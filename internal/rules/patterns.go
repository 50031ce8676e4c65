package rules

import "slices"

// patterns are the values of one condition, of which one must match.
type patterns struct {
	exact []string // sorted
	globs []glob
	any   bool // one of them matches everything
}

func (p *patterns) add(pattern string) error {
	g, err := parseGlob(pattern)
	switch {
	case err != nil:
		return err
	case g.exact:
		p.exact = append(p.exact, g.prefix)
	default:
		p.globs = append(p.globs, g)
		p.any = p.any || g.any()
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
			if p.globs[i].match(s) {
				return true
			}
		}
	}
	return false
}
