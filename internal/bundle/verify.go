package bundle

import (
	"context"
	"fmt"
	"hash"
	"io"

	"github.com/opencontainers/go-digest"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bundle/medium"
	"github.com/minimirror/minimirror/internal/content"
)

// Verify checks a bundle and imports nothing: the signature, each part as it is carried, and its content. Parts are restored from parity as Import does. If the bundle is encrypted and there is no
// opener for it, the content is not looked at, which Imported.Carried says. Open and Records are not used.
func (im *Importer) Verify(ctx context.Context, media []medium.Medium) (*Imported, error) {
	im.all, im.Records = true, nil
	im.Open = func(h *Header) ([]content.Sink, error) { return []content.Sink{newCheckSink(h)}, nil }
	headers := make([]*signedHeader, len(media))
	for i, m := range media {
		h, err := im.readHeader(ctx, m)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m, err)
		}
		headers[i] = h
	}
	im.carried = headers[0].header.Encryption != "" && im.Openers == nil
	if err := im.begin(ctx, headers); err != nil {
		return im.imported, err
	}
	defer im.closeSinks()
	im.imported.Carried = im.carried
	for _, planned := range im.plan.Parts {
		if err := im.importPart(ctx, planned.Number, headers); err != nil {
			return im.imported, err
		}
	}
	if err := im.repair(ctx, headers); err != nil {
		return im.imported, err
	}
	if im.carried {
		return im.imported, im.verdict()
	}
	return im.imported, im.finish(ctx)
}

var _ content.PieceSink = (*checkSink)(nil)

// A checkSink is a sink that checks the digests of blobs and stores nothing. It claims to have the bundle's base.
type checkSink struct {
	has    map[digest.Digest]bool
	blobs  map[digest.Digest]runningBlob // those in several parts, as far as their parts are verified
	next   map[digest.Digest]runningBlob // with the piece of the part that is being read
	pieces map[string]bool
}

// A runningBlob is the hash of the beginning of a blob.
type runningBlob struct {
	hash hash.Cloner
	size int64
}

func newCheckSink(h *Header) *checkSink {
	s := &checkSink{map[digest.Digest]bool{}, map[digest.Digest]runningBlob{}, map[digest.Digest]runningBlob{}, map[string]bool{}}
	if h.Base != nil {
		for _, b := range h.Base.Blobs {
			s.has[b.Digest] = true
		}
	}
	return s
}

func (s *checkSink) Has(_ context.Context, _ content.Image, b content.Blob) (bool, error) {
	return s.has[b.Digest], nil
}

func (s *checkSink) Put(_ context.Context, _ content.Image, b content.Blob, r io.Reader) error {
	sum := b.Digest.Algorithm().Hash()
	n, err := io.Copy(sum, r)
	if err != nil {
		return err
	}
	return s.compare(b, sum, n)
}

func (s *checkSink) compare(b content.Blob, sum hash.Hash, n int64) error {
	switch {
	case n != b.Size:
		return artifact.Verifyf("%s: %d bytes, want %d", b.Digest, n, b.Size)
	case digest.NewDigest(b.Digest.Algorithm(), sum) != b.Digest:
		return artifact.Verifyf("%s: the content has another digest", b.Digest)
	}
	s.has[b.Digest] = true
	return nil
}

// PutPiece implements content.PieceSink. What does not follow the piece before is read, and does not count.
func (s *checkSink) PutPiece(_ context.Context, _ content.Image, b content.Blob, offset int64, r io.Reader) error {
	before, begun := s.blobs[b.Digest]
	if !begun && offset == 0 {
		before.hash, begun = b.Digest.Algorithm().Hash().(hash.Cloner)
	}
	if !begun || before.size != offset {
		_, err := io.Copy(io.Discard, r)
		return err
	}
	sum, err := before.hash.Clone()
	if err != nil {
		return err
	}
	n, err := io.Copy(sum, r)
	s.next[b.Digest] = runningBlob{sum, offset + n}
	return err
}

// HasPiece implements content.PieceSink.
func (s *checkSink) HasPiece(b content.Blob, offset, size int64) bool {
	return s.pieces[pieceKey(b, offset, size)]
}

// KeepPiece implements content.PieceSink.
func (s *checkSink) KeepPiece(b content.Blob, offset, size int64) error {
	if next, is := s.next[b.Digest]; is && next.size == offset+size {
		s.blobs[b.Digest] = next
		s.pieces[pieceKey(b, offset, size)] = true
	}
	return nil
}

// Complete implements content.PieceSink.
func (s *checkSink) Complete(_ context.Context, b content.Blob) error {
	return s.compare(b, s.blobs[b.Digest].hash, s.blobs[b.Digest].size)
}

func (*checkSink) Finish(context.Context, []content.Image) error { return nil }

func (*checkSink) String() string { return "verification" }

func (*checkSink) Close() error { return nil }

// pieceKey names a piece of a blob.
func pieceKey(b content.Blob, offset, size int64) string {
	return fmt.Sprint(b.Digest, offset, size)
}
