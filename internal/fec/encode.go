package fec

import (
	"context"
	"fmt"
	"io"

	"github.com/cespare/xxhash/v2"

	"github.com/minimirror/minimirror/internal/fec/erasure"
)

// Encode reads the parts, whose digests must be known, and writes the parity files, which are new and as many as l.Files. Each part is read once, in
// pieces of a block. Memory: up to 24 MB.
func (l *Layout) Encode(ctx context.Context, parts []File, open Opener, files []io.WriterAt, progress func(n int64)) error {
	g, err := newGeometry(l, parts)
	if err != nil {
		return err
	}
	if len(files) != len(l.Files) {
		return fmt.Errorf("%d parity files, not %d", len(files), len(l.Files))
	}
	code, err := erasure.New(l.Data, l.Parity)
	if err != nil {
		return err
	}
	in := make([]ReadAtCloser, len(parts))
	for i, p := range parts {
		if in[i], err = open(p.Name); err != nil {
			return err
		}
		defer in[i].Close()
	}
	write := func(p place, b []byte) error {
		_, err := files[p.file-len(parts)].WriteAt(b, p.offset)
		return err
	}
	n := l.Data + l.Parity
	memory := make([]byte, n*BlockSize)
	shards := make([][]byte, n)
	key := g.key()
	for number := range g.check.groups() {
		sums := g.check.group(number)
		first, words := g.check.words(number)
		for w := range words {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			var read int64
			for i := range shards {
				shards[i] = memory[i*BlockSize : (i+1)*BlockSize]
				p, stored := g.block(i, first+w)
				switch {
				case !stored:
					shards[i] = nil
				case i < l.Data:
					if n, err := in[p.file].ReadAt(shards[i][:p.size], p.offset); n < p.size {
						return fmt.Errorf("%s: at byte %d: %w", parts[p.file].Name, p.offset+int64(n), noEOF(err))
					}
					clear(shards[i][p.size:])
					read += int64(p.size)
				}
			}
			if err := code.Encode(shards[:l.Data], shards[l.Data:]); err != nil {
				return err
			}
			for i, shard := range shards {
				if shard == nil {
					continue
				}
				putSum(sums.sum(g.check, w, i), xxhash.Sum64(shard))
				if i >= l.Data {
					if err := write(g.parity(int64(i-l.Data), first+w), shard); err != nil {
						return err
					}
				}
			}
			if progress != nil {
				progress(read)
			}
		}
		if err := sums.seal(key); err != nil {
			return err
		}
		for i, b := range sums.blocks {
			if err := write(g.sums(number, int64(i)), b); err != nil {
				return err
			}
		}
	}
	return nil
}

// noEOF is the error of a file that ends before it should.
func noEOF(err error) error {
	if err == nil || err == io.EOF { //nolint:errorlint // io.ReaderAt returns it as it is
		return io.ErrUnexpectedEOF
	}
	return err
}
