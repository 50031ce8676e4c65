package debian

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// CompareVersions implements artifact.Comparer: Policy 5.6.12.
func (Kind) CompareVersions(a, b string) (order int, ok bool) {
	return deb822.CompareVersions(a, b), true
}

// Replaces implements artifact.Comparer: a package replaces one of its own architecture, and one for all architectures replaces any
// and is replaced by any. Source packages, installers and packages of the installer replace only their like.
func (Kind) Replaces(a, b *artifact.Item) bool {
	const all = "all"
	if a.Attributes.Get("type") != b.Attributes.Get("type") || deb822.IsSource(a) != deb822.IsSource(b) {
		return false
	}
	return a.Architecture() == b.Architecture() || !deb822.IsSource(a) && (a.Architecture() == all || b.Architecture() == all)
}

// Changelog implements artifact.Changelogger. The entries are those of the source package, and those of binary-only rebuilds
// (Policy 12.7, deb-changelog(5)).
func (k Kind) Changelog(_ context.Context, a, b *artifact.Item, open func(f *artifact.File) (io.ReadCloser, error)) (*artifact.Changelog, error) {
	if !deb822.IsBinary(b) || len(b.Files) != 1 {
		return nil, nil
	}
	file, err := open(&b.Files[0])
	if err != nil {
		return nil, err
	}
	texts, err := deb.ReadChangelogs(file, b.Name, b.Architecture())
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("%s: %w", b, err)
	}
	after, upTo := k.changelogVersion(a), k.changelogVersion(b)
	result := &artifact.Changelog{}
	source := k.sourceVersion(a)
	for _, text := range texts {
		for _, entry := range deb822.ParseChangelog(text) {
			switch {
			case deb822.CompareVersions(entry.Version, after) > 0:
				if deb822.CompareVersions(entry.Version, upTo) <= 0 {
					result.Entries = append(result.Entries, entry)
				}
			case deb822.CompareVersions(entry.Version, source) <= 0 || entry.Version == after:
				result.Complete = true
			}
		}
	}
	if len(result.Entries) == 0 && !result.Complete {
		return nil, nil
	}
	slices.SortStableFunc(result.Entries, func(a, b artifact.ChangelogEntry) int { return deb822.CompareVersions(b.Version, a.Version) })
	result.Entries = slices.CompactFunc(result.Entries, func(a, b artifact.ChangelogEntry) bool { return a == b })
	return result, nil
}

// rebuild ends the version of a package that was built again from the same source.
var rebuild = regexp.MustCompile(`\+b[0-9]+$`)

// sourceVersion is the version of the source package that a package was built from.
func (k Kind) sourceVersion(i *artifact.Item) string {
	origin := k.Origin(i)
	_, version := origin.Of(i)
	return version
}

// changelogVersion is what a changelog calls the version of a package: that of its source package, with the number of the rebuild.
func (k Kind) changelogVersion(i *artifact.Item) string {
	version := k.sourceVersion(i)
	if version != i.Version {
		version += rebuild.FindString(i.Version)
	}
	return version
}
