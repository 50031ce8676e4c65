package debian

import (
	"net/url"
	"path"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// Identify implements artifact.Identifier. It knows the names that pools give to packages,
// NAME_VERSION_ARCHITECTURE.deb, .ddeb or .udeb, and NAME_VERSION.dsc of source packages, in any folder of a source. The version is there without its
// epoch, which such names leave out (deb-version(7)); some archives write "1%3a2.0".
func (Kind) Identify(name, _ string) *artifact.Item {
	below := strings.TrimPrefix(strings.TrimPrefix(name, "/"), artifact.UpstreamRoot+"/")
	source, file, found := strings.Cut(below, "/")
	if !found || !strings.HasPrefix(name, "/") || !artifact.ValidName(source) {
		return nil
	}
	extension := path.Ext(file)
	if !deb822.IsPackageFile(file) && extension != ".dsc" {
		return nil
	}
	stem := strings.TrimSuffix(path.Base(file), extension)
	if extension == ".dsc" { // NAME_VERSION.dsc
		stem += "_" + deb822.SourceArchitecture
	}
	if decoded, err := url.PathUnescape(stem); err == nil {
		stem = decoded
	}
	name, rest, _ := strings.Cut(stem, "_")
	last := strings.LastIndexByte(rest, '_')
	if last < 0 || !deb822.ValidPackageName(name) || !deb822.ValidVersion(rest[:last]) || rest[last+1:] == "" || !deb822.WellFormed(rest[last+1:], "-") {
		return nil
	}
	return &artifact.Item{Kind: deb822.KindName, Source: source, Name: name, Version: rest[:last], Attributes: artifact.Attributes{{Name: "architecture", Values: []string{rest[last+1:]}}}}
}
