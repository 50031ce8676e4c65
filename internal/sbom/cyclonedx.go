package sbom

import (
	"context"
	"path"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Names of properties of components.
const (
	releaseProperty = "minimirror:release" // bom-ref of a release of upstream that lists the item
	signedProperty  = "minimirror:signed-by"
	lockProperty    = "minimirror:lock"
	catalogProperty = "minimirror:catalog"
)

// cycloneDX writes CycloneDX 1.6. CycloneDX has no relation between a package and its source package: as other tools do, both are
// components, and the package depends on its source.
func (l *lister) cycloneDX(ctx context.Context, out *stream) error {
	image := cdx.Component{BOMRef: "image", Type: cdx.ComponentTypeContainer, Name: l.Name, Version: l.version(),
		Properties: &[]cdx.Property{{Name: lockProperty, Value: l.Lock}, {Name: catalogProperty, Value: l.Catalog}}}
	if err := out.head(&cdx.BOM{
		JSONSchema: "http://cyclonedx.org/schema/bom-1.6.schema.json", BOMFormat: cdx.BOMFormat, SpecVersion: cdx.SpecVersion1_6,
		SerialNumber: "urn:uuid:" + l.uuid(CycloneDX), Version: 1,
		Metadata: &cdx.Metadata{Timestamp: l.created(), Component: &image,
			Tools: &cdx.ToolsChoice{Components: &[]cdx.Component{{Type: cdx.ComponentTypeApplication, Name: "minimirror"}}}},
	}); err != nil {
		return err
	}
	if err := out.list("components", func(add func(any) error) error {
		for i := range l.Sources {
			for at := range l.Sources[i].Releases {
				if err := add(cdxRelease(&l.Sources[i], &l.Sources[i].Releases[at])); err != nil {
					return err
				}
			}
		}
		return l.items(ctx, func(e *element) error { return add(cdxComponent(e)) })
	}); err != nil {
		return err
	}
	if err := out.list("dependencies", func(add func(any) error) error {
		return l.items(ctx, func(e *element) error {
			if e.builtFrom == "" {
				return nil
			}
			return add(&cdx.Dependency{Ref: e.ref, Dependencies: &[]string{e.builtFrom}})
		})
	}); err != nil {
		return err
	}
	return out.end()
}

func cdxSHA256(sum string) *[]cdx.Hash {
	return &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: sum}}
}

// cdxRelease is what upstream has signed.
func cdxRelease(source *artifact.Source, r *artifact.Release) *cdx.Component {
	c := &cdx.Component{BOMRef: releaseRef(source.Name, r.Name), Type: cdx.ComponentTypeData, Name: source.Name + " " + r.Name,
		Version: r.Date.UTC().Format(time.RFC3339), Description: "release of upstream, which lists items", Hashes: cdxSHA256(r.SHA256)}
	if address := webAddress(r.URL); address != "" {
		c.ExternalReferences = &[]cdx.ExternalReference{{Type: cdx.ERTypeDistribution, URL: address}}
	}
	if len(r.SignedBy) > 0 {
		c.Properties = &[]cdx.Property{{Name: signedProperty, Value: strings.Join(r.SignedBy, " ")}}
	}
	return c
}

func cdxComponent(e *element) *cdx.Component {
	c := &cdx.Component{BOMRef: e.ref, Type: cdx.ComponentTypeLibrary, Name: e.name, Version: e.version, PackageURL: e.purl}
	if e.supplier.name != "" {
		c.Supplier = &cdx.OrganizationalEntity{Name: e.supplier.name}
		if e.supplier.email != "" {
			c.Supplier.Contact = &[]cdx.OrganizationalContact{{Email: e.supplier.email}}
		}
	}
	if e.licences != "" {
		declared := cdx.LicenseAcknowledgementDeclared
		c.Licenses = &cdx.Licenses{{Expression: e.licences, Acknowledgement: &declared}}
	}
	var references []cdx.ExternalReference
	if e.homepage != "" {
		references = append(references, cdx.ExternalReference{Type: cdx.ERTypeWebsite, URL: e.homepage})
	}
	switch {
	case len(e.files) == 1:
		c.Hashes = cdxSHA256(e.files[0].SHA256)
		references = append(references, cdxDistribution(&e.files[0])...)
	case len(e.files) > 1:
		files := make([]cdx.Component, len(e.files))
		for i := range e.files {
			f := &e.files[i]
			files[i] = cdx.Component{BOMRef: fileRef(e, f), Type: cdx.ComponentTypeFile, Name: path.Base(f.Path), Hashes: cdxSHA256(f.SHA256)}
			if where := cdxDistribution(f); where != nil {
				files[i].ExternalReferences = &where
			}
		}
		c.Components = &files
	}
	if references != nil {
		c.ExternalReferences = &references
	}
	var properties []cdx.Property
	for _, release := range e.releases {
		properties = append(properties, cdx.Property{Name: releaseProperty, Value: release})
	}
	if properties != nil {
		c.Properties = &properties
	}
	return c
}

// cdxDistribution is where upstream has a file.
func cdxDistribution(f *artifact.File) []cdx.ExternalReference {
	if address := downloadOf(f); address != "" {
		return []cdx.ExternalReference{{Type: cdx.ERTypeDistribution, URL: address}}
	}
	return nil
}
