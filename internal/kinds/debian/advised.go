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
	sources := make(map[string]*artifact.Source)
	var codenames []string // of Debian's releases that the image has for the system
	for i := range pins.Sources {
		s := &pins.Sources[i]
		sources[s.Name] = s
		if s.System != system && s.System != "" {
			continue
		}
		for at := range s.Releases {
			r := &s.Releases[at]
			if codename := codenameOf(r); slices.Contains(debianOrigins, archive.IdentityOf(r)[0]) && !slices.Contains(codenames, codename) {
				codenames = append(codenames, codename)
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
	codename := releaseOfNode(installed, codenames)
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

// releaseOfNode is which of some releases of Debian a node runs, by the version of its base-files, which is that of the release ("12.4+deb12u5"); empty: none of
// them, or it cannot be told.
func releaseOfNode(installed []resolver.InstalledPackage, codenames []string) string {
	at := slices.IndexFunc(installed, func(p resolver.InstalledPackage) bool { return p.Name == "base-files" })
	if at < 0 {
		if len(codenames) == 1 {
			return codenames[0]
		}
		return ""
	}
	number := installed[at].Version
	if end := strings.IndexFunc(number, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
		number = number[:end]
	}
	for _, codename := range codenames {
		if known := releaseNumbers[codename]; known == number || known == "" && len(codenames) == 1 {
			return codename
		}
	}
	return ""
}

// CompareAdvised implements artifact.Advised.
func (Kind) CompareAdvised(_, a, b string) int { return deb822.CompareVersions(a, b) }
