// Package content finds images and their blobs wherever they are, and stores them elsewhere, byte for byte. It knows what images consist of,
// and nothing of what is in them.
//
//	Source ──Images, Walk──▶ Graph: images, blobs in order ──(package bundle: parts)──▶ Sink: blobs first, then the images' names
//
// A source and a sink exist for folders in the OCI image layout and archives of them (layout.go, archive.go, sink.go), and for registries
// (package content/registry). A Source is never changed. A Sink shows nothing before Finish.
package content

import (
	"context"
	"io"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// An Image is a manifest or an index that a source lists, or that is attached to one: everything that a layout's index.json or a registry's
// tags and referrers point to.
type Image struct {
	// Name is org.opencontainers.image.ref.name in a layout, which may be empty; from a registry REPOSITORY:TAG, or REPOSITORY@DIGEST without a tag.
	Name string `json:"name,omitempty"`
	// InRegistry says that the image comes from a registry: the name begins with its repository there, even if that looks like the name of a
	// registry, as docker.io/library/app does in a mirror.
	InRegistry bool `json:"inRegistry,omitempty"`
	// Descriptor is the source's: its annotations but the name, and its platform, are carried unchanged.
	v1.Descriptor
	// Subject is the digest of the image to which this one is attached: a signature, an SBOM, provenance. Empty: it is an image of its own.
	Subject digest.Digest `json:"subject,omitempty"`
}

// A Blob is a manifest, a configuration, a layer: anything that a digest names.
type Blob struct {
	Digest    digest.Digest `json:"digest"`
	Size      int64         `json:"size"` // bytes
	MediaType string        `json:"mediaType,omitempty"`
	// Image is the first image of the list beside that consists of this blob, as its index: a registry wants to know the repository.
	Image int `json:"image,omitempty"`
}

// A Source has images. Its methods may be called from several goroutines.
type Source interface {
	// Images lists the images that were asked for, each followed by what is attached to it. The order is always the same.
	Images(ctx context.Context) ([]Image, error)
	// Open reads a blob of the image from an offset to its end. A blob that is not there is fs.ErrNotExist. The content is not verified, but no
	// more than b.Size-offset bytes are read. The media type says whether the blob is a manifest.
	Open(ctx context.Context, im Image, b Blob, offset int64) (io.ReadCloser, error)
	// String names the source for errors, as the user wrote it.
	String() string
	Close() error
}

// A Sink stores images. Its methods are called by one goroutine, but that Has may be called for other blobs while Put waits for bytes.
type Sink interface {
	// Has reports whether the whole blob is stored, visibly or not, and verified.
	Has(ctx context.Context, im Image, b Blob) (bool, error)
	// Put stores a blob, which Has then reports. It reads r to its end, and refuses content with another size or digest: artifact.ErrVerify.
	// Manifests are put like other blobs, and become visible only with Finish.
	Put(ctx context.Context, im Image, b Blob, r io.Reader) error
	// Finish makes the images visible, children first, names last. All their blobs are stored; what is left out of a sparse index is not.
	Finish(ctx context.Context, images []Image) error
	// String names the sink for errors, as the user wrote it.
	String() string
	Close() error
}

// A PieceSink also takes a blob in pieces, in any order, from several runs. The sink of a layout is one.
type PieceSink interface {
	Sink
	// PutPiece stores bytes of the blob from an offset. They count only after KeepPiece.
	PutPiece(ctx context.Context, im Image, b Blob, offset int64, r io.Reader) error
	// KeepPiece counts a piece that was put, whose part is verified.
	KeepPiece(b Blob, offset, size int64) error
	// HasPiece reports whether a piece counts.
	HasPiece(b Blob, offset, size int64) bool
	// Complete verifies a blob whose pieces are all there, which Has then reports. Those of a blob with another digest are removed: artifact.ErrVerify.
	Complete(ctx context.Context, b Blob) error
}
