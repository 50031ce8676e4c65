package debian

import (
	"io"
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/copyright"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// Origin implements artifact.Originator. The supplier is the Maintainer (Policy 5.6.2), and a package is built from its source package
// (Policy 5.6.1).
func (Kind) Origin(i *artifact.Item) (o artifact.Origin) {
	o.Supplier = deb822.ReadableText(deb822.MetadataField(i, "Maintainer"))
	o.Homepage = deb822.ReadableText(deb822.MetadataField(i, "Homepage"))
	channels := i.Attributes.Values("channel")
	for _, channel := range channels {
		if suite, _ := deb822.CutChannel(channel); !slices.Contains(o.Releases, suite) {
			o.Releases = append(o.Releases, suite)
		}
	}
	if deb822.IsBinary(i) || deb822.IsUdeb(i) {
		name, version := deb822.SourceOf(i.Name, i.Version, deb822.MetadataField(i, "Source"))
		o.MadeFrom = &artifact.Item{Kind: i.Kind, Source: i.Source, Name: name, Version: version, Attributes: sourceAttributes(channels)}
	}
	return o
}

// StatesLicences implements artifact.Licenser. Packages of the installer have no documentation.
func (Kind) StatesLicences(i *artifact.Item, _ *artifact.File) bool { return deb822.IsBinary(i) }

// ReadLicences implements artifact.Licenser: it reads the copyright file of a .deb.
func (Kind) ReadLicences(content io.Reader) (artifact.Licences, error) {
	text, sameAs, err := deb.ReadCopyright(content, copyright.MaxSize)
	if err != nil || sameAs != "" {
		return artifact.Licences{SameAs: sameAs}, err
	}
	return copyright.Parse(text), nil
}
