package bundle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bundle/seal"
)

// readPart reads and verifies a part, and stores what the destination lacks. listed is what the header says of it; nil: no header lists it yet. sum is
// the digest of what was read, as carried. If the part is bad, the error is one that isPartError knows.
func (im *Importer) readPart(ctx context.Context, number int, listed *Part, body io.Reader) (sum string, err error) {
	defer func() {
		if p, is := im.first.(*pipeSink); is && err != nil {
			p.abort(err) // the blob that goes on in the next part would be blamed on that
		}
	}()
	most := im.header.PartSize
	if im.header.Form == Files {
		most = im.plan.Parts[number-1].Size
	}
	if listed != nil {
		most = listed.Size
	}
	carried := newCarriedReader(ctx, io.LimitReader(body, most+1), im.progress)
	if !im.carried {
		im.together = carried
		err = im.readClear(ctx, number, carried)
	}
	if err != nil && !isPartError(err) {
		return "", err
	}
	// The rest is read even if the content is wrong: the digest as carried tells whether it was changed on the way.
	if _, copyErr := io.CopyBuffer(struct{ io.Writer }{io.Discard}, carried, im.buffer); copyErr != nil && err == nil {
		return "", &partError{copyErr}
	}
	sum = carried.sum()
	switch {
	case carried.err != nil && !errors.Is(carried.err, io.EOF):
		return sum, &partError{carried.err}
	case listed != nil && carried.hash.size != listed.Size:
		return sum, artifact.Verifyf("%s", sizeText(carried.hash.size, listed.Size))
	case listed != nil && sum != listed.SHA256:
		return sum, artifact.Verifyf("changed or damaged: sha256 %s, and the header says %s", sum, listed.SHA256)
	case err != nil:
		return sum, err
	case carried.hash.size > most:
		return sum, artifact.Verifyf("more than %d bytes", most)
	}
	if im.carried {
		return sum, nil
	}
	return sum, im.keepPieces(ctx, number)
}

func sizeText(got, want int64) string {
	if got > want {
		return fmt.Sprintf("more than the %d bytes that the header says", want)
	}
	return fmt.Sprintf("cut off: %d of %d bytes", got, want)
}

// readClear decrypts the part and compares it with the plan.
func (im *Importer) readClear(ctx context.Context, number int, carried io.Reader) error {
	clear, err := im.decrypt(carried)
	if err != nil {
		return err
	}
	for _, piece := range im.plan.Pieces(number) {
		if err := im.readPiece(ctx, piece, clear); err != nil {
			return err
		}
	}
	if im.header.Form == "" && number == len(im.plan.Parts) {
		if err := im.same(clear, make([]byte, trailer), "the end of the tar"); err != nil {
			return err
		}
	}
	switch n, err := clear.Read(im.buffer[:1]); {
	case n > 0:
		return artifact.Verifyf("more bytes than the header describes")
	case err == nil || errors.Is(err, io.EOF):
		return nil
	default:
		return err
	}
}

// decrypt returns the part in the clear. Its errors are partErrors.
func (im *Importer) decrypt(carried io.Reader) (io.Reader, error) {
	if im.header.Encryption == "" {
		return &partReader{carried}, nil
	}
	var err error
	for _, o := range im.Openers {
		if o.Encryption() != im.header.Encryption {
			continue
		}
		var clear io.Reader
		if clear, err = o.Open(carried); err == nil {
			return &partReader{clear}, nil
		}
	}
	if errors.Is(err, seal.ErrNoIdentity) {
		return nil, artifact.Hint(artifact.Verifyf("the bundle is encrypted for %s: %w", strings.Join(im.header.Recipients, ", "), err), "name the private key of one of these with --identity")
	}
	return nil, &partError{fmt.Errorf("decrypt: %w", err)}
}

// A partReader marks errors as those of the part.
type partReader struct{ r io.Reader }

func (p *partReader) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		err = &partError{err}
	} else if err != nil {
		err = io.EOF
	}
	return n, err
}

// same wants these bytes next.
func (im *Importer) same(r io.Reader, want []byte, what string) error {
	got := im.buffer[:len(want)]
	if len(want) > len(im.buffer) {
		got = make([]byte, len(want))
	}
	if _, err := io.ReadFull(r, got); err != nil {
		return cutOff(err, what)
	}
	if !bytes.Equal(got, want) {
		return artifact.Verifyf("%s is not as the header describes", what)
	}
	return nil
}

// cutOff turns the end of a part before its time into an error that says so.
func cutOff(err error, what string) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return artifact.Verifyf("cut off in %s", what)
	}
	return err
}

// readPiece compares what the plan determines, and stores the content.
func (im *Importer) readPiece(ctx context.Context, piece Piece, clear io.Reader) error {
	e := &im.plan.Entries[piece.Entry]
	if piece.Head > 0 {
		head, err := e.Header()
		if err != nil {
			return err
		}
		if err := im.same(clear, head, "the tar header of "+e.Path); err != nil {
			return err
		}
	}
	if e.Blob < 0 {
		if err := im.same(clear, e.Data[piece.Offset:piece.Offset+piece.Size], e.Path); err != nil {
			return err
		}
	} else if err := im.storePiece(ctx, piece, clear); err != nil {
		return err
	}
	return im.same(clear, make([]byte, piece.Pad), "the padding of "+e.Path)
}

func (im *Importer) storePiece(ctx context.Context, piece Piece, clear io.Reader) error {
	e := &im.plan.Entries[piece.Entry]
	b := im.header.Blobs[e.Blob]
	needed, err := im.needsPiece(ctx, piece)
	if err != nil {
		return err
	}
	content := &pieceReader{io.LimitedReader{R: clear, N: piece.Size}, im.together}
	switch {
	case !needed:
		_, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, content, im.buffer)
	case piece.Size == e.Size:
		err = im.first.Put(ctx, im.header.Images[b.Image], b, content)
	default:
		err = im.first.PutPiece(ctx, im.header.Images[b.Image], b, piece.Offset, content)
	}
	if content.N > 0 && (err == nil || errors.Is(err, artifact.ErrVerify)) {
		return artifact.Verifyf("cut off in %s", e.Path)
	}
	return err
}

// keepPieces counts the pieces of a part that is verified, and verifies the blobs that are whole now.
func (im *Importer) keepPieces(ctx context.Context, number int) error {
	if s, is := im.first.(interface{ Sync() error }); is {
		if err := s.Sync(); err != nil {
			return err
		}
	}
	for _, piece := range im.plan.Pieces(number) {
		e := im.plan.Entries[piece.Entry]
		if e.Blob < 0 || piece.Size == e.Size {
			continue
		}
		b := im.header.Blobs[e.Blob]
		if has, err := im.first.Has(ctx, im.header.Images[b.Image], b); has || err != nil {
			continue
		}
		if err := im.first.KeepPiece(b, piece.Offset, piece.Size); err != nil {
			return err
		}
		if err := im.completeBlob(ctx, e.Blob); err != nil {
			return err
		}
	}
	return nil
}
