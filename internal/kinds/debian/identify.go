package debian

import (
	"net/url"
	"path"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Identify implements artifact.Identifier. It knows the names that pools give to packages,
// NAME_VERSION_ARCHITECTURE.deb, .ddeb or .udeb, in any folder of a source. The version is there without its
// epoch, which such names leave out (deb-version(7)); some archives write "1%3a2.0".
func (Kind) Identify(name string) *artifact.Item {
	below := strings.TrimPrefix(strings.TrimPrefix(name, "/"), artifact.UpstreamRoot+"/")
	source, file, found := strings.Cut(below, "/")
	if !found || !strings.HasPrefix(name, "/") || !artifact.ValidName(source) {
		return nil
	}
	extension := path.Ext(file)
	if !isPackageFile(file) {
		return nil
	}
	stem := strings.TrimSuffix(path.Base(file), extension)
	if decoded, err := url.PathUnescape(stem); err == nil {
		stem = decoded
	}
	name, rest, _ := strings.Cut(stem, "_")
	last := strings.LastIndexByte(rest, '_')
	if last < 0 || !validPackageName(name) || !validVersion(rest[:last]) || rest[last+1:] == "" || !wellFormed(rest[last+1:], "-") {
		return nil
	}
	return &artifact.Item{Kind: kindName, Source: source, Name: name, Version: rest[:last], Attributes: artifact.Attributes{{Name: "architecture", Values: []string{rest[last+1:]}}}}
}
