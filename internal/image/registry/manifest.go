package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"

	"github.com/containerd/containerd/v2/core/remotes/docker"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/transfer"
)

const maxManifest = 8 << 20 // bytes

// accepted are the supported manifests: OCI image specification, and Docker's schema 2.
var accepted = []string{
	"application/vnd.oci.image.manifest.v1+json",
	"application/vnd.oci.image.index.v1+json",
	"application/vnd.docker.distribution.manifest.v2+json",
	"application/vnd.docker.distribution.manifest.list.v2+json",
}

// Manifest returns the manifest or index with a tag or a digest ("sha256:…"), its media type as the
// registry states it, and its digest. A manifest that was requested by digest has been verified.
func (r *Repository) Manifest(ctx context.Context, reference string) (data []byte, mediaType, digest string, err error) {
	capability := docker.HostCapabilities(docker.HostCapabilityResolve)
	verify := func(data []byte) error {
		if got := digestOf(data); got != reference {
			return artifact.Verifyf("manifest: sha256 mismatch: got %s, want %s", got, reference)
		}
		return nil
	}
	if strings.HasPrefix(reference, "sha256:") {
		capability = docker.HostCapabilityPull
	} else {
		verify = nil
	}
	d := transfer.Download{Addresses: r.addresses("/manifests/"+reference, capability, http.Header{"Accept": accepted}), Size: -1}
	data, header, _, err := r.client.Bytes(ctx, d, maxManifest, verify)
	if errors.Is(err, fs.ErrNotExist) {
		err = artifact.Hint(fmt.Errorf("the registry has no such image: %w", err), "see which it has: skopeo list-tags docker://%s/%s", r.host, r.name)
	}
	if err != nil {
		return nil, "", "", err
	}
	mediaType, _, _ = strings.Cut(header.Get("Content-Type"), ";")
	return data, strings.TrimSpace(mediaType), digestOf(data), nil
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}
