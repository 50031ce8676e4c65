package archive

import (
	"slices"
	"strconv"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// acceptChange makes apt accept a release whose identity has changed: apt-secure(8). Each field also has
// an option of its own: --allow-releaseinfo-change-origin, and so on.
const acceptChange = "apt-get update --allow-releaseinfo-change"

// ReleaseChanges are the identity fields of a release that differ from the previous
// lock. apt refuses the release unless its user accepts the change, because preferences
// may use these fields. It only mentions a new Suite, and ignores a new Version.
func ReleaseChanges(before, after []artifact.Source) (changes []artifact.ReleaseChange) {
	for _, s := range after {
		at := slices.IndexFunc(before, func(o artifact.Source) bool { return o.Name == s.Name })
		if at < 0 {
			continue
		}
		for _, r := range s.Releases {
			was := slices.IndexFunc(before[at].Releases, func(o artifact.Release) bool { return o.Name == r.Name })
			if was < 0 {
				continue
			}
			old, current := IdentityOf(&before[at].Releases[was]), IdentityOf(&r)
			for i, field := range identity {
				if old[i] == current[i] {
					continue
				}
				c := artifact.ReleaseChange{Source: s.Name, Release: r.Name, Field: field, Old: old[i], New: current[i], Accept: acceptChange}
				if field == "Suite" {
					c.Accept = ""
				}
				changes = append(changes, c)
			}
		}
	}
	return changes
}

// identity are the fields that clients compare with the release that they have.
var identity = []string{"Origin", "Label", "Suite", "Codename", "default priority"}

// IdentityOf returns a pinned release's identity, in that order.
func IdentityOf(r *artifact.Release) []string {
	var of Release
	if paragraphs, err := deb822.ParseParagraphs([]byte(strings.Join(r.Metadata, "\n"))); err == nil && len(paragraphs) == 1 {
		of.Header = paragraphs[0]
	}
	values := make([]string, len(identity))
	for i, field := range identity {
		values[i] = of.Header.Get(field)
	}
	values[len(values)-1] = strconv.Itoa(deb822.ReleasePriority(of.Header))
	return values
}
