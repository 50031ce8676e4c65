package image

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Verify reads every file and every layer and holds them against their digests.
// The first that does not agree is the error: a file, by its path, or a layer
// that is wrong between its files.
func (img *Image) Verify(ctx context.Context) error {
	for i := range img.Catalog.Files {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := img.verifyFile(&img.Catalog.Files[i]); err != nil {
			return err
		}
	}
	for i, layer := range img.Layers {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := layer.blob.verify(layer.Digest); err != nil {
			return fmt.Errorf("layer %d: %w", i, err)
		}
	}
	return nil
}

func (img *Image) verifyFile(f *File) error {
	s, err := img.Open(f)
	if err != nil {
		return err
	}
	defer s.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, s); err != nil {
		return fmt.Errorf("%s: %w", f.Path, err)
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != f.SHA256 {
		return artifact.Verifyf("%s: sha256 mismatch: got %s, want %s", f.Path, got, f.SHA256)
	}
	return nil
}
