package sbom

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/spdx/tools-golang/spdx/v2/common"
	"github.com/spdx/tools-golang/spdx/v2/v2_3"

	"github.com/minimirror/minimirror/internal/artifact"
)

const noAssertion = "NOASSERTION"

// spdx writes SPDX 2.3. The document describes the image, a package that contains all items. An item with several files contains a package
// for each: a File of SPDX needs a SHA-1.
func (l *lister) spdx(ctx context.Context, out *stream) error {
	if err := out.head(&v2_3.Document{
		SPDXVersion: v2_3.Version, DataLicense: v2_3.DataLicense, SPDXIdentifier: "DOCUMENT", DocumentName: l.Name,
		DocumentNamespace: "https://spdx.org/spdxdocs/" + l.Name + "-" + l.uuid(SPDX),
		CreationInfo:      &v2_3.CreationInfo{Created: l.created(), Creators: []common.Creator{{CreatorType: "Tool", Creator: "minimirror"}}},
	}); err != nil {
		return err
	}
	if err := out.list("packages", func(add func(any) error) error {
		image := spdxPackage("image", l.Name)
		image.PackageVersion, image.PrimaryPackagePurpose = l.version(), "CONTAINER"
		image.PackageComment = "miniMirror image; lock " + l.Lock + ", catalog " + l.Catalog
		if err := add(image); err != nil {
			return err
		}
		for i := range l.Sources {
			for at := range l.Sources[i].Releases {
				if err := add(spdxRelease(&l.Sources[i], &l.Sources[i].Releases[at])); err != nil {
					return err
				}
			}
		}
		return l.items(ctx, func(e *element) error { return spdxElement(e, add) })
	}); err != nil {
		return err
	}
	if err := out.list("hasExtractedLicensingInfos", func(add func(any) error) error {
		return l.licences.each(func(row *licenceRow) error {
			if row.ID == "" {
				return nil
			}
			licence := &v2_3.OtherLicense{LicenseIdentifier: row.ID, LicenseName: row.Name, ExtractedText: row.Text}
			if row.Text == "" {
				licence.ExtractedText = "The package names this licence and does not have its text with the name."
			}
			return add(licence)
		})
	}); err != nil {
		return err
	}
	if err := out.list("relationships", func(add func(any) error) error {
		relate := func(from, relation, to string) error {
			return add(&v2_3.Relationship{RefA: common.MakeDocElementID("", from), Relationship: relation, RefB: common.MakeDocElementID("", to)})
		}
		if err := relate("DOCUMENT", common.TypeRelationshipDescribe, string(spdxID("image"))); err != nil {
			return err
		}
		return l.items(ctx, func(e *element) error { return l.spdxRelations(e, relate) })
	}); err != nil {
		return err
	}
	return out.end()
}

// spdxRelations says how an element relates to others.
func (l *lister) spdxRelations(e *element, relate func(from, relation, to string) error) error {
	id := string(spdxID(e.ref))
	if e.isSource {
		return nil
	}
	if err := relate(string(spdxID("image")), common.TypeRelationshipContains, id); err != nil {
		return err
	}
	for _, release := range e.releases {
		if err := relate(id, common.TypeRelationshipPackageOf, string(spdxID(release))); err != nil {
			return err
		}
	}
	if e.builtFrom != "" {
		if err := relate(id, common.TypeRelationshipGeneratedFrom, string(spdxID(e.builtFrom))); err != nil {
			return err
		}
	}
	for i := range e.files {
		if len(e.files) > 1 {
			if err := relate(id, common.TypeRelationshipContains, string(fileID(e, &e.files[i]))); err != nil {
				return err
			}
		}
	}
	return nil
}

// fileRef identifies a file of an item with several.
func fileRef(e *element, f *artifact.File) string { return e.ref + "#" + f.Path }

func fileID(e *element, f *artifact.File) common.ElementID {
	return common.ElementID("file-" + short(fileRef(e, f)))
}

