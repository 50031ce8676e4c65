package pypi

import (
	"io"
	"regexp"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/pypi/pep508"
	"github.com/minimirror/minimirror/internal/kinds/pypi/simple"
)

// Describe implements artifact.Describer.
func (Kind) Describe(i *artifact.Item) (d artifact.Description) {
	d.Summary = value(i.Metadata, keySummary)
	add := func(name string, parts ...artifact.DescriptionPart) {
		if len(parts) > 0 && parts[0].Text != "" {
			d.Fields = append(d.Fields, artifact.DescriptionField{Name: name, Value: parts})
		}
	}
	text := func(name, value string) { add(name, artifact.DescriptionPart{Text: value}) }
	text("File", fileName(i))
	text("Version", i.Version)
	text("Requires Python", value(i.Metadata, keyRequiresPython))
	text("Targets", strings.Join(i.Attributes.Values(attributeTarget), ", "))
	var requires []artifact.DescriptionPart
	for _, r := range values(i.Metadata, keyRequires) {
		if len(requires) > 0 {
			requires = append(requires, artifact.DescriptionPart{Text: ", "})
		}
		part := artifact.DescriptionPart{Text: r}
		if parsed, err := pep508.ParseRequirement(r); err == nil {
			part.Name = parsed.Project()
		}
		requires = append(requires, part)
	}
	add("Requires", requires...)
	if value(i.Metadata, keyYanked) != "" {
		text("Yanked", strings.TrimSpace("yes "+value(i.Metadata, keyYankedReason)))
	}
	text("Project status", value(i.Metadata, keyStatus))
	text("License", strings.Join(values(i.Metadata, keyLicence), ", "))
	text("Author", value(i.Metadata, keyAuthor))
	text("Home page", value(i.Metadata, keyHomePage))
	text("Uploaded", value(i.Metadata, keyUploaded))
	return d
}

// Origin implements artifact.Originator.
func (Kind) Origin(i *artifact.Item) artifact.Origin {
	return artifact.Origin{Supplier: value(i.Metadata, keyAuthor), Homepage: value(i.Metadata, keyHomePage)}
}

// StatesLicences implements artifact.Licenser: the metadata of a wheel may.
func (Kind) StatesLicences(_ *artifact.Item, f *artifact.File) bool {
	return strings.HasSuffix(f.Path, metadataEnd)
}

// expression is what an SPDX expression consists of: SPDX 2.3, annex D.
var expression = regexp.MustCompile(`^[A-Za-z0-9.+-]+( (AND|OR|WITH) [A-Za-z0-9.+-]+)*$`)

// ReadLicences implements artifact.Licenser: only License-Expression can be read by a program (PEP 639).
func (Kind) ReadLicences(content io.Reader) (artifact.Licences, error) {
	m, err := simple.ParseMetadata(content)
	if err != nil || !expression.MatchString(m.LicenseExpression) || strings.Contains(m.LicenseExpression, "LicenseRef-") {
		return artifact.Licences{}, err
	}
	return artifact.Licences{Expression: m.LicenseExpression}, nil
}
