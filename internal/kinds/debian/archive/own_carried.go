package archive

import (
	"fmt"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// NotCarried says which own packages are not among the items, and why.
func (up *Upstream) NotCarried(items []artifact.Item) (warnings []string) {
	from := make(map[string][]string) // sources, by the name of what is carried from them
	for i := range items {
		if a := &items[i]; !slices.Contains(from[a.Name], a.Source) {
			from[a.Name] = append(from[a.Name], a.Source)
		}
	}
	for i := range up.Sources {
		src := &up.Sources[i]
		var idle []string
		for _, name := range slices.Compact(slices.Clone(src.names)) {
			switch from := from[name]; {
			case from == nil:
				idle = append(idle, name)
			case !slices.Contains(from, src.Name):
				warnings = append(warnings, fmt.Sprintf("source %s: %s is carried from %s, which has a higher version or priority: \"pin: 990\" on %s prefers its packages, or %s=VERSION requests this one",
					src.Name, name, strings.Join(from, ", "), src.Name, name))
			}
		}
		if len(idle) > 0 {
			warnings = append(warnings, fmt.Sprintf("source %s: not carried, because nothing requests or needs them: %s (\"packages: ['*/%s']\" requests all packages of this source)", src.Name, strings.Join(idle, ", "), src.Suites[0].Name))
		}
	}
	return warnings
}
