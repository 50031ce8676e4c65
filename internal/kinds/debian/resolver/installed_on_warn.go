package resolver

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// A node whose release is to be told needs so many packages that the sources have, too. If fewer than one in similarNode of them have
// a version of the sources, it is of another release: within a release most packages never change.
const (
	knownOnNode = 20
	similarNode = 3
)

// A nodeVersions counts what the sources have of one node's packages.
type nodeVersions struct {
	known map[string]bool // packages that a source has in any version; true: in the node's
	same  int             // how many are true
}

// foreign reports whether the node seems to be of a release that is none of the sources'.
func (n *nodeVersions) foreign() bool {
	return len(n.known) >= knownOnNode && n.same*similarNode < len(n.known)
}

// warnInstalledOn tells which nodes are of another release than the sources, and of all other nodes, which packages no source has,
// and of which the sources have only older versions. matches are those of matchAll. Packages that exclude names are not mentioned.
func (r *resolution) warnInstalledOn(wishes []wish, matches [][]match) {
	wishes, offers := r.offersOfNodes(wishes, matches)
	nodes := countVersions(wishes, offers)
	for _, file := range slices.Sorted(maps.Keys(nodes)) {
		if n := nodes[file]; n.foreign() {
			r.warnings = append(r.warnings, fmt.Sprintf("%s: %s: of %d packages that the sources have, too, only %d have a version of the sources: the node is of another release, or has not been updated for a long time; "+
				"if your nodes have several releases, write debian as a list, with a section for each", InstalledOn, file, len(n.known), n.same))
		}
	}
	var gone, older []string
	for i, w := range wishes {
		copies := slices.DeleteFunc(slices.Clone(w.installed), func(c nodeCopy) bool {
			return nodes[c.file].foreign() || len(offers[i]) > 0 && deb822.CompareVersions(c.version, offers[i][0]) <= 0
		})
		if len(copies) == 0 {
			continue
		}
		newest := slices.MaxFunc(copies, func(a, b nodeCopy) int { return deb822.CompareVersions(a.version, b.version) }).version
		name := cmp.Or(strings.TrimSuffix(w.text, ":"+w.installed[0].native), w.text)
		if len(offers[i]) == 0 {
			gone = append(gone, fmt.Sprintf("%s %s (%s)", name, newest, filesOf(copies)))
		} else {
			older = append(older, fmt.Sprintf("%s %s, carried as %s (%s)", name, newest, offers[i][0], filesOf(copies)))
		}
	}
	for _, list := range []struct {
		what  string
		names []string
	}{{"no source has these packages of the nodes any more", gone}, {"the nodes have newer versions than any source", older}} {
		if slices.Sort(list.names); len(list.names) > 0 {
			r.warnings = append(r.warnings, fmt.Sprintf("%s: %s: %s", InstalledOn, list.what, strings.Join(slices.Compact(list.names), "; ")))
		}
	}
}

// offersOfNodes returns the wishes that are for packages of nodes, without those that exclude names, and for each the versions that the
// sources have, highest first.
func (r *resolution) offersOfNodes(wishes []wish, matches [][]match) (ofNodes []wish, offers [][]string) {
	for i, w := range wishes {
		if w.installed == nil || slices.ContainsFunc(r.opt.Exclude, w.isExcludedBy) {
			continue
		}
		var versions []string
		for _, m := range matches {
			for _, f := range m[i] {
				for _, id := range f.entries {
					if e := &r.Entries[id]; !e.installed {
						versions = append(versions, e.Version)
					}
				}
			}
		}
		slices.SortFunc(versions, func(a, b string) int { return deb822.CompareVersions(b, a) })
		ofNodes, offers = append(ofNodes, w), append(offers, versions)
	}
	return ofNodes, offers
}

// countVersions compares each node, named by its status file, with what the sources have.
func countVersions(wishes []wish, offers [][]string) map[string]*nodeVersions {
	nodes := make(map[string]*nodeVersions)
	for i, w := range wishes {
		for _, c := range w.installed {
			n := nodes[c.file]
			if n == nil {
				n = &nodeVersions{known: make(map[string]bool)}
				nodes[c.file] = n
			}
			if _, again := n.known[w.text]; again || len(offers[i]) == 0 { // a list and a set may both have the package
				continue
			}
			if n.known[w.text] = slices.Contains(offers[i], c.version); n.known[w.text] {
				n.same++
			}
		}
	}
	return nodes
}

// filesOf names the status files that list a package.
func filesOf(copies []nodeCopy) string {
	const most = 3
	var files []string
	for _, c := range copies[:min(most, len(copies))] {
		files = append(files, c.file)
	}
	if len(copies) > most {
		files = append(files, fmt.Sprintf("%d more", len(copies)-most))
	}
	return strings.Join(files, ", ")
}
