package bundle

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bundle/medium"
	"github.com/minimirror/minimirror/internal/bundle/signed"
)

// A Shelf is a medium that may have bundles one level below it.
type Shelf interface {
	medium.Medium
	Prefixes(ctx context.Context) ([]string, error) // sorted
	Below(prefix string) medium.Medium
}

// Newest is the medium itself if it has a bundle, or else the one below it whose bundle has the highest sequence. Only what one of the keys has signed
// counts; note is called with what does not.
func Newest(ctx context.Context, shelf Shelf, keys []signed.Key, note func(text string)) (medium.Medium, error) {
	if is, err := hasHeader(ctx, shelf); is || err != nil {
		return shelf, err
	}
	prefixes, err := shelf.Prefixes(ctx)
	if err != nil {
		return nil, err
	}
	var newest medium.Medium
	var header *Header
	for _, prefix := range prefixes {
		below := shelf.Below(prefix)
		is, err := hasHeader(ctx, below)
		if err != nil {
			return nil, err
		}
		if !is {
			continue
		}
		h, _, err := ReadFrom(ctx, below, keys)
		switch {
		case errors.Is(err, artifact.ErrVerify):
			note(fmt.Sprintf("%s does not count: %s", below, firstLine(err)))
			continue
		case err != nil:
			return nil, err
		case header != nil && h.Name != header.Name:
			return nil, artifact.Hint(artifact.Usagef("%s has bundles of several series, %s and %s among them", shelf, header.Name, h.Name), "name one: %s, or %s", newest, below)
		}
		if header == nil || h.Sequence > header.Sequence {
			newest, header = below, h
		}
	}
	if newest == nil {
		return nil, artifact.Hint(fmt.Errorf("%s: there is no bundle", shelf), "name the place that minimirror export --to has written to")
	}
	return newest, nil
}

func hasHeader(ctx context.Context, m medium.Medium) (bool, error) {
	body, err := m.Open(ctx, HeaderName, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, body.Close()
}
