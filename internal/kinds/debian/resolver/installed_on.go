package resolver

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/glob"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// InstalledOn is the key of an element of a list of requests that stands for all packages of some nodes.
const InstalledOn = "installed-on"

// installedOnHint goes with every error about such an element.
const installedOnHint = `write "installed-on: nodes/*.status": copies of nodes' /var/lib/dpkg/status, relative to the definition's folder; * and ? match anything, ** folders, too`

// A nodePackage is what nodes have of the package that a request names.
type nodePackage struct {
	files  []string // status files that list it, as messages name them
	native []string // architectures of these nodes
	newest string   // version
}

// ParseInstalledOn reads the value of installed-on, a pattern for status files or a list of patterns, and returns a
// request for each package that is installed on one of the nodes. Unlike other requests, these may find nothing, or nothing that can be
// installed: that is a warning. A package of another architecture than its node's is requested for nodes of that architecture, as
// everything is that it needs there.
func ParseInstalledOn(section artifact.Section, dir string) ([]Request, error) {
	patterns := make([]string, 1)
	var err error
	if section.IsText() {
		err = section.Decode(&patterns[0])
	} else {
		err = section.Decode(&patterns)
	}
	if err == nil && len(patterns) == 0 {
		err = section.Errorf("%s: the list is empty", InstalledOn)
	}
	if err != nil {
		return nil, artifact.Hint(err, installedOnHint)
	}
	requests := make(map[string]*Request)
	seen := make(map[string]bool)
	for _, pattern := range patterns {
		names, err := glob.Files(dir, pattern)
		if err == nil && len(names) == 0 {
			err = fmt.Errorf("no file matches %q", pattern)
		}
		if err != nil {
			return nil, artifact.Hint(section.Errorf("%s: %w", InstalledOn, err), installedOnHint)
		}
		for _, name := range names {
			if seen[name] {
				continue
			}
			seen[name] = true
			if err := addNode(requests, section, dir, name); err != nil {
				return nil, artifact.Hint(section.Errorf("%s: %s: %w", InstalledOn, name, err), installedOnHint)
			}
		}
	}
	all := make([]Request, 0, len(requests))
	for _, text := range slices.Sorted(maps.Keys(requests)) {
		all = append(all, *requests[text])
	}
	return all, nil
}

// addNode adds what a status file says is installed.
func addNode(requests map[string]*Request, section artifact.Section, dir, name string) error {
	file := filepath.FromSlash(name)
	if !filepath.IsAbs(file) {
		file = filepath.Join(dir, file)
	}
	status, err := artifact.ReadFile(file)
	if err != nil {
		return err
	}
	installed, native := installedParagraphs(status)
	if native == "" {
		return errNoSystem
	}
	deb822.NewPackagesIndex(deb822.Origin{}, installed).Scan(func(s *deb822.Stanza, problem error) {
		architecture := s.Architecture
		if architecture == "all" {
			architecture = native
		}
		text := s.Name + ":" + architecture
		switch r := requests[text]; {
		case err != nil:
		case problem != nil:
			err = problem
		case r == nil:
			requests[text] = &Request{text: text, Where: section.Position() + ": " + InstalledOn + ": " + name, Pattern: s.Name, architecture: architecture,
				installed: &nodePackage{[]string{name}, []string{native}, strings.Clone(s.Version)}}
		default:
			r.installed.files, r.installed.native = append(r.installed.files, name), append(r.installed.native, native)
			if deb822.CompareVersions(s.Version, r.installed.newest) > 0 {
				r.installed.newest = strings.Clone(s.Version)
			}
		}
	})
	return err
}

// onNodes names the status files that list the package.
func (r *Request) onNodes() string {
	const most = 3
	files := r.installed.files
	if len(files) > most {
		files = append(slices.Clone(files[:most]), fmt.Sprintf("%d more", len(files)-most))
	}
	return strings.Join(files, ", ")
}

// checkInstalledOn refuses nodes of an architecture that no source has: nothing that they need could be carried.
func (u *Universe) checkInstalledOn(wishes []wish) error {
	for _, w := range wishes {
		if w.installed == nil {
			continue
		}
		for i, native := range w.installed.native {
			if arch, known := u.arch(native); !known || !slices.Contains(u.Nodes, arch) {
				return artifact.Hint(fmt.Errorf("%s is of a system for %s, which no source has", strings.TrimSuffix(w.Where, w.installed.files[0])+w.installed.files[i], native),
					"add %s to the architectures of the sources, or keep the file out of the pattern", native)
			}
		}
	}
	return nil
}

// warnInstalledOn tells which packages of nodes no source has, and of which the sources have only older versions. matches are
// those of matchAll. Packages that exclude names are not mentioned.
func (r *resolution) warnInstalledOn(wishes []wish, matches [][]match) {
	var gone, older []string
	for i, w := range wishes {
		if w.installed == nil || slices.ContainsFunc(r.opt.Exclude, w.isExcludedBy) {
			continue
		}
		highest, found := "", false
		for _, m := range matches {
			for _, f := range m[i] {
				if version := r.Entries[f.entries[0]].Version; !found || deb822.CompareVersions(version, highest) > 0 {
					highest, found = version, true
				}
			}
		}
		switch name := cmp.Or(strings.TrimSuffix(w.text, ":"+w.installed.native[0]), w.text); {
		case !found:
			gone = append(gone, fmt.Sprintf("%s %s (%s)", name, w.installed.newest, w.onNodes()))
		case deb822.CompareVersions(highest, w.installed.newest) < 0:
			older = append(older, fmt.Sprintf("%s %s, carried as %s (%s)", name, w.installed.newest, highest, w.onNodes()))
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

// isExcludedBy reports whether a request of exclude means the package.
func (w wish) isExcludedBy(exclude Request) bool {
	return exclude.Pattern != "" && wildcard(exclude.Pattern, w.Pattern) && (exclude.architecture == "" || exclude.architecture == w.architecture)
}
