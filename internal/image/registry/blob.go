package registry

import (
	"context"
	"errors"
	"hash"
	"io"
	"strings"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/opencontainers/go-digest"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/transfer"
)

// ErrNoRange says that a registry does not serve parts of a blob.
var ErrNoRange = transfer.ErrNoRange

// A Blob is a blob's digest, "sha256:…" or "sha512:…", and size in bytes.
type Blob struct {
	Digest string
	Size   int64
}

// Blob reads the whole blob. It ends with io.EOF only if the digest is right, otherwise with artifact.ErrVerify.
// It resumes a broken transfer, from the same byte if the registry supports that.
func (r *Repository) Blob(ctx context.Context, b Blob) io.ReadCloser {
	wanted, err := algorithmOf(b)
	if err != nil {
		return io.NopCloser(failure{err})
	}
	return r.whole(ctx, b, wanted)
}

// OpenBlob is as Blob, and makes the first request: a blob that is not there is fs.ErrNotExist at once.
func (r *Repository) OpenBlob(ctx context.Context, b Blob) (io.ReadCloser, error) {
	wanted, err := algorithmOf(b)
	if err != nil {
		return nil, err
	}
	body := r.whole(ctx, b, wanted)
	if err := body.Begin(); err != nil {
		return nil, errors.Join(err, body.Close())
	}
	return body, nil
}

func (r *Repository) whole(ctx context.Context, b Blob, wanted digest.Digest) *wholeBlob {
	body := &wholeBlob{hash: wanted.Algorithm().Hash()}
	body.Stream = r.host.client.Open(ctx, transfer.Download{Addresses: r.blob(b), Size: b.Size, Verify: func() error {
		if got := digest.NewDigest(wanted.Algorithm(), body.hash); got != wanted {
			return artifact.Verifyf("%s mismatch: got %s, want %s", wanted.Algorithm(), got, wanted)
		}
		return nil
	}})
	return body
}

// A wholeBlob computes its digest while it is read.
type wholeBlob struct {
	*transfer.Stream
	hash hash.Hash
}

// Read implements io.Reader.
func (b *wholeBlob) Read(p []byte) (int, error) {
	n, err := b.Stream.Read(p)
	b.hash.Write(p[:n])
	return n, err
}

// A failure is a reader that fails.
type failure struct{ error }

func (f failure) Read([]byte) (int, error) { return 0, f.error }

// Part reads size bytes of the blob at offset. The error is ErrNoRange, at once or at any read, if the registry
// does not serve parts. Nothing is verified.
func (r *Repository) Part(ctx context.Context, b Blob, offset, size int64) (io.ReadCloser, error) {
	if size == 0 {
		return io.NopCloser(strings.NewReader("")), nil
	}
	whole := offset == 0 && size == b.Size
	if r.noRange.Load() && !whole {
		return nil, ErrNoRange
	}
	part := &part{r.host.client.Open(ctx, transfer.Download{Addresses: r.blob(b), Size: b.Size, From: offset, To: offset + size}), r}
	if err := part.seen(part.Begin()); err != nil {
		return nil, errors.Join(err, part.Close())
	}
	return part, nil
}

// A part records for all later requests that the registry does not serve parts.
type part struct {
	*transfer.Stream
	repository *Repository
}

// Read implements io.Reader.
func (p *part) Read(b []byte) (int, error) {
	n, err := p.Stream.Read(b)
	return n, p.seen(err)
}

func (p *part) seen(err error) error {
	if errors.Is(err, ErrNoRange) {
		p.repository.noRange.Store(true)
	}
	return err
}

func (r *Repository) blob(b Blob) []transfer.Address {
	return r.addresses("/blobs/"+b.Digest, docker.HostCapabilityPull, nil)
}
