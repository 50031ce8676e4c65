package bundle

import (
	"context"
	"errors"

	"github.com/minimirror/minimirror/internal/artifact"
)

// findPieces lists the pieces of blobs that are in several parts.
func (im *Importer) findPieces() {
	im.pieces = map[int][]Piece{}
	for _, part := range im.plan.Parts {
		for _, piece := range im.plan.Pieces(part.Number) {
			if e := im.plan.Entries[piece.Entry]; e.Blob >= 0 && piece.Size < e.Size {
				im.pieces[e.Blob] = append(im.pieces[e.Blob], piece)
			}
		}
	}
}

// needs reports whether the part is to be read.
func (im *Importer) needs(ctx context.Context, number int) (bool, error) {
	if im.all {
		return true, nil
	}
	return im.lacks(ctx, number)
}

// lacks reports whether the part has something that the destination has not.
func (im *Importer) lacks(ctx context.Context, number int) (bool, error) {
	for _, piece := range im.plan.Pieces(number) {
		needed, err := im.needsPiece(ctx, piece)
		if needed || err != nil {
			return needed, err
		}
	}
	return false, nil
}

func (im *Importer) needsPiece(ctx context.Context, piece Piece) (bool, error) {
	e := im.plan.Entries[piece.Entry]
	if e.Blob < 0 {
		return false, nil
	}
	b := im.header.Blobs[e.Blob]
	has, err := im.first.Has(ctx, im.header.Images[b.Image], b)
	if err != nil || has {
		return false, err
	}
	return piece.Size == e.Size || !im.first.HasPiece(b, piece.Offset, piece.Size), nil
}

// completePieces verifies the blobs of which an interrupted import has stored all pieces.
func (im *Importer) completePieces(ctx context.Context) error {
	for blob := range im.pieces {
		if err := im.completeBlob(ctx, blob); err != nil && !errors.Is(err, artifact.ErrVerify) {
			return err // else the pieces are read again
		}
	}
	return nil
}

func (im *Importer) completeBlob(ctx context.Context, blob int) error {
	b := im.header.Blobs[blob]
	if has, err := im.first.Has(ctx, im.header.Images[b.Image], b); has || err != nil {
		return err
	}
	for _, piece := range im.pieces[blob] {
		if !im.first.HasPiece(b, piece.Offset, piece.Size) {
			return nil
		}
	}
	return im.first.Complete(ctx, b)
}