// noSPDXID are characters that an identifier cannot have: SPDX 2.3, clause 7.2.
var noSPDXID = regexp.MustCompile(`[^A-Za-z0-9.]+`)

// spdxID is the identifier of what has a ref.
func spdxID(ref string) common.ElementID {
	kind, rest, _ := strings.Cut(ref, ":")
	if rest, _, _ = strings.Cut(rest, "?"); rest != "" {
		rest = path.Base(rest)
	}
	return common.ElementID(strings.Trim(noSPDXID.ReplaceAllString(kind+"-"+rest, "-"), "-") + "-" + short(ref))
}

func spdxPackage(ref, name string) *v2_3.Package {
	return &v2_3.Package{
		PackageName: name, PackageSPDXIdentifier: spdxID(ref), PackageDownloadLocation: noAssertion, IsFilesAnalyzedTagPresent: true,
		PackageLicenseConcluded: noAssertion, PackageLicenseDeclared: noAssertion, PackageCopyrightText: noAssertion,
	}
}

func spdxSHA256(sum string) []common.Checksum {
	return []common.Checksum{{Algorithm: common.SHA256, Value: sum}}
}

// spdxRelease is what upstream has signed.
func spdxRelease(source *artifact.Source, r *artifact.Release) *v2_3.Package {
	ref := releaseRef(source.Name, r.Name)
	p := spdxPackage(ref, source.Name+" "+r.Name)
	p.PackageVersion, p.ReleaseDate = r.Date.UTC().Format(time.RFC3339), r.Date.UTC().Format(time.RFC3339)
	p.PackageChecksums = spdxSHA256(r.SHA256)
	p.PackageComment = "release of upstream, which lists items"
	if len(r.SignedBy) > 0 {
		p.PackageComment += "; signed by " + strings.Join(r.SignedBy, ", ")
	}
	if address := webAddress(r.URL); address != "" {
		p.PackageDownloadLocation = address
	}
	return p
}

// spdxElement adds an element, and its files if there are several.
func spdxElement(e *element, add func(any) error) error {
	p := spdxPackage(e.ref, e.name)
	p.PackageVersion, p.PackageHomePage = e.version, e.homepage
	if e.licences != "" {
		p.PackageLicenseDeclared = e.licences
	}
	p.PackageSupplier = &common.Supplier{Supplier: noAssertion}
	if e.supplier.name != "" {
		p.PackageSupplier = &common.Supplier{SupplierType: "Person", Supplier: e.supplier.name}
		if e.supplier.isGroup() {
			p.PackageSupplier.SupplierType = "Organization"
		}
		if e.supplier.email != "" {
			p.PackageSupplier.Supplier += fmt.Sprintf(" (%s)", e.supplier.email)
		}
	}
	if e.purl != "" {
		p.PackageExternalReferences = []*v2_3.PackageExternalReference{{Category: common.CategoryPackageManager, RefType: common.TypePackageManagerPURL, Locator: e.purl}}
	}
	if e.isSource {
		p.PrimaryPackagePurpose = "SOURCE"
	}
	if len(e.files) == 1 {
		spdxFile(p, &e.files[0])
	}
	if err := add(p); err != nil || len(e.files) < 2 {
		return err
	}
	for i := range e.files {
		f := &e.files[i]
		p := spdxPackage(fileRef(e, f), path.Base(f.Path))
		p.PackageSPDXIdentifier = fileID(e, f)
		p.PrimaryPackagePurpose = "FILE"
		spdxFile(p, f)
		if err := add(p); err != nil {
			return err
		}
	}
	return nil
}

// spdxFile makes a package that of a file.
func spdxFile(p *v2_3.Package, f *artifact.File) {
	p.PackageFileName, p.PackageChecksums = path.Base(f.Path), spdxSHA256(f.SHA256)
	if address := downloadOf(f); address != "" {
		p.PackageDownloadLocation = address
	}
}
