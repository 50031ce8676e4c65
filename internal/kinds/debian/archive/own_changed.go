package archive

import (
	"fmt"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// FromOwn reports whether one of the origins is a source of own packages.
func (up *Upstream) FromOwn(origins []deb822.Origin) bool {
	return slices.ContainsFunc(origins, func(o deb822.Origin) bool { return up.own(o.Source) })
}

// own reports whether the source of this name consists of own packages.
func (up *Upstream) own(source string) bool {
	return slices.ContainsFunc(up.Sources, func(s Source) bool { return s.Name == source && s.Own() })
}

// Rebuilt says which own packages have other bytes than before under the same version. Machines that have such a package keep it: apt
// compares versions.
func (up *Upstream) Rebuilt(before, items []artifact.Item) (warnings []string) {
	type key struct{ source, name, version, architecture string }
	digests := make(map[key]string)
	for i := range before {
		if b := &before[i]; up.own(b.Source) && len(b.Files) > 0 {
			digests[key{b.Source, b.Name, b.Version, b.Architecture()}] = b.Files[0].SHA256
		}
	}
	rebuilt := make(map[string][]string)
	for i := range items {
		now := &items[i]
		if old := digests[key{now.Source, now.Name, now.Version, now.Architecture()}]; old != "" && len(now.Files) > 0 && old != now.Files[0].SHA256 {
			rebuilt[now.Source] = append(rebuilt[now.Source], now.String())
		}
	}
	for i := range up.Sources {
		name := up.Sources[i].Name
		if names := rebuilt[name]; len(names) > 0 {
			slices.Sort(names)
			warnings = append(warnings, fmt.Sprintf("source %s: other content under the same version: %s; machines that have such a package do not get the new one: give it a higher version", name, strings.Join(names, ", ")))
		}
	}
	return warnings
}
