package archive

import (
	"fmt"
	"path"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// UpstreamPrefix is where a mirror offers what upstream signed, unchanged:
// /upstream/SOURCE/dists/… beside /upstream/SOURCE/pool/…
const UpstreamPrefix = "/" + artifact.UpstreamRoot + "/"

// UpstreamPaths finds the files behind such addresses: metadata are proofs, also
// by their SHA-256; packages are those of the mirror.
type UpstreamPaths struct {
	proofs map[string]string // address, without the first slash → file of the image
	served map[string]bool   // names of sources
}

// NewUpstreamPaths takes the sources of an image; it serves those whose definition says "upstream: serve".
func NewUpstreamPaths(sources []artifact.Source) *UpstreamPaths {
	u := &UpstreamPaths{make(map[string]string), make(map[string]bool)}
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

// File returns the file of the image that answers an address.
func (u *UpstreamPaths) File(address string) string {
	below, found := strings.CutPrefix(address, artifact.UpstreamRoot+"/")
	if !found {
		return address
	}
	if proof := u.proofs[address]; proof != "" {
		return proof
	}
	// What the mirror itself signs must not appear under upstream's name.
	source, file, _ := strings.Cut(below, "/")
	if !u.served[source] || !deb822.IsPackageFile(file) && !deb822.IsSourceFile(file) {
		return address
	}
	return below
}

// UpstreamInstructions is a text with a deb822 source for clients that have upstream's key. They
// must not ask for translations, which are not carried, nor mind that a Release
// has expired.
func UpstreamInstructions(s *artifact.Source, base string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s with upstream's own signatures, for machines that have its key; what is not carried is answered with 404:\n", s.Name)
	for _, part := range ByComponents(s.Releases) {
		fmt.Fprintf(&b, "\n  Types: deb\n  URIs: %s%s%s\n  Suites: %s\n", base, UpstreamPrefix, s.Name, strings.Join(part.Suites, " "))
		if part.Components != "" {
			fmt.Fprintf(&b, "  Components: %s\n", part.Components)
		}
		b.WriteString("  Languages: none\n  Check-Valid-Until: no\n  Signed-By: FILE\n")
	}
	return b.String()
}

// A SuiteGroup has the suites that a deb822 source can list together. Components is the value of the field Components; it is empty
// in flat repositories.
type SuiteGroup struct {
	Components string
	Suites     []string
}

// ByComponents groups suites with the same components: they share a paragraph.
func ByComponents(releases []artifact.Release) []SuiteGroup {
	var groups []SuiteGroup
next:
	for _, r := range releases {
		components := ""
		for _, line := range r.Metadata {
			if after, ok := strings.CutPrefix(line, "Components: "); ok {
				components = after
			}
		}
		for i := range groups {
			if groups[i].Components == components {
				groups[i].Suites = append(groups[i].Suites, r.Name)
				continue next
			}
		}
		groups = append(groups, SuiteGroup{components, []string{r.Name}})
	}
	return groups
}
