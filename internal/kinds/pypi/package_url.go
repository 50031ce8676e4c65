package pypi

import (
	"github.com/package-url/packageurl-go"

	"github.com/minimirror/minimirror/internal/artifact"
)

// PackageURL implements artifact.PackageURLer: the type "pypi" of the purl specification. The name of the file says which of the version's
// distributions it is.
func (Kind) PackageURL(source *artifact.Source, i *artifact.Item) string {
	qualifiers := map[string]string{"file_name": fileName(i)}
	if len(source.URLs) > 0 {
		qualifiers["repository_url"] = source.URLs[0]
	}
	return packageurl.NewPackageURL(packageurl.TypePyPi, "", i.Name, i.Version, packageurl.QualifiersFromMap(qualifiers), "").ToString()
}
