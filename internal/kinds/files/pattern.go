package files

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/agext/levenshtein"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/glob"
)

// A pattern is an entry of a list in a definition: a name or a path, with the syntax of glob.ParsePath.
type pattern struct {
	glob.Pattern
	text    string // as it is written; a chart's name has more text behind it
	section artifact.Section
}

// parsePatterns reads a list of patterns.
func parsePatterns(section artifact.Section) (all []pattern, err error) {
	entries, err := readList(section)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		if err := entry.parse(entry.text); err != nil {
			return nil, err
		}
		all = append(all, entry)
	}
	return all, nil
}

// parse reads the entry's pattern, which is all of its text or a part of it.
func (p *pattern) parse(text string) (err error) {
	if p.Pattern, err = glob.ParsePath(text); err != nil {
		return p.section.Errorf("%q is not a valid pattern: %w", text, err)
	}
	return nil
}

// readList reads a list of texts that are not patterns yet.
func readList(section artifact.Section) (all []pattern, err error) {
	var entries []artifact.Section
	if err := section.Decode(&entries); err != nil {
		return nil, err
	}
	if len(entries) == 0 {
		return nil, section.Errorf("the list is empty: name at least one file, or leave out the key")
	}
	for _, entry := range entries {
		p := pattern{section: entry}
		if err := entry.Decode(&p.text); err != nil {
			return nil, err
		}
		if slices.ContainsFunc(all, func(o pattern) bool { return o.text == p.text }) {
			return nil, entry.Errorf("%q is listed twice", p.text)
		}
		all = append(all, p)
	}
	return all, nil
}

// near lists those of the names that are like the one that is wanted, for a hint.
func near(wanted string, names []string) string {
	if len(names) == 0 {
		return "there are none"
	}
	sorted := slices.Clone(names)
	slices.Sort(sorted)
	sorted = slices.Compact(sorted)
	score := func(name string) float64 {
		return max(levenshtein.Similarity(wanted, name, nil), levenshtein.Similarity(path.Base(wanted), path.Base(name), nil))
	}
	slices.SortStableFunc(sorted, func(a, b string) int {
		switch x, y := score(a), score(b); {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	const most = 5
	text := strings.Join(sorted[:min(most, len(sorted))], ", ")
	if more := len(sorted) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
