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
	return l.blob.stream(offset, size)
}

func (l localLayer) whole(ctx context.Context) (io.ReadCloser, error) {
	stream, err := l.blob.stream(0, l.blob.size)
	if err != nil {
		return nil, err
	}
	var body io.ReadCloser = &limited{contextReader{ctx, stream}, stream}
	if l.packed != "" {
		if body, err = decompress(body); err != nil {
			return nil, fmt.Errorf("%s: %w", l.packed, err)
		}
	}
	return verifyingReader(body, l.Digest), nil
}
