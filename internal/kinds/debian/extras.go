package debian

import (
	"path"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// extraNames are what options of a source carry, in the order in which they are listed.
var extraNames = []string{"source packages", "packages of the installer", "images of the installer",
	"upstream's indexes for sources", "upstream's indexes for translations", "upstream's indexes for contents", "upstream's indexes for commands", "upstream's indexes for appstream"}

// Extras implements artifact.Accounter. Files that two items share count once. Of the indexes about packages, upstream's own files count,
// which are carried as proofs; what the mirror makes of them is smaller.
func (Kind) Extras(pins artifact.Pins) (all []artifact.Extra) {
	for s := range pins.Sources {
		source := &pins.Sources[s]
		extras, seen := make(map[string]*artifact.Extra), make(map[string]bool)
		add := func(name, file string, size int64) {
			if name == "" || seen[file] {
				return
			}
			seen[file] = true
			if extras[name] == nil {
				extras[name] = &artifact.Extra{Source: source.Name, Name: name}
			}
			extras[name].Files++
			extras[name].Size += size
		}
		for i := range pins.Items {
			item := &pins.Items[i]
			for f := range item.Files {
				if item.Source == source.Name {
					add(extraOf(item), item.Files[f].Path, item.Files[f].Size)
				}
			}
		}
		for _, r := range source.Releases {
			for _, p := range r.Proofs {
				add(extraIndex(p.Path), p.Path, p.Size)
			}
		}
		for _, name := range extraNames {
			if extras[name] != nil {
				all = append(all, *extras[name])
			}
		}
	}
	return all
}

// extraOf is the name of what carries an item, if that is an option.
func extraOf(i *artifact.Item) string {
	switch {
	case deb822.IsSource(i):
		return extraNames[0]
	case deb822.IsUdeb(i):
		return extraNames[1]
	case deb822.IsInstaller(i):
		return extraNames[2]
	}
	return ""
}

// extraIndex is the same of an index of upstream.
func extraIndex(name string) string {
	base := path.Base(name)
	for i, prefix := range []string{"Sources", "Translation-", "Contents-", "Commands-", "Components-"} {
		if strings.HasPrefix(base, prefix) {
			return extraNames[3+i]
		}
	}
	return ""
}
