package debian

import (
	"path"
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
)

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
