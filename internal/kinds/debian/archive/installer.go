package archive

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
	"github.com/minimirror/minimirror/internal/parallel"
)

// installerJobs lists the lists of an installer's images of a suite.
func installerJobs(src Source, s Suite, r *Release) (jobs []indexJob) {
	if src.Further.Installer == nil {
		return nil
	}
	for _, component := range s.Components {
		for _, architecture := range src.Architectures {
			name := deb822.InstallerSums(component, architecture)
			if job, found := newIndexJob(src, s.Name, r, name); found {
				job.lists, job.Origin.Component, job.Origin.Architecture = listsInstaller, component, architecture
				jobs = append(jobs, job)
			}
		}
	}
	return jobs
}

// InstallerImages are the images that the sources' option "installer" names: an item for each folder, suite and architecture.
// SHA256SUMS does not tell sizes, so they are fetched here; build finds them in the cache.
func (up *Upstream) InstallerImages(ctx context.Context, from artifact.Upstream) (items []artifact.Item, err error) {
	for i := range up.Sources {
		src := &up.Sources[i]
		for _, folder := range src.Further.Installer {
			var offered []string
			found := false
			for _, index := range up.Indexes {
				if index.Origin.Source != src.Name || index.lists != listsInstaller {
					continue
				}
				item, others := src.installerItem(&index, folder, up.versionOf(index.Origin))
				if offered = append(offered, others...); item.Files != nil {
					items, found = append(items, item), true
				}
			}
			slices.Sort(offered)
			switch {
			case !found && offered == nil:
				return nil, artifact.Hint(fmt.Errorf("debian: source %s: installer: none of its suites lists images of an installer: there is no %s", src.Name, deb822.InstallerSums("main", src.Architectures[0])),
					"leave the option out, or name an archive that has an installer")
			case !found:
				return nil, artifact.Hint(fmt.Errorf("debian: source %s: installer: there are no images called %q", src.Name, folder), "there are: %s", strings.Join(slices.Compact(offered), ", "))
			}
		}
	}
	type place struct{ item, file int }
	var places []place
	for i := range items {
		for f := range items[i].Files {
			places = append(places, place{i, f})
		}
	}
	return items, parallel.Each(len(places), parallelSuites, func(at int) error {
		f := &items[places[at].item].Files[places[at].file]
		content, err := artifact.Bring(ctx, from, f.URLs, artifact.Content{Size: -1, SHA256: f.SHA256})
		if err != nil {
			return fmt.Errorf("debian: source %s: %s: %w", items[places[at].item].Source, f.Path, err)
		}
		f.Size = content.Size
		return nil
	})
}

// versionOf is what a release calls itself: "12.5", or the suite.
func (up *Upstream) versionOf(o deb822.Origin) string {
	for i := range up.Sources {
		for _, r := range up.releases[i] {
			if up.Sources[i].Name == o.Source && r.suite == o.Suite {
				return cmp.Or(r.Header.Get("Version"), r.Header.Get("Codename"), r.suite)
			}
		}
	}
	return o.Suite
}

// installerItem is the images below one folder, and offered what folders there are.
func (s *Source) installerItem(index *indexJob, folder, version string) (item artifact.Item, offered []string) {
	base := path.Join(deb822.Dists(index.Origin.Suite), path.Dir(index.name))
	item = artifact.Item{Kind: deb822.KindName, Source: s.Name, Name: "debian-installer-" + folder, Version: version, Requested: true, Key: path.Join(base, folder),
		Attributes: deb822.InstallerAttributes(index.Origin.Architecture, deb822.Channel(index.Origin.Suite, index.Origin.Component))}
	seen := make(map[string]bool)
	for sha256, file := range deb822.Sums(string(index.Text)) {
		first, _, below := strings.Cut(file, "/")
		if !below || seen[file] {
			continue
		}
		seen[file] = true
		if offered = append(offered, first); first == folder {
			name := path.Join(base, file)
			item.Files = append(item.Files, artifact.File{Path: name, SHA256: sha256, URLs: s.Addresses(name)})
		}
	}
	slices.SortFunc(item.Files, func(a, b artifact.File) int { return strings.Compare(a.Path, b.Path) })
	return item, offered
}

// installer wants all images of an item to be in a signed SHA256SUMS.
func (v *verification) installer(a *artifact.Item) error {
	for _, f := range a.Files {
		if v.sums[f.Path] != f.SHA256 {
			return artifact.Verifyf("debian: %s: no signed SHA256SUMS lists %s with its sha256 %s", a.ID(), f.Path, f.SHA256)
		}
	}
	return nil
}
