// Package debian is the kind of Debian packages: it turns the "debian" part of a definition into pins, and pins into what apt asks
// for. This package joins the others below it, in the order of the data:
//
//	aptconf     how apt is set up on this machine
//	archive     upstream's repositories: Release files, signatures, indexes
//	deb         what a .deb says of itself
//	compression what both may be compressed with
//	deb822      the format of control data, versions and relations
//	resolver    what apt would install
//	broken      what no longer installs while rules deny packages
//	repository  the repository that the mirror serves
//	dpkg        installation on a node
//	netboot     what Debian's installer needs to trust the mirror
package debian

import (
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/archive"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
	"github.com/minimirror/minimirror/internal/kinds/debian/resolver"
)

// Kind is the kind of Debian packages.
type Kind struct{}

var _ interface {
	artifact.Kind
	artifact.Accessor
	artifact.Accounter
	artifact.Advised
	artifact.Aliaser
	artifact.BreakageFinder
	artifact.Changelogger
	artifact.Channeler
	artifact.Comparer
	artifact.Configurer
	artifact.Describer
	artifact.Drafter
	artifact.Explainer
	artifact.Filterer
	artifact.Guide
	artifact.Identifier
	artifact.Installer
	artifact.Licenser
	artifact.Lister
	artifact.Originator
	artifact.PackageURLer
	artifact.Prober
	artifact.Reserver
	artifact.Ruler
	artifact.Schemer
	artifact.Splitter
	artifact.SystemNamer
	artifact.Verifier
	artifact.Versioner
	artifact.Wanter
} = Kind{}

// Name implements artifact.Kind.
func (Kind) Name() string { return deb822.KindName }

// spec is a section of the "debian" part of a definition.
type spec struct {
	section artifact.Section
	name    string           // empty: it is the only one
	host    bool             // sources: host
	sources []archive.Source // beside these, or instead
	resolver.Demand
	upstream archive.UpstreamUse
	phased   archive.PhasedUse // for sources without a setting of their own
}

// sectionSpec is a section as it is written.
type sectionSpec struct {
	Name       artifact.Section `yaml:"name"`
	Sources    artifact.Section `yaml:"sources"`
	Packages   artifact.Section `yaml:"packages"`
	Exclude    artifact.Section `yaml:"exclude"`
	Recommends bool             `yaml:"recommends"`
	Suggests   bool             `yaml:"suggests"`
	Base       artifact.Section `yaml:"base"`
	Upstream   artifact.Section `yaml:"upstream"`
	Phased     artifact.Section `yaml:"phased"`
}

// parseSection reads a section. Only in a list has it a name.
func parseSection(section artifact.Section, sets map[string]artifact.Section, dir string, listed bool) (*spec, error) {
	var raw sectionSpec
	if err := section.Decode(&raw); err != nil {
		return nil, err
	}
	s := &spec{section: section, upstream: archive.UpstreamCarry}
	switch {
	case listed:
		if err := raw.Name.Decode(&s.name); err != nil {
			return nil, err
		}
	case raw.Name != nil:
		return nil, artifact.Hint(raw.Name.Errorf("debian: only the sections of a list have names"), "begin the section with \"- \", or leave out the name")
	}
	s.Recommends, s.Suggests = raw.Recommends, raw.Suggests
	if raw.Sources == nil {
		return nil, section.Errorf("debian: sources is missing: write \"sources: host\" for this machine's own, or a list")
	}
	if raw.Upstream != nil {
		if err := raw.Upstream.Decode(&s.upstream); err != nil {
			return nil, err
		}
		if !slices.Contains([]archive.UpstreamUse{archive.UpstreamCarry, archive.UpstreamServe, archive.UpstreamOmit}, s.upstream) {
			return nil, raw.Upstream.Errorf("upstream: %q: write carry, serve or omit", s.upstream)
		}
	}
	var err error
	if s.phased, err = archive.ParsePhased(raw.Phased); err != nil {
		return nil, err
	}
	if raw.Packages != nil {
		if s.Packages, s.Whole, err = parsePackages(raw.Packages, dir); err != nil {
			return nil, err
		}
	}
	if raw.Exclude != nil {
		if s.Exclude, err = parseRequests(raw.Exclude, ""); err != nil {
			return nil, err
		}
	}
	if raw.Base != nil {
		if s.Base, err = resolver.ParseBase(raw.Base, dir); err != nil {
			return nil, err
		}
	}
	if s.sources, s.host, err = parseSources(raw.Sources, dir); err != nil {
		return nil, err
	}
	if err := checkOmitted(raw.Upstream, s); err != nil {
		return nil, err
	}
	if s.Whole && slices.ContainsFunc(s.sources, func(source archive.Source) bool { return source.EachSuite }) {
		return nil, raw.Packages.Errorf("packages: all carries every version of every suite: leave out \"versions: each-suite\"")
	}
	s.qualify()
	return s, s.parseSets(sets, dir)
}

