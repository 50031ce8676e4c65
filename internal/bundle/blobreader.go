package bundle

import (
	"context"
	"fmt"
	"hash"
	"io"

	"github.com/opencontainers/go-digest"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/content"
	"github.com/minimirror/minimirror/internal/image/tarlayer"
)

// trailer is how many bytes of zeros end a tar.
const trailer = tarlayer.TarTrailer

// A blobReader reads the blobs of a source, piece by piece, and verifies each whole one. A blob that is in several parts stays open between them.
type blobReader struct {
	source content.Source
	header *Header
	whole  bool // the beginning of a blob, which is in another part, is read to verify the blob
	blob   digest.Digest
	body   io.ReadCloser
	offset int64
	hash   digest.Digester // nil: the beginning was not read
	buffer []byte
}

func (r *blobReader) close() {
	if r.body != nil {
		r.body.Close()
		r.body = nil
	}
}

// copy writes the piece's content to w. The blob is verified with its last piece: before that, nothing of it may be taken for good.
func (r *blobReader) copy(ctx context.Context, w *partWriter, b content.Blob, piece Piece, progress func(int64)) error {
	if r.buffer == nil {
		r.buffer = make([]byte, chunkSize)
	}
	if r.body == nil || r.blob != b.Digest || r.offset != piece.Offset {
		if err := r.open(ctx, b, piece.Offset); err != nil {
			return err
		}
	}
	if err := r.move(ctx, w, piece.Size, progress); err != nil {
		return r.named(b, err)
	}
	if r.offset < b.Size {
		return nil
	}
	hash := r.hash
	r.close()
	if hash != nil && hash.Digest() != b.Digest {
		return artifact.Hint(artifact.Verifyf("%s: %s: the content has the digest %s: the source is damaged", r.source, b.Digest, hash.Digest()), "copy or build the image again")
	}
	return nil
}

// named says of which image a blob is: of a whole registry, nobody knows that by the digest.
func (r *blobReader) named(b content.Blob, err error) error {
	return fmt.Errorf("%s: %s of %s: %w", r.source, b.Digest, r.header.Images[b.Image].Title(), err)
}

func (r *blobReader) open(ctx context.Context, b content.Blob, offset int64) error {
	r.close()
	r.blob, r.offset, r.hash = b.Digest, offset, b.Digest.Algorithm().Digester()
	start := offset
	if r.whole {
		start = 0
	} else if offset > 0 {
		r.hash = nil
	}
	body, err := r.source.Open(ctx, r.header.Images[b.Image], b, start)
	if err != nil {
		return err
	}
	r.body, r.offset = body, start
	if start < offset {
		if err := r.move(ctx, nil, offset, func(int64) {}); err != nil {
			return r.named(b, err)
		}
	}
	return nil
}

// move copies n bytes to w, or if it is nil nowhere, and hashes them.
func (r *blobReader) move(ctx context.Context, w *partWriter, n int64, progress func(int64)) error {
	for n > 0 {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		got, err := io.ReadFull(r.body, r.buffer[:min(n, int64(len(r.buffer)))])
		if err != nil {
			if err == io.EOF { //nolint:errorlint // one that wraps it says more
				err = io.ErrUnexpectedEOF
			}
			return err
		}
		chunk := r.buffer[:got]
		var blob hash.Hash
		if r.hash != nil {
			blob = r.hash.Hash()
		}
		if w != nil {
			if err := w.write(chunk, blob); err != nil {
				return err
			}
		} else if blob != nil {
			blob.Write(chunk)
		}
		r.offset += int64(got)
		n -= int64(got)
		progress(int64(got))
	}
	return nil
}
