package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/opencontainers/go-digest"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/transfer"
)

// HasBlob reports whether the repository has a blob.
func (r *Repository) HasBlob(ctx context.Context, b Blob) (bool, error) {
	there, _, err := r.head(ctx, "/blobs/"+b.Digest, nil, b.Size)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return there, err
}

// PutManifest stores a manifest or an index at a tag or at its digest. subject: the registry says that it lists the manifest as a referrer of its
// subject.
func (r *Repository) PutManifest(ctx context.Context, reference, mediaType string, data []byte) (subject bool, err error) {
	address, err := r.writable("/manifests/" + reference)
	if err != nil {
		return false, err
	}
	address.Header.Set("Content-Type", mediaType)
	var answer *http.Response
	err = r.host.client.Retry(ctx, func() (bool, error) {
		answer, err = r.host.client.Send(ctx, transfer.Sending{Address: address, Method: http.MethodPut, Body: bytes.NewReader(data), Size: int64(len(data))})
		return false, err
	})
	if err != nil {
		return false, err
	}
	if answer.StatusCode != http.StatusCreated {
		return false, artifact.Verifyf("%s: the server answers %s to a manifest, instead of 201 Created", address.URL, answer.Status)
	}
	if _, err := stated(answer.Header, data); err != nil {
		return false, fmt.Errorf("%s: %w", address.URL, err)
	}
	return answer.Header.Get("OCI-Subject") != "", nil
}

// Mount lets the repository have a blob of another repository of the same registry, from, without sending it: "Mounting a blob from another
// repository". false: the registry does not do it.
func (r *Repository) Mount(ctx context.Context, b Blob, from string) (mounted bool, err error) {
	var u *upload
	err = r.host.client.Retry(ctx, func() (bool, error) {
		u, err = r.begin(ctx, url.Values{"mount": {b.Digest}, "from": {from}})
		return false, err
	})
	var status *transfer.StatusError
	switch {
	case errors.As(err, &status) && status.Status >= 400 && status.Status < 500 && status.Status != http.StatusTooManyRequests:
		return false, nil // perhaps the login may not read there; sending the blob will tell
	case err != nil:
		return false, err
	case u == nil:
		return true, nil
	}
	u.cancel(ctx)
	return false, nil
}

// writable is the address of a path below the repository, at the registry that is written to.
func (r *Repository) writable(path string) (transfer.Address, error) {
	all := r.addresses(path, docker.HostCapabilityPush, nil)
	if len(all) == 0 {
		return transfer.Address{}, artifact.Hint(fmt.Errorf("registry %s: no address to push to", r.host.name), "its hosts.toml has no host with the capability \"push\"")
	}
	return all[0], nil
}

// algorithmOf refuses a digest that cannot be verified.
func algorithmOf(b Blob) (digest.Digest, error) {
	d, err := digest.Parse(b.Digest)
	if err != nil {
		return "", artifact.Verifyf("blob %q: %w", artifact.Printable(b.Digest), err)
	}
	return d, nil
}