// checkOmitted refuses a definition that leaves out what upstream signed and wants indexes that build makes of it.
func checkOmitted(section artifact.Section, s *spec) error {
	for _, source := range s.sources {
		if s.upstream == archive.UpstreamOmit && source.Further.Published() {
			return section.Errorf("upstream: omit: translations, contents, commands and appstream of the source %s are made of what upstream signed: write carry, or leave these options out", source.Name)
		}
	}
	return nil
}

// parsePackages reads a list of requests, or the word "all".
func parsePackages(section artifact.Section, dir string) (requests []resolver.Request, whole bool, err error) {
	if !section.IsText() {
		var items []artifact.Section
		if requests, err = parseRequests(section, dir); err != nil && (section.Decode(&items) != nil || len(items) == 0) {
			err = artifact.Hint(err, resolver.WholeHint)
		}
		return requests, false, err
	}
	var word string
	if err := section.Decode(&word); err != nil {
		return nil, false, err
	}
	if word != "all" {
		return nil, false, artifact.Hint(section.Errorf("packages: %q is not a list: write [%s]", word, word), resolver.WholeHint)
	}
	return nil, true, nil
}

// parseRequests reads a list of requests; an error names the line of the one
// that is wrong. Status files of nodes are read in dir; if that is empty, there may be none.
func parseRequests(section artifact.Section, dir string) ([]resolver.Request, error) {
	var items []artifact.Section
	if err := section.Decode(&items); err != nil {
		return nil, err
	}
	requests := make([]resolver.Request, 0, len(items))
	for _, item := range items {
		if dir != "" && !item.IsText() {
			installed, err := parseInstalledOn(item, dir)
			if err != nil {
				return nil, err
			}
			requests = append(requests, installed...)
			continue
		}
		var text string
		if err := item.Decode(&text); err != nil {
			return nil, err
		}
		request, err := resolver.ParseRequest(text)
		if err != nil {
			return nil, item.Errorf("%w", err)
		}
		request.Where = item.Position()
		requests = append(requests, request)
	}
	if len(requests) == 0 {
		return nil, section.Errorf("the list is empty: name at least one package, or leave out the key")
	}
	return requests, nil
}

// parseInstalledOn reads an element of a list of requests that is not a text.
func parseInstalledOn(item artifact.Section, dir string) ([]resolver.Request, error) {
	var keys map[string]artifact.Section
	if err := item.Decode(&keys); err != nil || keys[resolver.InstalledOn] == nil {
		var text string
		return nil, artifact.Hint(item.Decode(&text), "a request is a text, or { %s: nodes/*.status }", resolver.InstalledOn)
	}
	if _, err := item.Keys([]string{resolver.InstalledOn}); err != nil {
		return nil, err
	}
	return resolver.ParseInstalledOn(keys[resolver.InstalledOn], dir)
}
