package content

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	_ "crypto/sha512" // digests may be sha512

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
)

// MaxManifest is the largest manifest, index or index.json that is read, in bytes. Registries refuse those above 4 MiB.
const MaxManifest = 8 << 20

// Media types of Docker's own manifests (Image Manifest Version 2, Schema 2).
const (
	dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	dockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
)

// IsIndex reports whether a media type is that of an index, which lists manifests.
func IsIndex(mediaType string) bool {
	return mediaType == v1.MediaTypeImageIndex || mediaType == dockerList
}

// IsManifest reports whether a media type is that of a manifest or an index.
func IsManifest(mediaType string) bool {
	return mediaType == v1.MediaTypeImageManifest || mediaType == dockerManifest || IsIndex(mediaType)
}

// A Manifest is what a manifest or an index says of other blobs.
type Manifest struct {
	MediaType string          `json:"mediaType"`
	Manifests []v1.Descriptor `json:"manifests"` // of an index
	Config    *v1.Descriptor  `json:"config"`
	Layers    []v1.Descriptor `json:"layers"`
	Subject   *v1.Descriptor  `json:"subject"` // the image to which it is attached
}

// ReadManifest parses a manifest or an index, and checks the descriptors in it. A subject that is not a digest is left out: registries store such
// manifests, and no artifact can be found by it.
func ReadManifest(data []byte) (*Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, err
	}
	all := append(append([]v1.Descriptor{}, m.Manifests...), m.Layers...)
	if m.Config != nil {
		all = append(all, *m.Config)
	}
	for _, d := range all {
		if err := CheckBlob(BlobOf(d)); err != nil {
			return nil, err
		}
	}
	if m.Subject != nil && m.Subject.Digest.Validate() != nil {
		m.Subject = nil
	}
	return &m, nil
}

// BlobOf is the blob that a descriptor means.
func BlobOf(d v1.Descriptor) Blob {
	return Blob{Digest: d.Digest, Size: d.Size, MediaType: d.MediaType}
}

// CheckBlob refuses a digest that cannot be verified, and sizes below 0.
func CheckBlob(b Blob) error {
	if err := b.Digest.Validate(); err != nil {
		return fmt.Errorf("digest %q: %w", string(b.Digest), err)
	}
	if b.Size < 0 {
		return fmt.Errorf("%s: the size %d must not be negative", b.Digest, b.Size)
	}
	return nil
}

// ReadAll reads and verifies a blob that has at most MaxManifest bytes.
func ReadAll(r io.Reader, b Blob) ([]byte, error) {
	if b.Size > MaxManifest {
		return nil, fmt.Errorf("%s: a manifest of %d bytes, more than the %d that are read", b.Digest, b.Size, MaxManifest)
	}
	data, err := io.ReadAll(io.LimitReader(r, b.Size+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", b.Digest, err)
	}
	return data, b.Check(data)
}

// Check compares bytes with the blob's size and digest: artifact.ErrVerify.
func (b Blob) Check(data []byte) error {
	v := NewVerifier(bytes.NewReader(data), b)
	_, err := io.Copy(io.Discard, v)
	return err
}

// A Verifier reads a blob, and at its end returns artifact.ErrVerify instead of io.EOF if size or digest are wrong.
type Verifier struct {
	r    io.Reader
	blob Blob
	hash digest.Digester
	n    int64
}

// NewVerifier returns a Verifier for a blob that CheckBlob accepts.
func NewVerifier(r io.Reader, b Blob) *Verifier {
	return &Verifier{r: r, blob: b, hash: b.Digest.Algorithm().Digester()}
}

func (v *Verifier) Read(p []byte) (int, error) {
	n, err := v.r.Read(p)
	v.hash.Hash().Write(p[:n])
	if v.n += int64(n); v.n > v.blob.Size {
		return n, artifact.Verifyf("%s: more than its %d bytes", v.blob.Digest, v.blob.Size)
	}
	if err != io.EOF {
		return n, err
	}
	if v.n != v.blob.Size {
		return n, artifact.Verifyf("%s: cut off: %d of %d bytes", v.blob.Digest, v.n, v.blob.Size)
	}
	if got := v.hash.Digest(); got != v.blob.Digest {
		return n, artifact.Verifyf("%s: digest mismatch: the content has %s", v.blob.Digest, got)
	}
	return n, io.EOF
}
