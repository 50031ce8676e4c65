package deb822

import (
	"iter"
	"path"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// installerType is the attribute "type" of items that are images of an installer.
const installerType = "installer"

// InstallerAttributes are those of such an item.
func InstallerAttributes(architecture, channel string) artifact.Attributes {
	return artifact.NewAttributes(map[string][]string{"architecture": {architecture}, "channel": {channel}, "type": {installerType}})
}

// IsInstaller reports whether an item is images of an installer.
func IsInstaller(i *artifact.Item) bool { return i.Attributes.Get("type") == installerType }

// IsBinary reports whether an item is a binary package, which nodes can install.
func IsBinary(i *artifact.Item) bool { return !IsSource(i) && !IsInstaller(i) && !IsUdeb(i) }

// InstallerSums is the name of the list of an installer's images, below the suite's folder. Debian and Ubuntu keep
// it beside the images.
func InstallerSums(component, architecture string) string {
	return path.Join(component, "installer-"+architecture, "current/images/SHA256SUMS")
}

// Sums yields the digests and paths of a SHA256SUMS file, as sha256sum(1) writes it. The paths are clean; lines
// that are not valid are skipped.
func Sums(text string) iter.Seq2[string, string] {
	return func(yield func(sha256, file string) bool) {
		for line := range strings.Lines(text) {
			sha256, file, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
			file = path.Clean(strings.TrimPrefix(strings.TrimLeft(file, " "), "*"))
			if artifact.ValidSHA256(sha256) && artifact.ValidPath(file) && !yield(sha256, file) {
				return
			}
		}
	}
}
