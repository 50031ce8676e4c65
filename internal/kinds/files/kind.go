// Package files is the kind of plain files: what else lies on a web server beside a mirror,
// such as release tarballs, disk images, installers, Helm charts and scripts of the house.
//
//	mirror.yaml ──spec.go──▶ sources ──resolve.go──▶ items ──publish.go──▶ SHA256SUMS, index.yaml ──serve.go──▶ /files/SOURCE/…
//
// A file is carried only if something vouches for its bytes: a list of checksums that upstream has
// signed (checksums.go, signature.go), a digest in the definition, the index of a chart repository
// (helm.go), or the folder of this site that it comes from (local.go).
//
// What lies in a folder of the site is pinned by its digest like everything else. Its address in the lock is relative to the
// definition, as it is written there: the lock is the same on each machine that has the definition and the
// folder beside it. Only build resolves it; it reads the file again and refuses one that has changed.
package files

import (
	"path"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Kind is the kind of plain files.
type Kind struct{}

var _ interface {
	artifact.Kind
	artifact.Addresser
	artifact.Aliaser
	artifact.Comparer
	artifact.Describer
	artifact.Explainer
	artifact.Filterer
	artifact.Guide
	artifact.Identifier
	artifact.Installer
	artifact.Lister
	artifact.Prober
	artifact.Reserver
	artifact.Ruler
	artifact.Schemer
	artifact.Splitter
	artifact.Verifier
	artifact.Versioner
	artifact.Wanter
} = Kind{}

// Name implements artifact.Kind.
func (Kind) Name() string { return "files" }

// Lines of Item.Metadata and Release.Metadata are "KEY: VALUE".
const (
	keyFrom    = "From"             // what the source is: a way
	keySHA512  = "SHA512"           // of the file, where the list of checksums has no SHA-256
	keyTo      = "Install-To"       // the folder on nodes
	keyMode    = "Install-Mode"     // octal
	keyChart   = "Chart"            // the entry of index.yaml, JSON
	keySigning = "Signature-Format" // of a release
)

// A way is what a source is, by the key that names it in the definition.
type way string

const (
	fromFolder way = "from"
	fromURL    way = "url"
	fromHelm   way = "helm"
	fromPath   way = "path"
)

// metadata is the value of a line, or empty.
func metadata(lines []string, key string) string {
	for _, line := range lines {
		if value, found := strings.CutPrefix(line, key+": "); found {
			return value
		}
	}
	return ""
}

// filePath is the path of the item's only file below its source.
func filePath(i *artifact.Item) string {
	if len(i.Files) == 0 {
		return ""
	}
	return i.Files[0].Path
}

// Aliases implements artifact.Aliaser: the path below the source, with the source before it and without, and the
// name of a source that is a single file.
func (Kind) Aliases(i *artifact.Item) (names []string) {
	for _, name := range namesOf(i) {
		if name != i.Name {
			names = append(names, name)
		}
	}
	return names
}

// namesOf are all by which the item can be asked for.
func namesOf(i *artifact.Item) []string {
	file := filePath(i)
	names := []string{i.Name, file, path.Base(file), i.Source + "/" + file, i.Source + "/" + i.Name, i.Source + "/" + path.Base(file)}
	if metadata(i.Metadata, keyFrom) == string(fromURL) {
		names = append(names, i.Source)
	}
	var once []string
	for _, name := range names {
		if !slices.Contains(once, name) {
			once = append(once, name)
		}
	}
	return once
}
