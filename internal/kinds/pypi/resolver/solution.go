package resolver

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// solution makes the result of what was found.
func (s *search) solution(f *found) *Solution {
	result := &Solution{Projects: len(s.projects), Metadata: len(s.dependencies)}
	pins := map[string]*Pin{}
	for id, n := range f.pins {
		if n.candidate == nil {
			continue
		}
		pin := pins[n.candidate.Project]
		if pin == nil {
			pin = &Pin{Candidate: n.candidate}
			pins[n.candidate.Project] = pin
			if n.candidate.Yanked {
				result.Warnings = append(result.Warnings, fmt.Sprintf("%s was yanked%s", n.candidate, reasonOf(n.candidate)))
			}
		}
		pin.Extras = append(pin.Extras, n.extras...)
		for _, r := range f.reasons[id] {
			if r.need.exact != nil {
				continue
			}
			why := Reason{Where: r.need.where, Requirement: r.need.String()}
			if r.parent != nil {
				why.Project = r.parent.candidate.Project
			}
			pin.Reasons = append(pin.Reasons, why)
		}
		for _, extra := range n.lacks {
			result.Warnings = append(result.Warnings, fmt.Sprintf("%s does not provide the extra %s", n.candidate, extra))
		}
	}
	for _, pin := range pins {
		slices.Sort(pin.Extras)
		pin.Extras = slices.Compact(pin.Extras)
		slices.SortFunc(pin.Reasons, func(a, b Reason) int {
			return cmp.Or(strings.Compare(a.Project, b.Project), strings.Compare(a.Where, b.Where), strings.Compare(a.Requirement, b.Requirement))
		})
		pin.Reasons = slices.Compact(pin.Reasons)
		result.Pins = append(result.Pins, *pin)
	}
	slices.SortFunc(result.Pins, func(a, b Pin) int { return strings.Compare(a.Project, b.Project) })
	slices.Sort(result.Warnings)
	result.Warnings = slices.Compact(result.Warnings)
	return result
}
