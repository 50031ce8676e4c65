package debian

import (
	"regexp"
	"strings"

	"github.com/package-url/packageurl-go"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/archive"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// PackageURL implements artifact.PackageURLer: the type "deb" of the purl specification. The namespace is the vendor, who calls
// himself Origin in the Release; distro is the release's codename.
func (Kind) PackageURL(source *artifact.Source, i *artifact.Item) string {
	vendor, distro := vendorOf(source, i)
	qualifiers := map[string]string{"arch": i.Architecture()}
	if distro != "" {
		qualifiers["distro"] = distro
	}
	return packageurl.NewPackageURL(packageurl.TypeDebian, vendor, strings.ToLower(i.Name), i.Version, packageurl.QualifiersFromMap(qualifiers), "").ToString()
}

// vendorName is an Origin that can be a vendor's name: others are sentences or addresses.
var vendorName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9+._-]*$`)

// vendorOf finds who publishes an item, and for which release of a distribution.
func vendorOf(source *artifact.Source, i *artifact.Item) (vendor, distro string) {
	vendor = source.Name
	for _, channel := range i.Attributes.Values("channel") {
		suite, _ := deb822.CutChannel(channel)
		for at := range source.Releases {
			if source.Releases[at].Name != suite {
				continue
			}
			identity := archive.IdentityOf(&source.Releases[at])
			if vendorName.MatchString(identity[0]) {
				vendor = identity[0]
			}
			return strings.ToLower(vendor), codenameOf(&source.Releases[at])
		}
	}
	return strings.ToLower(vendor), ""
}

// pockets end the codenames of suites that are a part of a release.
var pockets = []string{"/updates", "-security", "-updates", "-proposed-updates", "-proposed", "-backports", "-backports-sloppy"}

// withoutPocket is the codename of the release that a suite belongs to.
func withoutPocket(codename string) string {
	for _, pocket := range pockets {
		codename = strings.TrimSuffix(codename, pocket)
	}
	return codename
}
