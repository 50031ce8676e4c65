package filecache

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"
)

// A Reader reads one file, of which a part may still be on its way. It is for one goroutine.
type Reader struct {
	cache    *Cache
	ctx      context.Context // of the one who asked
	file     File
	source   Source
	entry    *entry   // nil: without the folder
	complete bool     // the file is verified
	passed   *passing // nil: with the folder
	closed   bool
}

// ErrPatience is that the first byte has not come in time.
var ErrPatience = errors.New("the first byte has not come in time")

// Open returns a reader as soon as the file's first byte can be given, or fails when it has not come for so long. ctx is the context of all
// reading; when it ends, the fetch goes on for other readers. The error is that of the source, or artifact.ErrVerify if the source has other content.
func (c *Cache) Open(ctx context.Context, patience time.Duration, f File, source Source) (*Reader, error) {
	e, err := c.enter(f, source)
	if err != nil {
		return nil, err
	}
	r := &Reader{cache: c, ctx: ctx, file: f, source: source, entry: e}
	if e == nil {
		err = r.pass()
	} else {
		err = r.begin(patience)
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// begin waits for the first byte, or, of a small file, for all of them.
func (r *Reader) begin(patience time.Duration) error {
	flight := r.entry.flight
	if _, ended := flight.progress(); !ended {
		ctx, cancel := context.WithTimeoutCause(r.ctx, patience, ErrPatience)
		defer cancel()
		if _, _, err := flight.wait(ctx, 0, r.file.Size <= Whole); err != nil {
			return r.orPass(err)
		}
	}
	_, ended, err := flight.result()
	r.complete = ended && err == nil
	return r.orPass(err)
}

// orPass goes on without the folder if that is what failed.
func (r *Reader) orPass(err error) error {
	var disk *diskError
	if errors.As(err, &disk) {
		r.cache.leave(r.entry)
		r.entry = nil
		return r.pass()
	}
	return err
}

func (r *Reader) pass() (err error) {
	r.passed, err = r.cache.pass(r.ctx, r.file, r.source)
	return err
}

// Size is the file's size in bytes.
func (r *Reader) Size() int64 { return r.file.Size }

// Span waits for bytes at an offset within the file, of which n are wanted, and returns a file that has the first of them at the same
// offset; have is how many, at least one. The file stays the cache's. A nil file says that the bytes can only be had with ReadSome.
//
// The last of the n bytes is there only when the whole file has been verified.
func (r *Reader) Span(offset, n int64) (file *os.File, have int64, err error) {
	if r.closed {
		return nil, 0, fs.ErrClosed
	}
	if r.entry == nil {
		return nil, 0, nil
	}
	if !r.complete {
		arrived, ended, err := r.entry.flight.wait(r.ctx, offset, n == 1)
		if err != nil {
			return nil, 0, r.orPass(err)
		}
		if r.complete = ended; !ended {
			return r.entry.file, min(arrived-offset, n-1), nil
		}
	}
	return r.entry.file, n, nil
}

// ReadSome reads at least one byte at an offset within the file. Several calls at rising offsets cost least. It may read less than p
// without an error.
func (r *Reader) ReadSome(p []byte, offset int64) (int, error) {
	p = p[:min(int64(len(p)), r.file.Size-offset)]
	file, have, err := r.Span(offset, int64(len(p)))
	switch {
	case err != nil:
		return 0, err
	case file == nil:
		return r.passed.read(p, offset)
	}
	n, err := file.ReadAt(p[:have], offset)
	if n > 0 {
		return n, nil
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF // somebody has cut the file
	}
	return 0, err
}

// Close ends reading.
func (r *Reader) Close() error {
	if r.closed {
		return fs.ErrClosed
	}
	r.closed = true
	if r.passed != nil {
		r.passed.close()
	}
	if r.entry != nil {
		r.cache.leave(r.entry)
	}
	return nil
}
