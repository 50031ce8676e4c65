package files

import (
	"github.com/package-url/packageurl-go"

	"github.com/minimirror/minimirror/internal/artifact"
)

// PackageURL implements artifact.PackageURLer: the type "generic" of the purl specification. The namespace is the source; the
// checksum says which file is meant, since there may be several of the same name and version.
func (Kind) PackageURL(source *artifact.Source, i *artifact.Item) string {
	qualifiers := map[string]string{"checksum": "sha256:" + i.Files[0].SHA256}
	if architecture := i.Architecture(); architecture != "" {
		qualifiers["arch"] = architecture
	}
	return packageurl.NewPackageURL(packageurl.TypeGeneric, source.Name, i.Name, i.Version, packageurl.QualifiersFromMap(qualifiers), "").ToString()
}
