package image

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/minimirror/minimirror/internal/image/verify"
)

// Verify reads the whole image once, and checks it against its digests and the format: what a
// runtime unpacks is what the catalog lists, byte for byte as Layer writes it, plus the
// program and the scripts, which only the digests of their layers cover. The error names the first
// mismatch and is artifact.ErrVerify.
func (r *Reader) Verify(ctx context.Context) error {
	return copyAgain(r.verify(ctx, nil))
}

// VerifyAfter is Verify for an image of the index from which other was chosen, and which has been verified. Layers that both have in the same
// place of the same catalog are not read again.
func (r *Reader) VerifyAfter(ctx context.Context, other *Reader) error {
	return copyAgain(r.verify(ctx, other))
}

func (r *Reader) verify(ctx context.Context, other *Reader) error {
	c, index, err := r.Reader.Load(ctx, true)
	if err != nil {
		return err
	}
	unused, err := r.Unused(ctx)
	if err != nil {
		return err
	}
	if r.layers == nil {
		return r.verifyTree(ctx, c.Files, index, unused)
	}
	config, err := readConfig(r.config)
	if err != nil {
		return err
	}
	if err := verify.Config(config.Config, c.Lock); err != nil {
		return err
	}
	v, err := verify.New(c, unused, r.place, len(r.layers))
	if err != nil {
		return err
	}
	for i, layer := range r.layers {
		if other.hasVerified(r, i) {
			if v.IsProgram(i) {
				r.program = other.program
			}
			continue
		}
		if err := verifyOne(ctx, v, i, layer); err != nil {
			return fmt.Errorf("layer %d: %w", i, err)
		}
		if v.IsProgram(i) {
			r.program = v.Program
		}
	}
	return nil
}

// Program is the SHA-256 of the program in the image, once Verify or VerifyAfter has read it; empty: nothing has, or the image is unpacked and has none.
func (r *Reader) Program() string { return r.program }

// hasVerified reports whether the image, which has been verified, has the same layer i for the same catalog as another. Of a
// compressed layer only the configuration states the digest of the content, so such a layer is never taken for another's.
func (r *Reader) hasVerified(other *Reader, i int) bool {
	return r != nil && r.place != nil && other.place != nil && *r.place == *other.place && len(r.stored) == len(other.stored) &&
		r.stored[i].packed == "" && other.stored[i].packed == "" && r.stored[i].Digest == other.stored[i].Digest
}

// verifyOne reads a layer.
func verifyOne(ctx context.Context, v *verify.Verification, number int, layer layerContent) error {
	body, err := layer.whole(ctx)
	if err != nil {
		return missing(err)
	}
	return errors.Join(v.Layer(number, missingReader{body}), body.Close())
}

// A missingReader marks the errors of a reader as missing does.
type missingReader struct{ io.Reader }

func (r missingReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	return n, missing(err)
}
