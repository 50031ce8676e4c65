package rules

// patterns are the values of one condition, of which one must match.
type patterns struct {
	exact map[string]struct{}
	globs []glob
	any   bool // one of them matches everything
}

func (p *patterns) add(pattern string) error {
	g, err := parseGlob(pattern)
	switch {
	case err != nil:
		return err
	case g.exact:
		if p.exact == nil {
			p.exact = make(map[string]struct{})
		}
		p.exact[g.prefix] = struct{}{}
	default:
		p.globs = append(p.globs, g)
		p.any = p.any || g.any()
	}
	return nil
}

// match reports whether one of the texts matches.
func (p *patterns) match(texts []string) bool {
	for _, s := range texts {
		if _, ok := p.exact[s]; ok || p.any {
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
