package archive

import (
	"path"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// isIndex reports whether a file of a release is an index of that name, in any encoding.
func isIndex(file, name string) bool {
	base := path.Base(file)
	return base == name || strings.HasPrefix(base, name+".")
}

// sources reads a signed index of source packages. Stanzas that cannot be used list nothing.
func (v *verification) sources(text string) {
	for stanza := range deb822.Stanzas(text) {
		if files, err := deb822.SourceFiles(stanza); err == nil {
			v.listed[files[0].SHA256] = append(v.listed[files[0].SHA256], listedPackage{stanza: stanza})
		}
	}
}

// source wants a source package to be listed as it is carried, with all of its files.
func (v *verification) source(a *artifact.Item) error {
	listed := v.listed[a.Files[0].SHA256]
	if len(listed) == 0 {
		return artifact.Verifyf("debian: %s: no signed index lists a source package whose .dsc has the sha256 %s", a.ID(), a.Files[0].SHA256)
	}
	for _, l := range listed {
		stanza := string(l.stanza)
		files, _ := deb822.SourceFiles(stanza) // see sources
		same := slices.EqualFunc(files, a.Files, func(f, g artifact.File) bool { return f.Path == g.Path && f.Content() == g.Content() })
		if same && deb822.StanzaField(stanza, "Package") == a.Name && deb822.StanzaField(stanza, "Version") == a.Version &&
			slices.Equal(deb822.SourceMetadata(stanza), a.Metadata) {
			return nil
		}
	}
	return artifact.Verifyf("debian: %s: the image says of it what the signed index does not: its name, version, files or other fields differ", a.ID())
}
