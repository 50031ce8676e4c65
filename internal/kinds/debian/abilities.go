package debian

import (
	"context"
	"io"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Publish implements artifact.Kind.
func (Kind) Publish(pins artifact.Pins, signer artifact.Signer) ([]artifact.Generated, error) {
	return Publish(pins, signer)
}

// Filter implements artifact.Filterer.
func (Kind) Filter(ctx context.Context, req artifact.FilterRequest) ([]artifact.Generated, error) {
	return Filter(ctx, req)
}

// Access implements artifact.Accessor.
func (Kind) Access(ctx context.Context, s artifact.Spec) (artifact.Access, error) {
	return Access(ctx, s.(*spec).host)
}

// VerifyUpstream implements artifact.Verifier.
func (Kind) VerifyUpstream(ctx context.Context, pins artifact.Pins, keys []artifact.KeyFile, open func(name string) (io.ReadCloser, error)) (artifact.Vouched, error) {
	return VerifyUpstream(ctx, pins, keys, open)
}

// Why implements artifact.Explainer. name is a request: a package, one of an architecture, a pattern.
func (Kind) Why(s artifact.Spec, pins artifact.Pins, name string) ([]artifact.Reason, error) {
	return why(&s.(*spec).demand, pins, name)
}

// Broken implements artifact.BreakageFinder.
func (Kind) Broken(ctx context.Context, pins artifact.Pins, sets []artifact.Set, absent func(id string) bool) ([]artifact.Breakage, error) {
	return Broken(ctx, pins, sets, absent)
}

// NodeArchitecture implements artifact.Installer.
func (Kind) NodeArchitecture(root string) (string, error) { return NodeArchitecture(root) }

// PlanInstall implements artifact.Installer.
func (Kind) PlanInstall(ctx context.Context, req artifact.InstallRequest) (*artifact.InstallPlan, error) {
	return PlanInstall(ctx, req)
}

// Install implements artifact.Installer.
func (Kind) Install(ctx context.Context, job artifact.InstallJob) error { return Install(ctx, job) }

// Extra implements artifact.Installer.
func (Kind) Extra(title string, plans ...*artifact.InstallPlan) map[string][]byte {
	return Extra(title, plans...)
}
