package broken

import (
	"fmt"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
	"github.com/minimirror/minimirror/internal/kinds/debian/resolver"
)

// apt by itself installs only one version of a package, its candidate: of those with the highest priority the highest
// version (apt_preferences(5)). Where a relation wants another, apt refuses, although the mirror has it. Clients know no
// priorities but those of the Release files that the mirror serves: 500, for suites that are NotAutomatic and
// ButAutomaticUpgrades 100, for those that are NotAutomatic alone 1.

// offers are the priorities that clients give to entries.
type offers struct {
	priority []int // by entry; 0: it is absent
}

// newOffers reads the releases of pins. What names no suite has 500, and what is absent 0.
func (c *contents) newOffers(pins artifact.Pins, absent func(id string) bool) (*offers, error) {
	suites := make(map[string]int) // by source and suite
	for _, src := range pins.Sources {
		for _, r := range src.Releases {
			header, err := deb822.ParseParagraphs([]byte(strings.Join(r.Metadata, "\n")))
			if err != nil {
				return nil, fmt.Errorf("debian: source %s: suite %s: %w", src.Name, r.Name, err)
			}
			priority := 500
			if len(header) == 1 {
				priority = deb822.ReleasePriority(header[0])
			}
			suites[src.Name+" "+r.Name] = priority
		}
	}
	o := &offers{priority: make([]int, len(c.Entries))}
	for i := range pins.Items {
		a := &pins.Items[i]
		if absent(a.ID()) {
			continue
		}
		best := 0
		for _, channel := range a.Attributes.Values("channel") {
			suite, _ := deb822.CutChannel(channel)
			best = max(best, suites[a.Source+" "+suite])
		}
		if best == 0 {
			best = 500
		}
		id := c.entryOf[a.ID()]
		o.priority[id] = max(o.priority[id], best)
	}
	return o, nil
}

// compare is below 0 when apt takes a rather than b.
func (o *offers) compare(n *resolver.Node, a, b resolver.EntryID) int {
	if d := o.priority[b] - o.priority[a]; d != 0 {
		return d
	}
	return deb822.CompareVersions(n.U.Entries[b].Version, n.U.Entries[a].Version)
}

// candidate is the version that apt takes of the package that an entry is a version of, or -1.
func (o *offers) candidate(n *resolver.Node, id resolver.EntryID) resolver.EntryID {
	best := resolver.EntryID(-1)
	for _, other := range n.U.ByName.Of(n.U.Entries[id].Name) {
		if o.priority[other] > 0 && n.Installable(other) && n.Effective(other) == n.Effective(id) && (best < 0 || o.compare(n, other, best) < 0) {
			best = other
		}
	}
	return best
}

// passedOver are the entries that apt does not take by itself, be it that they are absent.
func (o *offers) passedOver(n *resolver.Node) []bool {
	out := make([]bool, len(n.U.Entries))
	for _, id := range n.U.ByName.Values {
		best := o.candidate(n, id)
		out[id] = o.priority[id] == 0 || best >= 0 && o.compare(n, best, id) < 0
	}
	return out
}

// rather says what apt takes instead of entries that are there: "apt takes lib 1 rather than lib 2".
func (o *offers) rather(n *resolver.Node, passed []resolver.EntryID) string {
	var texts []string
	for _, id := range passed {
		best := o.candidate(n, id)
		text := fmt.Sprintf("apt takes %s rather than %s", n.Label(best), n.Label(id))
		if o.priority[best] != o.priority[id] {
			text += fmt.Sprintf(" (priority %d, not %d)", o.priority[best], o.priority[id])
		}
		if !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	return resolver.Enumerate(texts, "and")
}
