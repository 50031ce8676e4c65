package debian

import (
	"context"
	"fmt"
	"io"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/aptconf"
	"github.com/minimirror/minimirror/internal/kinds/debian/archive"
	"github.com/minimirror/minimirror/internal/kinds/debian/dpkg"
	"github.com/minimirror/minimirror/internal/kinds/debian/repository"
	"github.com/minimirror/minimirror/internal/kinds/debian/resolver"
)

// Publish implements artifact.Kind.
func (Kind) Publish(pins artifact.Pins, signer artifact.Signer) ([]artifact.Generated, error) {
	return repository.Publish(pins, signer)
}

// Filter implements artifact.Filterer.
func (Kind) Filter(ctx context.Context, req artifact.FilterRequest) ([]artifact.Generated, error) {
	return repository.Filter(ctx, req)
}

// Access implements artifact.Accessor.
func (Kind) Access(ctx context.Context, s artifact.Spec) (artifact.Access, error) {
	return aptconf.Access(ctx, s.(sections).host())
}

// Verify implements artifact.Verifier.
func (Kind) VerifyUpstream(ctx context.Context, pins artifact.Pins, keys []artifact.KeyFile, open func(name string) (io.ReadCloser, error)) (artifact.Vouched, error) {
	vouched, err := archive.Verify(ctx, pins, keys, open)
	if err != nil {
		return vouched, err
	}
	count, err := repository.VerifyAbout(pins, open)
	if count > 0 {
		vouched.Report = append(vouched.Report, fmt.Sprintf("%d indexes about packages say what the signed ones say", count))
	}
	return vouched, err
}

// NodeArchitecture implements artifact.Installer.
func (Kind) NodeArchitecture(root string) (string, error) { return resolver.NodeArchitecture(root) }

// PlanInstall implements artifact.Installer.
func (Kind) PlanInstall(ctx context.Context, req artifact.InstallRequest) (*artifact.InstallPlan, error) {
	req.Pins = withoutSources(req.Pins)
	return resolver.PlanInstall(ctx, req)
}

// Install implements artifact.Installer.
func (Kind) Install(ctx context.Context, job artifact.InstallJob) error {
	return dpkg.Install(ctx, job)
}

// Extra implements artifact.Installer.
func (Kind) Extra(title string, plans ...*artifact.InstallPlan) map[string][]byte {
	return dpkg.FolderFiles(title, plans...)
}
