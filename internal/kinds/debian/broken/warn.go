package broken

import (
	"context"
	"fmt"
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/resolver"
)

// Warnings tells of sets and requested packages that are carried with all that they need, in versions that apt does not
// take by itself.
func Warnings(ctx context.Context, pins artifact.Pins, sets []artifact.Set) (warnings []string, err error) {
	if !severalVersions(pins) {
		return nil, nil
	}
	u, err := resolver.UniverseOf(pins)
	if err != nil {
		return nil, err
	}
	c, err := newContents(u, pins, func(string) bool { return false })
	if err != nil {
		return nil, err
	}
	named := make(map[string]*artifact.Item, len(pins.Items))
	for i := range pins.Items {
		named[pins.Items[i].ID()] = &pins.Items[i]
	}
	for index := range u.Nodes {
		p := c.newPartition(index)
		passed := c.after.passedOver(p.whole)
		if !slices.Contains(passed, true) {
			continue
		}
		broken, err := p.compare(make([]bool, len(passed)), passed).broken(ctx, pins, sets, make(map[[2]string]bool))
		if err != nil {
			return nil, err
		}
		for _, b := range broken {
			text := fmt.Sprintf("%s: apt does not install it by itself: %s; tell clients which versions to take (-t SUITE, or a pin)", named[b.Artifact], b.Reason)
			if b.Set != "" {
				text = "set " + b.Set + ": " + text
			}
			warnings = append(warnings, text)
		}
	}
	return warnings, nil
}

// severalVersions reports whether a package is there in more than one version.
func severalVersions(pins artifact.Pins) bool {
	versions := make(map[string]string, len(pins.Items))
	for i := range pins.Items {
		a := &pins.Items[i]
		if v, found := versions[a.Name]; found && v != a.Version {
			return true
		}
		versions[a.Name] = a.Version
	}
	return false
}
