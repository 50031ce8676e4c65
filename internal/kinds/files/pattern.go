package files

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/agext/levenshtein"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A pattern is a name in a definition, in which "*", "?" and "[…]" stand for what path.Match says; "**" at the end
// is all below a folder.
type pattern struct {
	text    string
	section artifact.Section
}

func (p pattern) matches(name string) bool {
	if folder, found := strings.CutSuffix(p.text, "**"); found && (folder == "" || strings.HasSuffix(folder, "/")) {
		return matchesFolder(folder, name)
	}
	match, _ := path.Match(p.text, name) // parsePatterns has checked it
	return match
}

// matchesFolder reports whether the first elements of name match the folder's.
func matchesFolder(folder, name string) bool {
	elements := strings.Split(name, "/")
	n := strings.Count(folder, "/")
	if len(elements) <= n {
		return false
	}
	match, _ := path.Match(strings.TrimSuffix(folder, "/"), strings.Join(elements[:n], "/"))
	return match
}

// parsePatterns reads a list of patterns.
func parsePatterns(section artifact.Section) ([]pattern, error) {
	var entries []artifact.Section
	if err := section.Decode(&entries); err != nil {
		return nil, err
	}
	if len(entries) == 0 {
		return nil, section.Errorf("the list is empty: name at least one file, or leave out the key")
	}
	var all []pattern
	for _, entry := range entries {
		p := pattern{section: entry}
		if err := entry.Decode(&p.text); err != nil {
			return nil, err
		}
		if _, err := path.Match(strings.TrimSuffix(p.text, "**"), ""); err != nil || p.text == "" {
			return nil, entry.Errorf("%q is not a pattern: a name, in which *, ? and [a-z] stand for others", p.text)
		}
		if slices.ContainsFunc(all, func(o pattern) bool { return o.text == p.text }) {
			return nil, entry.Errorf("%q is there twice", p.text)
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
