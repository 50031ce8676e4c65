package pypi

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/pypi/pep508"
)

// Values of the line Needed-By begin with one of these.
const (
	byRequirement = "requirement "
	byFile        = "file "
	byVersions    = "versions of "
	byBuild       = "build of "
	byProject     = "project "
)

// Why implements artifact.Explainer.
func (Kind) Why(definition artifact.Spec, pins artifact.Pins, name string) (reasons []artifact.Reason, err error) {
	s := definition.(*spec)
	for i := range pins.Items {
		item := &pins.Items[i]
		if item.Name != pep508.NormalizeName(name) && !slices.Contains(Kind{}.Aliases(item), name) {
			continue
		}
		chain := shortest(&pins, item)
		slices.Reverse(chain)
		if len(chain) > 0 {
			chain[0] = s.place(item.Source, chain[0])
		}
		reasons = append(reasons, artifact.Reason{Artifact: item.String() + ": " + fileName(item), Chain: chain})
	}
	if reasons == nil {
		return nil, fmt.Errorf("the lock has no project %q", name)
	}
	return reasons, nil
}

// shortest is the shortest chain from the item to what the definition asks for.
func shortest(pins *artifact.Pins, item *artifact.Item) []string {
	type step struct {
		lines []string
		name  string
		chain []string
	}
	seen := map[string]bool{item.Name: true}
	queue := []step{{values(item.Metadata, keyNeededBy), item.Name, nil}}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		for _, by := range at.lines {
			if !strings.HasPrefix(by, byProject) {
				return append(slices.Clone(at.chain), by)
			}
		}
		for _, by := range at.lines {
			parent := strings.TrimPrefix(by, byProject)
			if seen[parent] {
				continue
			}
			seen[parent] = true
			var lines []string
			for i := range pins.Items {
				if other := &pins.Items[i]; other.Source == item.Source && other.Name == parent {
					lines = append(lines, values(other.Metadata, keyNeededBy)...)
				}
			}
			queue = append(queue, step{lines, parent, append(slices.Clone(at.chain), fmt.Sprintf("%s requires %s", parent, at.name))})
		}
	}
	return nil
}

// place says where the definition has what a line names.
func (s *spec) place(source, by string) string {
	find := func(requests []request, where string) string {
		for _, r := range requests {
			if by == byRequirement+r.String() || by == byVersions+r.String() {
				return fmt.Sprintf("%s: %s %s", r.section.Position(), where, r.text)
			}
		}
		return ""
	}
	for i := range s.sources {
		if s.sources[i].name != source {
			continue
		}
		if found := find(s.sources[i].requests, "the index "+source+" has the requirement"); found != "" {
			return found
		}
		for _, f := range s.sources[i].files {
			if by == byFile+f.name {
				return fmt.Sprintf("%s: the index %s has the file %s", f.section.Position(), source, f.name)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.sets)) {
		if found := find(s.sets[name], "the set "+name+" has"); found != "" {
			return found
		}
	}
	return by
}
