package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"

	"github.com/containerd/containerd/v2/core/remotes/docker"

	"github.com/minimirror/minimirror/internal/artifact"
)

const maxManifest = 8 << 20 // bytes

// accepted are the manifests that can be read: OCI image specification, and Docker's schema 2.
var accepted = []string{
	"application/vnd.oci.image.manifest.v1+json",
	"application/vnd.oci.image.index.v1+json",
	"application/vnd.docker.distribution.manifest.v2+json",
	"application/vnd.docker.distribution.manifest.list.v2+json",
}

// Manifest returns the manifest or index with a tag or a digest ("sha256:…"), its media type as the
// registry states it, and its digest. One that was asked for by digest has been verified.
func (r *Repository) Manifest(ctx context.Context, reference string) (data []byte, mediaType, digest string, err error) {
	req := request{path: "/manifests/" + reference, header: http.Header{"Accept": accepted}, capabilities: docker.HostCapabilityResolve}
	byDigest := strings.HasPrefix(reference, "sha256:")
	if byDigest {
		req.capabilities = docker.HostCapabilityPull
	}
	for attempt := 1; ; attempt++ {
		data, mediaType, err = r.document(ctx, req)
		if err == nil {
			sum := sha256.Sum256(data)
			digest = "sha256:" + hex.EncodeToString(sum[:])
			if !byDigest || digest == reference {
				return data, mediaType, digest, nil
			}
			err = &temporary{artifact.Verifyf("manifest: sha256 mismatch: got %s, want %s", digest, reference), 0}
		}
		if !isTemporary(err) || attempt == attemptsElse {
			if errors.Is(err, fs.ErrNotExist) {
				err = artifact.Hint(fmt.Errorf("the registry has no such image: %w", err), "see which it has: skopeo list-tags docker://%s/%s", r.host, r.name)
			}
			return nil, "", "", err
		}
		if err := r.pause(ctx, attempt, err); err != nil {
			return nil, "", "", err
		}
	}
}

func (r *Repository) document(ctx context.Context, req request) ([]byte, string, error) {
	resp, err := r.do(ctx, req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxManifest+1))
	switch {
	case err != nil:
		return nil, "", &temporary{fmt.Errorf("manifest: broken off after %d bytes: %w", len(data), err), 0}
	case len(data) > maxManifest:
		return nil, "", fmt.Errorf("manifest: more than %d bytes", maxManifest)
	}
	mediaType, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	return data, strings.TrimSpace(mediaType), nil
}
