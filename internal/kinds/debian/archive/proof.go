package archive

import (
	"cmp"
	"path"
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// UpstreamUse is what becomes of the metadata that upstream signed.
type UpstreamUse string

const (
	UpstreamCarry UpstreamUse = "carry" // it is in the image, for verify
	UpstreamServe UpstreamUse = "serve" // and clients may use it unchanged
	UpstreamOmit  UpstreamUse = "omit"
)

// Pins are the sources with their releases, as a lock has them.
func (up *Upstream) Pins(use UpstreamUse) (sources []artifact.Source) {
	for i := range up.Sources {
		src := &up.Sources[i]
		pinned := artifact.Source{Kind: deb822.KindName, Name: src.Name, URLs: src.URLs, ServeUpstream: use == UpstreamServe && !src.Own()}
		for j, r := range up.releases[i] {
			pinned.Releases = append(pinned.Releases, artifact.Release{
				Name: r.suite, Date: r.date, Undated: r.undated != nil, URL: r.url, SHA256: r.digest, SignedBy: r.Signers,
				Metadata: append(r.metadata(src.Suites[j].Components, src.Architectures), src.Further.lines()...), Proofs: up.proofs(src, r, use)})
		}
		sortReleases(pinned.Releases)
		sources = append(sources, pinned)
	}
	return sources
}

// prove keeps what upstream signed. It goes into the lock itself: upstream
// replaces these files in place, some several times a day.
func (r *Release) prove(src Source, name string, data []byte) {
	file := path.Join(deb822.Dists(r.suite), name)
	r.proofs = append(r.proofs, artifact.Proof{Path: file, Size: int64(len(data)), SHA256: deb822.SHA256(data), URLs: src.Addresses(file), Data: data})
}

// proofs are all that stands between a release's signature and the packages of
// its indexes.
func (up *Upstream) proofs(src *Source, r *Release, use UpstreamUse) []artifact.Proof {
	if use == UpstreamOmit {
		return nil
	}
	all := slices.Clone(r.proofs)
	for i := range up.Indexes {
		job := &up.Indexes[i]
		if job.Origin.Source != src.Name || job.Origin.Suite != r.suite || job.files == nil {
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
