package images

import (
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// GoArchitecture implements artifact.Splitter: platforms have Go's words, and a variant may follow ("arm/v7").
func (Kind) GoArchitecture(name string) string {
	if name == artifact.AnyArchitecture {
		return ""
	}
	architecture, _, _ := strings.Cut(name, "/")
	return architecture
}

// InstallsForeign implements artifact.Splitter: a node runs images for its own platform.
func (Kind) InstallsForeign() bool { return false }

// SplitSource implements artifact.Splitter: a registry is for all machines.
func (Kind) SplitSource(s artifact.Source, _ string) (artifact.Source, bool) { return s, true }
