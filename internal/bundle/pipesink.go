package bundle

import (
	"context"
	"errors"
	"fmt"
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
	kept   map[string]bool
}

func newPipeSink(s content.Sink) *pipeSink { return &pipeSink{Sink: s, kept: map[string]bool{}} }

func (p *pipeSink) abort(err error) {
	if p.pipe != nil {
		p.pipe.CloseWithError(err)
		<-p.result
		p.pipe, p.blob = nil, ""
	}
}

func pieceKey(b content.Blob, offset, size int64) string {
	return fmt.Sprint(b.Digest, offset, size)
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
	if errors.Is(err, io.ErrClosedPipe) { // Put has ended early
		err = <-p.result
		p.pipe, p.blob = nil, ""
	}
	return err
}

// HasPiece implements content.PieceSink.
func (p *pipeSink) HasPiece(b content.Blob, offset, size int64) bool {
	return p.kept[pieceKey(b, offset, size)]
}

// KeepPiece implements content.PieceSink.
func (p *pipeSink) KeepPiece(b content.Blob, offset, size int64) error {
	if p.blob == b.Digest && p.next == offset+size {
		p.kept[pieceKey(b, offset, size)] = true
	}
	return nil
}

// Complete implements content.PieceSink.
func (p *pipeSink) Complete(_ context.Context, b content.Blob) error {
	if p.pipe == nil || p.blob != b.Digest || p.next != b.Size {
		return errors.New("its pieces do not follow each other")
	}
	p.pipe.Close()
	err := <-p.result
	p.pipe, p.blob = nil, ""
	return err
}
