package debian

import (
	"fmt"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/archive"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// sourcePackages are the source packages of what is carried, where the definition says "sources: true". Each is in the same
// source as the binary packages that were built from it. warnings name those that cannot be carried.
func sourcePackages(up *archive.Upstream, binaries []artifact.Item) (items []artifact.Item, warnings []string) {
	type version struct{ source, name, version string }
	wanted := make(map[version]*artifact.Item) // the first binary package of each
	var order []version
	sources := make(map[string]*archive.Source)
	for i := range up.Sources {
		sources[up.Sources[i].Name] = &up.Sources[i]
	}
	for i := range binaries {
		b := &binaries[i]
		if src := sources[b.Source]; src == nil || !src.Further.Sources {
			continue
		}
		name, of := deb822.SourceOf(b.Name, b.Version, deb822.MetadataField(b, "Source"))
		if v := (version{b.Source, name, of}); wanted[v] == nil {
			wanted[v] = b
			order = append(order, v)
		}
	}
	found := make(map[version]int) // index in items
	paths := make(map[string]artifact.Content)
	for _, index := range up.SourcePackages() {
		for stanza := range deb822.Stanzas(string(index.Text)) {
			v := version{index.Origin.Source, deb822.StanzaField(stanza, "Package"), deb822.StanzaField(stanza, "Version")}
			if wanted[v] == nil {
				continue
			}
			item, err := sourceItem(sources[v.source], v.name, v.version, stanza)
			if err != nil {
				warnings = append(warnings, fmt.Sprintf("left out: source %s: source package %s %s: %v", v.source, v.name, v.version, err))
				delete(wanted, v)
				continue
			}
			channels := []string{deb822.Channel(index.Origin.Suite, index.Origin.Component)}
			if at, again := found[v]; again {
				if items[at].Files[0].SHA256 != item.Files[0].SHA256 {
					continue // another suite has other files under this version: the first suite counts
				}
				channels = append(channels, items[at].Attributes.Values("channel")...)
				items[at].Attributes = sourceAttributes(channels)
				continue
			}
			if clash := clashing(paths, &item); clash != "" {
				warnings = append(warnings, fmt.Sprintf("left out: source %s: source package %s %s: another source package has a different file at %s", v.source, v.name, v.version, clash))
				delete(wanted, v)
				continue
			}
			item.Attributes, item.Security = sourceAttributes(channels), wanted[v].Security
			found[v] = len(items)
			items = append(items, item)
		}
	}
	for _, v := range order {
		if _, carried := found[v]; !carried && wanted[v] != nil {
			warnings = append(warnings, fmt.Sprintf("source %s: no suite lists the source package of %s: %s %s; apt-get source will not find it", v.source, wanted[v], v.name, v.version))
		}
	}
	slices.SortFunc(items, func(a, b artifact.Item) int { return artifact.Compare(&a, &b) })
	return items, warnings
}

func sourceAttributes(channels []string) artifact.Attributes {
	return artifact.NewAttributes(map[string][]string{"architecture": {deb822.SourceArchitecture}, "channel": channels})
}

// sourceItem is a source package as its source pins it.
func sourceItem(src *archive.Source, name, version, stanza string) (item artifact.Item, err error) {
	item = artifact.Item{Kind: deb822.KindName, Source: src.Name, Name: name, Version: version, Metadata: deb822.SourceMetadata(stanza)}
	if !deb822.ValidPackageName(name) || !deb822.ValidVersion(version) {
		return item, fmt.Errorf("its name or version is invalid")
	}
	if item.Files, err = deb822.SourceFiles(stanza); err != nil {
		return item, err
	}
	for i := range item.Files {
		f := &item.Files[i]
		f.URLs = src.Addresses(f.Path)
		if !deb822.IsSourceFile(f.Path) || strings.HasPrefix(f.Path, "dists/") {
			return item, fmt.Errorf("%s is not a file of a source package", f.Path)
		}
	}
	return item, nil
}

// clashing notes the files of an item, and returns the first whose path another item's file has with other content.
func clashing(paths map[string]artifact.Content, item *artifact.Item) string {
	for i := range item.Files {
		f := &item.Files[i]
		if other, taken := paths[item.FileID(f)]; taken && other != f.Content() {
			return f.Path
		}
	}
	for i := range item.Files {
		paths[item.FileID(&item.Files[i])] = item.Files[i].Content()
	}
	return ""
}

// withoutSources are pins without source packages and installers: those that nodes can install.
func withoutSources(pins artifact.Pins) artifact.Pins {
	pins.Items = binariesOf(pins.Items)
	return pins
}

func binariesOf(items []artifact.Item) []artifact.Item {
	other := func(i artifact.Item) bool { return !deb822.IsBinary(&i) }
	if !slices.ContainsFunc(items, other) {
		return items
	}
	return slices.DeleteFunc(slices.Clone(items), other)
}
