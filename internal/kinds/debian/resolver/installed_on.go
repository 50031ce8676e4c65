package resolver

import (
	"errors"
	"fmt"
	"io/fs"
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

// A nodePackage is what nodes have of the package that a request names: one element for each node, at least one.
type nodePackage []nodeCopy

// A nodeCopy is a package as one node has it.
type nodeCopy struct {
	file    string // status file that lists it, as messages name it
	native  string // architecture of the node
	version string
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
				return nil, section.Errorf("%s: %s: %w", InstalledOn, name, err)
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
	if errors.Is(err, fs.ErrNotExist) {
		return artifact.Hint(err, installedOnHint)
	}
	if err != nil {
		return err
	}
	installed, native, err := installedParagraphs(status)
	if err != nil {
		return err
	}
	deb822.NewPackagesIndex(deb822.Origin{}, installed).Scan(func(s *deb822.Stanza, problem error) {
		architecture := s.Architecture
		if architecture == "all" {
			architecture = native
		}
		text := s.Name + ":" + architecture
		here := nodeCopy{name, native, strings.Clone(s.Version)}
		switch r := requests[text]; {
		case err != nil:
		case problem != nil:
			err = artifact.Hint(problem, statusHint)
		case r == nil:
			requests[text] = &Request{text: text, Where: section.Position() + ": " + InstalledOn + ": " + name, Pattern: s.Name, architecture: architecture,
				installed: nodePackage{here}}
		default:
			r.installed = append(r.installed, here)
		}
	})
	return err
}

// checkInstalledOn refuses nodes of an architecture that no source has: nothing that they need could be carried.
func (u *Universe) checkInstalledOn(wishes []wish) error {
	for _, w := range wishes {
		if w.installed == nil {
			continue
		}
		for _, c := range w.installed {
			if arch, known := u.arch(c.native); !known || !slices.Contains(u.Nodes, arch) {
				return artifact.Hint(fmt.Errorf("%s is of a system for %s, which no source has", strings.TrimSuffix(w.Where, w.installed[0].file)+c.file, c.native),
					"add %s to the architectures of the sources, or keep the file out of the pattern", c.native)
			}
		}
	}
	return nil
}

// isExcludedBy reports whether a request of exclude means the package.
func (w wish) isExcludedBy(exclude Request) bool {
	return exclude.Pattern != "" && wildcard(exclude.Pattern, w.Pattern) && (exclude.architecture == "" || exclude.architecture == w.architecture)
}
