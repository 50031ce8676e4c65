package resolver

import "github.com/minimirror/minimirror/internal/kinds/debian/deb822"

// An InstalledPackage is a package that a node has.
type InstalledPackage struct{ Name, Version, Architecture, Source, SourceVersion string }

// Installed lists the packages that a dpkg status file describes as installed. The errors are those of StatusArchitecture.
func Installed(status []byte) (all []InstalledPackage, err error) {
	installed, _, err := installedParagraphs(status)
	if err != nil {
		return nil, err
	}
	for stanza := range deb822.Stanzas(string(installed)) {
		p := InstalledPackage{Name: deb822.StanzaField(stanza, "Package"), Version: deb822.StanzaField(stanza, "Version"), Architecture: deb822.StanzaField(stanza, "Architecture")}
		p.Source, p.SourceVersion = deb822.SourceOf(p.Name, p.Version, deb822.StanzaField(stanza, "Source"))
		all = append(all, p)
	}
	return all, nil
}
