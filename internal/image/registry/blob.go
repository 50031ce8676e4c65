package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/containerd/containerd/v2/core/remotes/docker"

	"github.com/minimirror/minimirror/internal/artifact"
)

const (
	progress  = 64 << 10 // bytes after which earlier failures are forgiven
	badRanges = 2        // wrong answers to a range, until ranges are given up
)

// ErrNoRange is that a registry does not give parts of a blob.
var ErrNoRange = errors.New("the registry does not give parts of a blob")

// A Blob is a blob's digest, "sha256:…", and size in bytes.
type Blob struct {
	Digest string
	Size   int64
}

// Blob reads the whole blob. Its end is io.EOF only if the digest is right, else artifact.ErrVerify.
// Where the transfer breaks it goes on, from the same byte if the registry can do that.
func (r *Repository) Blob(ctx context.Context, b Blob) io.ReadCloser {
	return &body{ctx: ctx, repository: r, blob: b, end: b.Size, hash: sha256.New()}
}

// Part reads size bytes of the blob at offset. The error is ErrNoRange, at once or at any read, when the registry
// does not give parts. Nothing is verified.
func (r *Repository) Part(ctx context.Context, b Blob, offset, size int64) (io.ReadCloser, error) {
	part := &body{ctx: ctx, repository: r, blob: b, position: offset, end: offset + size}
	for size > 0 && part.resp == nil {
		if err := part.ask(); err != nil {
			if err = part.again(err); err != nil {
				return nil, err
			}
		}
	}
	return part, nil
}

// A body is a blob or a part of one, read through any number of answers.
type body struct {
	ctx           context.Context // of the one who asked
	repository    *Repository
	blob          Blob
	position, end int64
	hash          hash.Hash // of a whole blob
	failed        error     // for good

	resp   io.ReadCloser // nil: must ask
	broken error         // why the answer before broke off
	good   int64         // bytes since the last failure
	fails  int           // since there was progress
	bad    int           // wrong ranges
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	for b.failed == nil {
		if b.position == b.end {
			b.failed = b.finish()
			break
		}
		n, err := b.step(p)
		if n > 0 {
			b.broken = err
			return n, nil
		}
		if err != nil {
			b.failed = b.again(err)
		}
	}
	return 0, b.failed
}

// step reads once. An error is that the answer is of no more use.
func (b *body) step(p []byte) (int, error) {
	if err := b.broken; err != nil {
		b.broken = nil
		return 0, err
	}
	if b.resp == nil {
		if err := b.ask(); err != nil {
			return 0, err
		}
	}
	n, err := b.resp.Read(p[:min(int64(len(p)), b.end-b.position)])
	b.took(n)
	if b.hash != nil {
		b.hash.Write(p[:n])
	}
	b.position += int64(n)
	if err == nil || b.position == b.end {
		return n, nil
	}
	b.drop()
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, b.temporary(err)
}

func (b *body) took(n int) {
	if b.good += int64(n); b.good >= progress {
		b.fails = 0
	}
}

func (b *body) temporary(err error) error {
	return &temporary{fmt.Errorf("%s: broken off at byte %d: %w", b.blob.Digest, b.position, err), 0}
}

// again waits for the next attempt, unless there should be none.
func (b *body) again(err error) error {
	if b.ctx.Err() != nil {
		return context.Cause(b.ctx)
	}
	b.fails++
	b.good = 0
	if !isTemporary(err) || b.fails >= attempts {
		return err
	}
	return b.repository.pause(b.ctx, b.fails, err)
}

// ask sends the request for what is missing.
func (b *body) ask() error {
	whole := b.position == 0 && b.end == b.blob.Size
	if !whole && b.hash == nil && b.repository.noRange.Load() {
		return ErrNoRange
	}
	req := request{path: "/blobs/" + b.blob.Digest, header: http.Header{}, capabilities: docker.HostCapabilityPull}
	if !whole {
		req.header.Set("Range", fmt.Sprintf("bytes=%d-%d", b.position, b.end-1))
	}
	resp, err := b.repository.do(b.ctx, req)
	if err != nil {
		var status *statusError
		if errors.As(err, &status) && status.status == http.StatusRequestedRangeNotSatisfiable {
			err = ErrNoRange
		}
		return err
	}
	b.resp = resp.Body
	switch {
	case resp.StatusCode == http.StatusPartialContent && !whole:
		if b.starts(resp.Header.Get("Content-Range")) {
			return nil
		}
		err = b.wrongRange(fmt.Errorf("asked for byte %d, got %q", b.position, resp.Header.Get("Content-Range")))
	case resp.StatusCode != http.StatusOK:
		err = b.temporary(errors.New(resp.Status))
	case resp.ContentLength >= 0 && resp.ContentLength != b.blob.Size:
		err = &temporary{artifact.Verifyf("%s: size mismatch: the registry announces %d bytes, want %d", b.blob.Digest, resp.ContentLength, b.blob.Size), 0}
	case whole:
		return nil
	case b.hash == nil:
		err = ErrNoRange
	default: // the whole again: pass over what is there already
		err = b.skip()
	}
	if err != nil {
		b.drop()
	}
	if err == ErrNoRange {
		b.repository.noRange.Store(true)
	}
	return err
}

// skip reads up to the position, which an answer without range starts before.
func (b *body) skip() error {
	buffer := make([]byte, 32<<10)
	for left := b.position; left > 0; {
		n, err := b.resp.Read(buffer[:min(int64(len(buffer)), left)])
		left -= int64(n)
		if err != nil && left > 0 {
			return b.temporary(err)
		}
	}
	return nil
}

// wrongRange is an error that is temporary at first.
func (b *body) wrongRange(err error) error {
	if b.bad++; b.bad >= badRanges && b.hash == nil {
		return ErrNoRange
	}
	return &temporary{fmt.Errorf("%s: the registry sent another range: %w", b.blob.Digest, err), 0}
}

// starts reports whether a Content-Range is what is missing, or the beginning of it: RFC 9110, section 14.4.
func (b *body) starts(text string) bool {
	text, found := strings.CutPrefix(text, "bytes ")
	span, total, hasTotal := strings.Cut(text, "/")
	from, to, hasEnd := strings.Cut(span, "-")
	if !found || !hasTotal || !hasEnd || total != "*" && total != strconv.FormatInt(b.blob.Size, 10) {
		return false
	}
	last, err := strconv.ParseInt(to, 10, 64)
	return err == nil && from == strconv.FormatInt(b.position, 10) && last >= b.position && last < b.end
}

// finish ends the answer, and verifies a whole blob.
func (b *body) finish() error {
	b.drop()
	if b.hash == nil {
		return io.EOF
	}
	if got := "sha256:" + hex.EncodeToString(b.hash.Sum(nil)); got != b.blob.Digest {
		return artifact.Verifyf("sha256 mismatch: got %s, want %s", got, b.blob.Digest)
	}
	return io.EOF
}

// drop ends the answer that is being read.
func (b *body) drop() {
	if b.resp != nil {
		if b.position == b.end {
			io.CopyN(io.Discard, b.resp, 1) // the end: the connection can serve again
		}
		b.resp.Close()
	}
	b.resp = nil
}

// Close implements io.Closer.
func (b *body) Close() error {
	b.drop()
	if b.failed == nil {
		b.failed = errors.New("read after it was closed")
	}
	return nil
}
