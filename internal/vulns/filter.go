package vulns

import (
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A Filter selects findings. The zero value selects those that people look at: affected, unless unimportant, and undetermined.
type Filter struct {
	Text     string   // part of an identifier, or of the name of what it is in; case does not matter
	Statuses []string // only these
	Matching *Threshold
}

// ParseStatuses reads statuses. The error is artifact.ErrUsage.
func ParseStatuses(words []string) ([]string, error) {
	for _, word := range words {
		if !slices.Contains(statuses, word) {
			return nil, artifact.Usagef("%q is not a status: want %s", word, strings.Join(statuses, ", "))
		}
	}
	return words, nil
}

// Select returns the findings that the filter selects, in the report's order.
func (f *Filter) Select(r *Report) []*Finding {
	all := []*Finding{}
	text := strings.ToLower(f.Text)
	for i := range r.Findings {
		if one := &r.Findings[i]; f.selects(one) && one.mentions(text) {
			all = append(all, one)
		}
	}
	return all
}

func (f *Filter) selects(one *Finding) bool {
	if f.Matching == nil && len(f.Statuses) == 0 {
		return one.Open() || one.Status == Undetermined
	}
	return (f.Matching == nil || f.Matching.matches(one)) && (len(f.Statuses) == 0 || slices.Contains(f.Statuses, one.Status))
}

// mentions reports whether an identifier, or a name of what the finding is in, contains a text in lower case.
func (f *Finding) mentions(text string) bool {
	has := func(name string) bool { return strings.Contains(strings.ToLower(name), text) }
	return text == "" || has(f.ID) || has(f.Name) || slices.ContainsFunc(f.Aliases, has) || slices.ContainsFunc(f.Items, func(i Affects) bool { return has(i.Name) })
}

// CountUndetermined is how many findings say that nobody knows whether the version is affected.
func (r *Report) CountUndetermined() (n int) {
	for i := range r.Findings {
		if r.Findings[i].Status == Undetermined {
			n++
		}
	}
	return n
}
