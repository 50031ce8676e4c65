package debian

import (
	"cmp"
	"path"
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
)

// upstreamUse is what becomes of the metadata that upstream signed.
type upstreamUse string

const (
	upstreamCarry upstreamUse = "carry" // it is in the image, for verify
	upstreamServe upstreamUse = "serve" // and clients may use it unchanged
	upstreamOmit  upstreamUse = "omit"
)

// pins are the sources with their releases, as a lock has them.
func (up *upstream) pins(use upstreamUse) (sources []artifact.Source) {
	for i := range up.sources {
		src := &up.sources[i]
		pinned := artifact.Source{Kind: kindName, Name: src.name, URLs: src.urls, ServeUpstream: use == upstreamServe}
		for j, r := range up.releases[i] {
			pinned.Releases = append(pinned.Releases, artifact.Release{
				Name: r.suite, Date: r.date, Undated: r.undated != nil, URL: r.url, SHA256: r.digest, SignedBy: r.Signers,
				Metadata: r.metadata(src.suites[j].components, src.architectures), Proofs: up.proofs(src, r, use)})
		}
		sortReleases(pinned.Releases)
		sources = append(sources, pinned)
	}
	return sources
}

// prove keeps what upstream signed. It goes into the lock itself: upstream
// replaces these files in place, some several times a day.
func (r *release) prove(src source, name string, data []byte) {
	file := path.Join(dists(r.suite), name)
	r.proofs = append(r.proofs, artifact.Proof{Path: file, Size: int64(len(data)), SHA256: sum(data), URLs: src.addresses(file), Data: data})
}

// proofs are all that stands between a release's signature and the packages of
// its indexes.
func (up *upstream) proofs(src *source, r *release, use upstreamUse) []artifact.Proof {
	if use == upstreamOmit {
		return nil
	}
	all := slices.Clone(r.proofs)
	for i := range up.indexes {
		job := &up.indexes[i]
		if job.origin.Source != src.name || job.origin.Suite != r.suite || job.files == nil {
			continue
		}
		used := job.files[job.used]
		all = append(all, artifact.Proof{Path: job.paths[job.used], Size: used.Size, SHA256: used.SHA256, URLs: used.URLs})
	}
	return all
}

// sortReleases orders a source's releases as the lock lists them.
func sortReleases(releases []artifact.Release) {
	slices.SortFunc(releases, func(a, b artifact.Release) int { return cmp.Compare(a.Name, b.Name) })
}
