// Package advisories is the kind of what is known of vulnerabilities: the data of Debian's security tracker, and exports in the format
// of OSV. Its sources have no items: each is one file of knowledge, with the date of that, which minimirror vulns compares with the
// items of other kinds.
//
//	tracker.go, osv.go  formats of upstream ──lock──▶ store.go  the part that is needed, compact ──▶ mirror.proofs, image
//
// Upstream replaces its files several times a day. So lock reads them and keeps what it needs as proofs, in mirror.proofs: build needs no
// upstream.
package advisories

import (
	"context"
	"io"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Kind is the kind of advisories.
type Kind struct{}

var _ interface {
	artifact.Kind
	artifact.Advisor
	artifact.Schemer
	artifact.Verifier
} = Kind{}

// Name implements artifact.Kind.
func (Kind) Name() string { return "advisories" }

// Publish implements artifact.Kind: clients need nothing.
func (Kind) Publish(artifact.Pins, artifact.Signer) ([]artifact.Generated, error) { return nil, nil }

// Mount implements artifact.Kind.
func (Kind) Mount(artifact.Site) []artifact.Route { return nil }

// VerifyUpstream implements artifact.Verifier: nobody signs advisories.
func (Kind) VerifyUpstream(_ context.Context, pins artifact.Pins, _ []artifact.KeyFile, _ func(name string) (io.ReadCloser, error)) (vouched artifact.Vouched, err error) {
	for i := range pins.Sources {
		for _, r := range pins.Sources[i].Releases {
			vouched.Report = append(vouched.Report, pins.Sources[i].Name+": advisories of "+r.Date.UTC().Format("2006-01-02 15:04 MST")+", which upstream does not sign")
		}
	}
	return vouched, nil
}
