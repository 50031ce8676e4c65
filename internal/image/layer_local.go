package image

import (
	"context"
	"fmt"
	"io"
)

// A localLayer is a layer on this machine, compressed or not.
type localLayer struct{ StoredLayer }

func (l localLayer) part(_ context.Context, offset, size int64) (io.ReadCloser, error) {
	if l.packed != "" {
		return nil, errNoParts
	}
	return l.blob.part(offset, size)
}

func (l localLayer) whole(ctx context.Context) (io.ReadCloser, error) {
	section, err := l.blob.part(0, l.blob.size)
	if err != nil {
		return nil, err
	}
	var body io.ReadCloser = &limited{contextReader{ctx, section}, section}
	if l.packed != "" {
		if body, err = decompress(body); err != nil {
			return nil, fmt.Errorf("%s: %w", l.packed, err)
		}
	}
	return verifyingReader(body, l.Digest), nil
}
