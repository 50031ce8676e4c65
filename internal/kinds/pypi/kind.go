// Package pypi is the kind of Python packages: wheels and source distributions, from indexes such as PyPI.
//
//	mirror.yaml ──spec.go──▶ requirements, targets ──resolve.go──▶ items ──publish.go──▶ pypi.json ──serve.go──▶ /SOURCE/simple/PROJECT/
//
// An item is a distribution: one wheel or source distribution of a version of a project. Its files are the wheel, and, where the index has it, the
// wheel's metadata, from which installers learn what it requires, and its attestations. What an installer would choose on each target
// of the definition is found without fetching wheels; the packages below this one do that:
//
//   - pep440, pep508, wheel: versions, requirements and tags
//   - requirements: files of requirements and lock files
//   - simple: the API and the metadata of upstream's index
//   - resolver: the versions that fit together
package pypi

import (
	"path"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Kind is the kind of Python packages.
type Kind struct{}

var _ interface {
	artifact.Kind
	artifact.AddressMapper
	artifact.Aliaser
	artifact.Comparer
	artifact.Describer
	artifact.Explainer
	artifact.FileChecker
	artifact.Guide
	artifact.Identifier
	artifact.Installer
	artifact.Licenser
	artifact.Lister
	artifact.Originator
	artifact.PackageURLer
	artifact.Ruler
	artifact.Schemer
	artifact.Splitter
	artifact.Versioner
	artifact.Wanter
} = Kind{}

// Name implements artifact.Kind.
func (Kind) Name() string { return "pypi" }

// Attributes of items.
const (
	attributeTag          = "tag"          // each tag of a wheel ("cp311-cp311-manylinux_2_28_x86_64"); of a source distribution "sdist"
	attributeArchitecture = "architecture" // of a wheel for one architecture, in Go's words
	attributeTarget       = "target"       // names of the targets that the item was chosen for; none: it builds another, or is one of all versions
)

// sourceTag is the tag of source distributions.
const sourceTag = "sdist"

// Lines of Item.Metadata are "KEY: VALUE". Those that repeat are sorted, or in the order of upstream's metadata.
const (
	keyRequiresPython = "Requires-Python" // as the index has it
	keyYanked         = "Yanked"          // "yes"
	keyYankedReason   = "Yanked-Reason"
	keyUploaded       = "Upload-Time" // RFC 3339
	keyRequires       = "Requires-Dist"
	keySummary        = "Summary"
	keyLicence        = "License" // each licence that the metadata names
	keyHomePage       = "Home-Page"
	keyAuthor         = "Author"
	keyStatus         = "Project-Status" // archived or deprecated, with the reason
	keyNeededBy       = "Needed-By"      // "PROJECT VERSION", or the request of the definition with its place
	keyInstallTo      = "Install-To"     // the virtual environment on nodes
)

// values are those of a key.
func values(lines []string, key string) (all []string) {
	for _, line := range lines {
		if value, found := strings.CutPrefix(line, key+": "); found {
			all = append(all, value)
		}
	}
	return all
}

// value is the first of a key, or empty.
func value(lines []string, key string) string {
	if all := values(lines, key); len(all) > 0 {
		return all[0]
	}
	return ""
}

// line makes a line. Line breaks in the value become spaces.
func line(key, value string) string {
	return key + ": " + strings.ReplaceAll(strings.Join(strings.Fields(value), " "), "\x7f", "")
}

// Ends of the names of files beside a wheel.
const (
	metadataEnd   = ".metadata"
	provenanceEnd = ".provenance"
)

func filePath(project, file string) string { return packagesFolder + "/" + project + "/" + file }

// fileName is the name of the distribution itself.
func fileName(i *artifact.Item) string {
	if len(i.Files) == 0 {
		return ""
	}
	return path.Base(i.Files[0].Path)
}

// beside is the file of the item whose name is that of the distribution and then end; nil: there is none.
func beside(i *artifact.Item, end string) *artifact.File {
	for f := range i.Files {
		if f > 0 && i.Files[f].Path == i.Files[0].Path+end {
			return &i.Files[f]
		}
	}
	return nil
}

// isWheel reports whether the item is a wheel.
func isWheel(i *artifact.Item) bool { return strings.HasSuffix(fileName(i), ".whl") }

// Aliases implements artifact.Aliaser: PROJECT==VERSION and the name of the file.
func (Kind) Aliases(i *artifact.Item) []string {
	return []string{i.Name + "==" + i.Version, fileName(i)}
}
