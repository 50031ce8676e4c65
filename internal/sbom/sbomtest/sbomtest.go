// Package sbomtest checks SBOMs as others read them: against the published JSON schemas, with a validator that others have written, and
// with the parsers of the formats' own libraries. Only tests import it.
//
// The schema of SPDX 2.3 is part of the module github.com/CycloneDX/sbom-utility, those of CycloneDX 1.6 are part of
// github.com/CycloneDX/cyclonedx-go: tests find both where Go keeps modules, and this repository has no copy. The schema of SPDX has the
// licence CC-BY-3.0, those of CycloneDX have Apache-2.0.
package sbomtest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/CycloneDX/sbom-utility/resources"
	validator "github.com/santhosh-tekuri/jsonschema/v6"
	spdxjson "github.com/spdx/tools-golang/json"

	"github.com/minimirror/minimirror/internal/sbom"
)

// A Package is a package of an SBOM with a package URL.
type Package struct {
	PURL, Licence, SHA256 string // Licence and SHA256 may be empty
}

// Read checks an SBOM against its schema, and returns what has a package URL, in its order.
func Read(t testing.TB, format sbom.Format, data []byte) []Package {
	t.Helper()
	document, err := validator.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	schema, err := schemas[format]()
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(document); err != nil {
		t.Fatalf("%s: %v", format, err)
	}
	if format == sbom.CycloneDX {
		return readCycloneDX(t, data)
	}
	return readSPDX(t, data)
}

var schemas = map[sbom.Format]func() (*validator.Schema, error){
	sbom.SPDX: sync.OnceValues(func() (*validator.Schema, error) {
		text, err := resources.BOMSchemaFiles.ReadFile("schema/spdx/2.3/spdx-schema.json")
		if err != nil {
			return nil, err
		}
		return compile(map[string][]byte{"http://spdx.org/rdf/terms/2.3": text}, "http://spdx.org/rdf/terms/2.3")
	}),
	sbom.CycloneDX: sync.OnceValues(func() (*validator.Schema, error) {
		dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go").Output()
		if err != nil {
			return nil, err
		}
		texts := map[string][]byte{}
		for name, file := range map[string]string{"bom-1.6.schema.json": "bom-1.6.schema.json", "spdx.schema.json": "spdx.schema.json", "jsf-0.82.schema.json": "jsf-0.82.schemax.json"} {
			if texts["http://cyclonedx.org/schema/"+name], err = os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "schema", file)); err != nil {
				return nil, err
			}
		}
		return compile(texts, "http://cyclonedx.org/schema/bom-1.6.schema.json")
	}),
}

func compile(texts map[string][]byte, root string) (*validator.Schema, error) {
	c := validator.NewCompiler()
	c.AssertFormat()
	for name, text := range texts {
		document, err := validator.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			return nil, err
		}
		if err := c.AddResource(name, document); err != nil {
			return nil, err
		}
	}
	return c.Compile(root)
}

// readSPDX reads a document with the library, and checks that its identifiers are different and its relationships lead to them.
func readSPDX(t testing.TB, data []byte) (all []Package) {
	t.Helper()
	document, err := spdxjson.Read(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	is := map[string]bool{"DOCUMENT": true}
	for _, p := range document.Packages {
		if is[string(p.PackageSPDXIdentifier)] {
			t.Errorf("%s is repeated", p.PackageSPDXIdentifier)
		}
		is[string(p.PackageSPDXIdentifier)] = true
		one := Package{Licence: p.PackageLicenseDeclared}
		for _, r := range p.PackageExternalReferences {
			one.PURL = r.Locator
		}
		for _, c := range p.PackageChecksums {
			one.SHA256 = c.Value
		}
		if one.Licence == "NOASSERTION" {
			one.Licence = ""
		}
		if one.PURL != "" {
			all = append(all, one)
		}
	}
	for _, r := range document.Relationships {
		if !is[string(r.RefA.ElementRefID)] || !is[string(r.RefB.ElementRefID)] {
			t.Errorf("%s %s %s: one of them is no package", r.RefA.ElementRefID, r.Relationship, r.RefB.ElementRefID)
		}
	}
	refs := map[string]bool{}
	for _, l := range document.OtherLicenses {
		refs[l.LicenseIdentifier] = true
	}
	for _, p := range all {
		for word := range strings.FieldsSeq(strings.NewReplacer("(", " ", ")", " ").Replace(p.Licence)) {
			if strings.HasPrefix(word, "LicenseRef-") && !refs[word] {
				t.Errorf("%s: no text of %s", p.PURL, word)
			}
		}
	}
	return all
}

// readCycloneDX reads a BOM with the library, and checks that its references are different and its dependencies lead to them.
func readCycloneDX(t testing.TB, data []byte) (all []Package) {
	t.Helper()
	var bom cdx.BOM
	if err := cdx.NewBOMDecoder(bytes.NewReader(data), cdx.BOMFileFormatJSON).Decode(&bom); err != nil {
		t.Fatal(err)
	}
	if bom.Components == nil {
		return nil
	}
	is := map[string]bool{}
	for _, c := range *bom.Components {
		if is[c.BOMRef] {
			t.Errorf("two components are %s", c.BOMRef)
		}
		is[c.BOMRef] = true
		if c.PackageURL == "" {
			continue
		}
		one := Package{PURL: c.PackageURL}
		if c.Licenses != nil {
			one.Licence = (*c.Licenses)[0].Expression
		}
		if c.Hashes != nil {
			one.SHA256 = (*c.Hashes)[0].Value
		}
		all = append(all, one)
	}
	if bom.Dependencies != nil {
		for _, d := range *bom.Dependencies {
			if !is[d.Ref] || slices.ContainsFunc(*d.Dependencies, func(ref string) bool { return !is[ref] }) {
				t.Errorf("%s depends on %q: one of them is no component", d.Ref, *d.Dependencies)
			}
		}
	}
	return all
}
