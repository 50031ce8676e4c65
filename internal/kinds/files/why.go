package files

import (
	"fmt"
	"maps"
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/glob"
)

// Why implements artifact.Explainer.
func (Kind) Why(definition artifact.Spec, pins artifact.Pins, name string) (reasons []artifact.Reason, err error) {
	s := definition.(*spec)
	asked, err := glob.ParsePath(name)
	if err != nil {
		return nil, artifact.Usagef("%q is not a valid name or pattern: %w", name, err)
	}
	var all []string
	for i := range pins.Items {
		item := &pins.Items[i]
		all = append(all, item.Name)
		if !slices.ContainsFunc(namesOf(item), asked.Match) && !slices.Contains(namesOf(item), name) {
			continue
		}
		reason := artifact.Reason{Artifact: item.String()}
		for at := range s.sources {
			if source := &s.sources[at]; source.name == item.Source {
				reason.Chain = append(reason.Chain, source.reason(item))
			}
		}
		for _, set := range slices.Sorted(maps.Keys(s.sets)) {
			for _, p := range s.sets[set] {
				if slices.ContainsFunc(namesOf(item), p.Match) {
					reason.Chain = append(reason.Chain, fmt.Sprintf("%s: the set %s has %s", p.section.Position(), set, p.text))
					break
				}
			}
		}
		reasons = append(reasons, reason)
	}
	if reasons == nil {
		return nil, artifact.Hint(fmt.Errorf("no source has a file %q", name), "there are: %s", near(name, all))
	}
	return reasons, nil
}

// reason says which line of the definition asks for the item.
func (s *source) reason(item *artifact.Item) string {
	for _, p := range s.take {
		if p.Match(filePath(item)) {
			return fmt.Sprintf("%s: the source %s takes %s", p.section.Position(), s.name, p.text)
		}
	}
	for _, c := range s.charts {
		if c.Match(item.Name) {
			return fmt.Sprintf("%s: the source %s has the chart %s", c.section.Position(), s.name, c.text)
		}
	}
	return fmt.Sprintf("%s: the source %s is %s %s", s.section.Position(), s.name, s.way, s.address)
}
