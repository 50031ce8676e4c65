package debian

import (
	"fmt"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/archive"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
	"github.com/minimirror/minimirror/internal/kinds/debian/resolver"
	"github.com/minimirror/minimirror/internal/strictyaml"
)

// Want implements artifact.Wanter: a package is requested by its name. The version is left out, since clients ask for the one that an older
// index lists.
func (Kind) Want(parsed artifact.Spec, asked []artifact.Asked) (w artifact.Wanted) {
	all, _ := parsed.(sections)
	lines := make(map[string]int) // indexes, by list and entry
	for i := range asked {
		s, why := all.sectionFor(&asked[i])
		entry, note := "", ""
		if why == "" {
			entry, note, why = s.want(&asked[i])
		}
		if why != "" {
			w.Unknown = append(w.Unknown, artifact.WantedUnknown{Asked: i, Why: why})
			continue
		}
		under := []string{deb822.KindName, "packages"}
		if s != nil && s.name != "" {
			under = []string{deb822.KindName, "- name: " + strictyaml.Quote(s.name), "packages"}
		}
		key := strings.Join(append(under, entry), "\x00")
		at, found := lines[key]
		if !found {
			at = len(w.Lines)
			lines[key] = at
			w.Lines = append(w.Lines, artifact.WantedLine{Under: under, Entry: strictyaml.Quote(entry), Note: note})
		}
		w.Lines[at].Asked = append(w.Lines[at].Asked, i)
	}
	return w
}

// sectionFor is the section for what was asked for; nil: the definition has none. Of several, the address of the request tells it.
func (all sections) sectionFor(a *artifact.Asked) (s *spec, why string) {
	switch len(all) {
	case 0:
		return nil, ""
	case 1:
		return all[0], ""
	}
	source, _, _ := strings.Cut(strings.TrimPrefix(a.Path, "/"), "/")
	for _, s := range all { // sources of a section are called SECTION-SOURCE
		if slices.ContainsFunc(s.sources, func(o archive.Source) bool { return o.Name == source }) || s.host && strings.HasPrefix(source, s.name+"-") {
			return s, ""
		}
	}
	return nil, "the address does not tell in which section of the definition it belongs"
}

// want is the request for what was asked for.
func (s *spec) want(a *artifact.Asked) (entry, note, why string) {
	switch {
	case a.Name == "":
		return "", "", "the address names no package: a client reads a suite or an index that is not carried, or its sources are old"
	case a.Architecture == deb822.SourceArchitecture:
		return "", "", "it is a source package: sources: true at the source of the definition carries them"
	case strings.HasSuffix(a.Path, ".ddeb"):
		return "", "", "it has debug symbols: the archive of these must be a source of the definition"
	case strings.HasSuffix(a.Path, ".udeb"):
		return "", "", "it is for Debian's installer: udebs: true at the source of the definition carries it"
	case !deb822.ValidPackageName(a.Name):
		return "", "", "it is not the name of a package"
	}
	foreign := s.foreign(a.Architecture)
	if s != nil {
		if s.Whole {
			return "", "", "the definition requests all packages: its sources do not have it, or the image is older than it"
		}
		for _, r := range s.Packages {
			if r.Pattern == a.Name && !foreign {
				return "", "", fmt.Sprintf("%s requests it already: minimirror lock --update %s moves it to the newest version", r.Where, a.Name)
			}
		}
	}
	entry = a.Name
	switch {
	case foreign:
		entry += ":" + a.Architecture
		note = a.Architecture + " is not among the architectures that a source lists: add it there, too"
	case a.LookedUp:
		note = "clients searched for the name: it may be no package"
	}
	if _, err := resolver.ParseRequest(entry); err != nil {
		return "", "", "it is not the name of a package"
	}
	return entry, note, ""
}

// foreign reports whether every source lists its architectures, and none this one.
func (s *spec) foreign(architecture string) bool {
	if s == nil || s.host || architecture == "" || architecture == "all" || len(s.sources) == 0 {
		return false
	}
	return !slices.ContainsFunc(s.sources, func(o archive.Source) bool {
		return len(o.Architectures) == 0 || slices.Contains(o.Architectures, architecture)
	})
}
