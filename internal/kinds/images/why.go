package images

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
	pattern, err := glob.ParsePath(name)
	if err != nil {
		return nil, artifact.Usagef("%q is not a valid name or pattern: %w", name, err)
	}
	var known []string
	for i := range pins.Items {
		item := &pins.Items[i]
		known = append(known, reference(item))
		if !isNamed(item, name) && !slices.ContainsFunc(append(Kind{}.Aliases(item), item.Name), pattern.Match) {
			continue
		}
		reason := artifact.Reason{Artifact: reference(item)}
		if p := platformOf(item); p != "" {
			reason.Artifact += " (" + p + ")"
		}
		for at := range s.sources {
			if source := &s.sources[at]; source.name() == item.Source {
				reason.Chain = append(reason.Chain, source.reasons(item)...)
			}
		}
		for _, set := range slices.Sorted(maps.Keys(s.sets)) {
			for r := range s.sets[set] {
				if request := &s.sets[set][r]; request.means(item) {
					reason.Chain = append(reason.Chain, fmt.Sprintf("%s: the set %s has %s", request.section.Position(), set, request))
					break
				}
			}
		}
		reasons = append(reasons, reason)
	}
	if reasons == nil {
		return nil, artifact.Hint(fmt.Errorf("the lock has no image %q", name), "it has: %s", near(name, known))
	}
	return reasons, nil
}

// reasons say which lines of the definition ask for an item of the source.
func (s *source) reasons(item *artifact.Item) (lines []string) {
	for r := range s.take {
		if request := &s.take[r]; request.repository.Match(item.Name) && (request.digest == digestOf(item) || request.matchTag(item.Version)) {
			lines = append(lines, fmt.Sprintf("%s: %s: take has %s", request.section.Position(), s.registry, request))
			break
		}
	}
	if p := platformOf(item); p != "" {
		lines = append(lines, fmt.Sprintf("%s: %s: platforms are %s", s.section.Position(), s.registry, s.platforms.String()))
	}
	return lines
}
