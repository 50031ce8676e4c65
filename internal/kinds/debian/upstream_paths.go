package debian

import (
	"path"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// upstreamPrefix is where a mirror offers what upstream signed, unchanged:
// /upstream/SOURCE/dists/… beside /upstream/SOURCE/pool/…
const upstreamPrefix = "/" + artifact.UpstreamRoot + "/"

// upstreamPaths finds the files behind such addresses: metadata are proofs, also
// by their SHA-256; packages are those of the mirror.
type upstreamPaths struct {
	proofs map[string]string // address, without the first slash → file of the image
	served map[string]bool   // names of sources
}

func newUpstreamPaths(sources []artifact.Source) *upstreamPaths {
	u := &upstreamPaths{make(map[string]string), make(map[string]bool)}
	for i := range sources {
		s := &sources[i]
		if !s.ServeUpstream {
			continue
		}
		u.served[s.Name] = true
		for _, r := range s.Releases {
			for j := range r.Proofs {
				id := s.ProofID(&r.Proofs[j])
				u.proofs[id] = id
				u.proofs[path.Join(path.Dir(id), "by-hash/SHA256", r.Proofs[j].SHA256)] = id
			}
		}
	}
	return u
}

// file returns the file of the image that answers an address.
func (u *upstreamPaths) file(address string) string {
	below, found := strings.CutPrefix(address, artifact.UpstreamRoot+"/")
	if !found {
		return address
	}
	if proof := u.proofs[address]; proof != "" {
		return proof
	}
	// What the mirror itself signs must not appear under upstream's name.
	source, file, _ := strings.Cut(below, "/")
	if !u.served[source] || !strings.HasSuffix(file, ".deb") {
		return address
	}
	return below
}
