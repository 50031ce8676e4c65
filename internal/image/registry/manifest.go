package registry

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"

	_ "crypto/sha512" // digests may be sha512

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/transfer"
)

const maxManifest = 8 << 20 // bytes

// accepted are the manifests to send as they are stored: those of the OCI image specification and of Docker's schema 2, and then any others.
var accepted = []string{
	v1.MediaTypeImageManifest,
	v1.MediaTypeImageIndex,
	"application/vnd.docker.distribution.manifest.v2+json",
	"application/vnd.docker.distribution.manifest.list.v2+json",
	"*/*",
}

// digestHeader is where a registry states the digest of a manifest.
const digestHeader = "Docker-Content-Digest"

// Manifest returns the manifest or index with a tag or a digest ("sha256:…", "sha512:…"), its media type as the
// registry states it, and its digest: of one that has a tag, by the algorithm that the registry uses. It has been verified.
func (r *Repository) Manifest(ctx context.Context, reference string) (data []byte, mediaType, sum string, err error) {
	capability := docker.HostCapabilities(docker.HostCapabilityResolve)
	var verify func([]byte) error
	if wanted, err := digest.Parse(reference); err == nil {
		capability = docker.HostCapabilityPull
		verify = func(data []byte) error {
			if got := wanted.Algorithm().FromBytes(data); got != wanted {
				return artifact.Verifyf("manifest: %s mismatch: got %s, want %s", wanted.Algorithm(), got, wanted)
			}
			return nil
		}
	} else if !ValidTag(reference) {
		return nil, "", "", artifact.Verifyf("manifest %q: %w", artifact.Printable(reference), err)
	}
	d := transfer.Download{Addresses: r.addresses("/manifests/"+reference, capability, http.Header{"Accept": accepted}), Size: -1}
	data, header, _, err := r.host.client.Bytes(ctx, d, maxManifest, verify)
	if errors.Is(err, fs.ErrNotExist) {
		err = artifact.Hint(fmt.Errorf("the registry has no such image: %w", err), "see which it has: skopeo list-tags docker://%s/%s", r.host.name, r.name)
	}
	if err != nil {
		return nil, "", "", err
	}
	if sum = reference; verify == nil {
		if sum, err = stated(header, data); err != nil {
			return nil, "", "", err
		}
	}
	mediaType, _, _ = strings.Cut(header.Get("Content-Type"), ";")
	return data, strings.TrimSpace(mediaType), sum, nil
}

// stated is the digest of bytes, by the algorithm of the one that the registry states for them, which must be right.
func stated(header http.Header, data []byte) (string, error) {
	d, err := digest.Parse(header.Get(digestHeader))
	if err != nil {
		return digest.FromBytes(data).String(), nil
	}
	if got := d.Algorithm().FromBytes(data); got != d {
		return "", artifact.Verifyf("the registry states the digest %s, but the manifest that it sends has %s", d, got)
	}
	return d.String(), nil
}

// HasManifest reports whether the repository has a manifest at a digest, or a tag leads to it there. The registry is believed.
func (r *Repository) HasManifest(ctx context.Context, reference string, d digest.Digest) (bool, error) {
	_, header, err := r.head(ctx, "/manifests/"+reference, http.Header{"Accept": accepted}, -1)
	if err == nil && header.Get(digestHeader) == "" {
		var data []byte
		if data, _, _, err = r.Manifest(ctx, reference); err == nil {
			return d.Algorithm().FromBytes(data) == d, nil
		}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	}
	return header.Get(digestHeader) == d.String(), nil
}

// head asks the registry itself, which is also written to, for a header.
func (r *Repository) head(ctx context.Context, path string, header http.Header, size int64) (bool, http.Header, error) {
	s := r.host.client.Open(ctx, transfer.Download{Addresses: r.addresses(path, docker.HostCapabilityPush, header), Size: size, Head: true})
	err := s.Begin()
	answer := s.Header()
	err = errors.Join(err, s.Close())
	return err == nil, answer, err
}
