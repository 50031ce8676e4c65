package debian

import (
	"slices"
	"strings"

	"github.com/package-url/packageurl-go"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/archive"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
	"github.com/minimirror/minimirror/internal/kinds/debian/resolver"
)

// debianOrigins are the Origins of Debian's own archives, of which its security tracker knows.
var debianOrigins = []string{"Debian", "Debian Backports"}

// releaseNumbers are the numbers of Debian's releases, by which OSV calls them: https://www.debian.org/releases.
var releaseNumbers = map[string]string{
	"jessie": "8", "stretch": "9", "buster": "10", "bullseye": "11", "bookworm": "12", "trixie": "13", "forky": "14", "duke": "15",
}

// Advised implements artifact.Advised. Advisories are about source packages.
func (Kind) Advised(source *artifact.Source, i *artifact.Item) (subject artifact.AdvisedSubject, why string) {
	r := releaseOf(source, i)
	switch {
	case r == nil || archive.IsOwn(r):
		return subject, "packages of your own"
	case !slices.Contains(debianOrigins, archive.IdentityOf(r)[0]):
		if origin := archive.IdentityOf(r)[0]; origin != "" {
			return subject, "packages of " + origin
		}
		return subject, "packages of " + source.Name
	}
	subject = debianSubject(codenameOf(r))
	if subject.Name, subject.Version = i.Name, i.Version; !deb822.IsSource(i) {
		subject.Name, subject.Version = deb822.SourceOf(i.Name, i.Version, deb822.MetadataField(i, "Source"))
	}
	return subject, ""
}

func debianSubject(codename string) artifact.AdvisedSubject {
	subject := artifact.AdvisedSubject{Ecosystem: "Debian", Releases: []string{codename}}
	if number := releaseNumbers[codename]; number != "" {
		subject.Releases = append(subject.Releases, number)
	}
	return subject
}

// releaseOf is the release of the first of an item's suites; nil: it is in none.
func releaseOf(source *artifact.Source, i *artifact.Item) *artifact.Release {
	for _, channel := range i.Attributes.Values("channel") {
		suite, _ := deb822.CutChannel(channel)
		for at := range source.Releases {
			if source.Releases[at].Name == suite {
				return &source.Releases[at]
			}
		}
	}
	return nil
}

// AdvisedOn implements artifact.Advised: the file is a dpkg status file. It does not say where packages come from, so that of your own and of vendors are
// those that the image has from elsewhere than Debian.
func (k Kind) AdvisedOn(pins artifact.Pins, system string, file []byte) (all []artifact.InstalledItem, err error) {
	installed, err := resolver.Installed(file)
	if err != nil {
		return nil, err
	}
	codename, sources := "", make(map[string]*artifact.Source)
	for i := range pins.Sources {
		s := &pins.Sources[i]
		sources[s.Name] = s
		if s.System != system && s.System != "" {
			continue
		}
		for at := range s.Releases {
			if r := &s.Releases[at]; codename == "" && slices.Contains(debianOrigins, archive.IdentityOf(r)[0]) {
				codename = codenameOf(r)
			}
		}
	}
	foreign := make(map[string]string) // why, by name; empty: Debian has it
	for i := range pins.Items {
		item := &pins.Items[i]
		_, why := k.Advised(sources[item.Source], item)
		if old, found := foreign[item.Name]; !found || old != "" {
			foreign[item.Name] = why
		}
	}
	for _, p := range installed {
		subject := debianSubject(codename)
		subject.Name, subject.Version = p.Source, p.SourceVersion
		one := artifact.InstalledItem{Name: p.Name, Version: p.Version, Architecture: p.Architecture, Subject: subject, Why: foreign[p.Name]}
		if codename == "" {
			one.Why = "packages of a release that the image does not carry"
		}
		one.PackageURL = packageurl.NewPackageURL(packageurl.TypeDebian, "debian", strings.ToLower(p.Name), p.Version,
			packageurl.QualifiersFromMap(map[string]string{"arch": p.Architecture, "distro": codename}), "").ToString()
		all = append(all, one)
	}
	return all, nil
}

// CompareAdvised implements artifact.Advised.
func (Kind) CompareAdvised(_, a, b string) int { return deb822.CompareVersions(a, b) }
