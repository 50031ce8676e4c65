package images

import (
	"regexp"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// CompareVersions implements artifact.Comparer: tags that are versions of Semantic Versioning 2.0.0, of which minor and patch may be missing, have
// an order. Other tags, and digests, have none.
func (Kind) CompareVersions(a, b string) (order int, ok bool) {
	x, y := versionOf(a), versionOf(b)
	if x == nil || y == nil {
		return 0, a == b
	}
	return x.Compare(y), true
}

// Replaces implements artifact.Comparer: an image replaces its like for the same platform, and of the same flavour.
func (Kind) Replaces(a, b *artifact.Item) bool {
	return platformOf(a) == platformOf(b) && flavourOf(a.Version) == flavourOf(b.Version)
}

// preRelease begins what stands behind a version that is still to come.
var preRelease = regexp.MustCompile(`^(alpha|beta|dev|m|pre|preview|rc|snapshot)([^a-z]|$)`)

// flavourOf is what a tag says beside its version: "alpine" of "1.27.3-alpine3.20", without the digits. A tag that is no version is a flavour.
func flavourOf(tag string) string {
	if validDigest(tag) {
		return ""
	}
	v := versionOf(tag)
	if v == nil {
		return tag
	}
	rest := strings.ToLower(v.Prerelease())
	if preRelease.MatchString(rest) {
		return ""
	}
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r == '.' {
			return -1
		}
		return r
	}, rest)
}
