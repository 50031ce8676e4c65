package files

import (
	"github.com/Masterminds/semver/v3"

	"github.com/minimirror/minimirror/internal/artifact"
)

// CompareVersions implements artifact.Comparer: versions of Semantic Versioning 2.0.0, of which minor and patch may be missing, have an order.
func (Kind) CompareVersions(a, b string) (order int, ok bool) {
	x, errX := semver.NewVersion(a)
	y, errY := semver.NewVersion(b)
	if errX != nil || errY != nil {
		return 0, a == b
	}
	return x.Compare(y), true
}

// Replaces implements artifact.Comparer: a file replaces its like for the same platform.
func (Kind) Replaces(a, b *artifact.Item) bool { return a.Attributes.String() == b.Attributes.String() }
