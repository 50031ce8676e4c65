package bundle

import (
	"context"
	"errors"
	"io"

	"github.com/opencontainers/go-digest"

	"github.com/minimirror/minimirror/internal/content"
)

// A pipeSink lets a sink that takes only whole blobs, such as a registry, take pieces: in order, and in one run. A blob whose pieces come in another
// order, or that lacks one, is not stored: it is read again.
type pipeSink struct {
	content.Sink
	blob   digest.Digest
	next   int64 // offset
	pipe   *io.PipeWriter
	result chan error
}

func newPipeSink(s content.Sink) *pipeSink { return &pipeSink{Sink: s} }

func (p *pipeSink) abort(err error) {
	if p.pipe != nil {
		p.pipe.CloseWithError(err)
		<-p.result
		p.pipe, p.blob = nil, ""
	}
}

// PutPiece implements content.PieceSink.
func (p *pipeSink) PutPiece(ctx context.Context, im content.Image, b content.Blob, offset int64, r io.Reader) error {
	if p.blob != b.Digest || p.next != offset {
		p.abort(errors.New("its pieces do not follow each other"))
		if offset != 0 {
			_, err := io.Copy(io.Discard, r)
			return err
		}
		var body *io.PipeReader
		body, p.pipe = io.Pipe()
		p.blob, p.next, p.result = b.Digest, 0, make(chan error, 1)
		go func() {
			err := p.Put(ctx, im, b, body)
			body.CloseWithError(errors.Join(err, io.ErrClosedPipe))
			p.result <- err
		}()
	}
	n, err := io.Copy(p.pipe, r)
	p.next += n
	switch {
	case errors.Is(err, io.ErrClosedPipe): // Put has ended early
		err = <-p.result
	case err == nil && p.next == b.Size:
		p.pipe.Close()
		err = <-p.result // the blob is whole, and verified
	default:
		return err
	}
	p.pipe, p.blob = nil, ""
	return err
}

// HasPiece implements content.PieceSink.
func (*pipeSink) HasPiece(content.Blob, int64, int64) bool { return false }

// KeepPiece implements content.PieceSink. Nothing is kept for another run.
func (*pipeSink) KeepPiece(content.Blob, int64, int64) error { return nil }

// Complete implements content.PieceSink. PutPiece has completed the blob, or its pieces do not follow each other.
func (p *pipeSink) Complete(context.Context, content.Blob) error {
	return errors.New("its pieces do not follow each other")
}
