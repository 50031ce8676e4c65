package images

import (
	"path"

	"github.com/package-url/packageurl-go"

	"github.com/minimirror/minimirror/internal/artifact"
)

// PackageURL implements artifact.PackageURLer: the type "oci" of the purl specification. The version is the digest of the platform's own
// manifest, since an index is not one piece of software.
func (Kind) PackageURL(source *artifact.Source, i *artifact.Item) string {
	qualifiers := map[string]string{"repository_url": registryName(source.Name) + "/" + i.Name}
	if tag := tagOf(i); tag != "" {
		qualifiers["tag"] = tag
	}
	if architecture := i.Architecture(); architecture != "" {
		qualifiers["arch"] = architecture
	}
	return packageurl.NewPackageURL(packageurl.TypeOCI, "", path.Base(i.Name), manifestOf(i), packageurl.QualifiersFromMap(qualifiers), "").ToString()
}
