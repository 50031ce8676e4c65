package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/minio/minio-go/v7"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bundle/medium"
)

// progress is so many bytes that a connection that was cut after them counts as the first failure, not as another.
const progress = 64 << 10

// A reader reads an object from an offset to its end, over as many connections as that takes.
type reader struct {
	s    *Store
	ctx  context.Context
	name string
	at   int64  // offset of the next byte
	end  int64  // size of the object; -1: the store does not say
	etag string // of the object that was opened
	body io.ReadCloser

	since int64 // bytes of this connection
	left  int   // connections without progress
}

// Open implements medium.Medium.
func (s *Store) Open(ctx context.Context, name string, offset int64) (io.ReadCloser, error) {
	r := &reader{s: s, ctx: ctx, name: name, at: offset, end: -1, left: s.o.Attempts}
	if err := r.connect(); err != nil {
		return nil, err
	}
	return r, nil
}

// connect requests the bytes from here on.
func (r *reader) connect() error {
	return r.s.try(r.ctx, r.name, func(ctx context.Context) error {
		var o minio.GetObjectOptions
		if r.at > 0 {
			o.Set("Range", fmt.Sprintf("bytes=%d-", r.at))
		}
		if r.etag != "" {
			if err := o.SetMatchETag(r.etag); err != nil {
				return err
			}
		}
		body, info, header, err := r.s.core.GetObject(ctx, r.s.bucket, r.s.prefix+r.name, o)
		if minio.ToErrorResponse(err).Code == "InvalidRange" {
			return r.atEnd(ctx)
		}
		if err != nil {
			return err
		}
		size := info.Size
		if part := header.Get("Content-Range"); r.at > 0 && part == "" { // the store gives all of it
			if _, err := io.CopyN(io.Discard, body, r.at); err != nil {
				return errors.Join(err, body.Close())
			}
		} else if r.at > 0 {
			if !strings.HasPrefix(part, fmt.Sprintf("bytes %d-", r.at)) {
				return errors.Join(artifact.Verifyf("%s: the store was asked for the bytes from %d on, and gives %q", r.s.of(r.name), r.at, part), body.Close())
			}
			if size >= 0 {
				size += r.at
			}
		}
		if r.end >= 0 && size >= 0 && size != r.end {
			return errors.Join(artifact.Verifyf("%s: the object was replaced while it was read", r.s.of(r.name)), body.Close())
		}
		r.body, r.since, r.etag = body, 0, info.ETag
		if size >= 0 {
			r.end = size
		}
		return nil
	})
}

// atEnd is for an offset that is not in the object: at its end is nothing to read, beyond it is an error.
func (r *reader) atEnd(ctx context.Context) error {
	info, err := r.s.core.StatObject(ctx, r.s.bucket, r.s.prefix+r.name, minio.StatObjectOptions{})
	if err == nil && info.Size != r.at {
		err = artifact.Verifyf("%s: it has %d bytes, and those from %d on were to be read", r.s.of(r.name), info.Size, r.at)
	}
	r.end, r.body = r.at, io.NopCloser(strings.NewReader(""))
	return err
}

// Read implements io.Reader. A connection that is cut is replaced.
func (r *reader) Read(p []byte) (int, error) {
	for {
		if r.end >= 0 && r.at >= r.end {
			return 0, io.EOF
		}
		n, err := r.body.Read(p)
		r.at, r.since = r.at+int64(n), r.since+int64(n)
		if r.since >= progress {
			r.left = r.s.o.Attempts
		}
		if n > 0 || err == nil {
			return n, nil
		}
		if err == io.EOF && r.end < 0 {
			return 0, io.EOF
		}
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if r.ctx.Err() != nil {
			return 0, context.Cause(r.ctx)
		}
		if r.left--; r.left <= 0 {
			return 0, r.s.unreachable(r.s.of(r.name), err)
		}
		r.s.o.Log.Debug("S3 connection was cut, reading on", "object", r.s.of(r.name), "offset", r.at, "error", err)
		_ = r.body.Close()
		r.body = io.NopCloser(strings.NewReader(""))
		if err := r.s.o.Wait(r.ctx, firstWait); err != nil {
			return 0, err
		}
		if err := r.connect(); err != nil {
			return 0, err
		}
	}
}

// Close implements io.Closer.
func (r *reader) Close() error { return r.body.Close() }

// List implements medium.Medium. Names that begin with a dot are left out, and of the prefixes below this one only blobs/ is listed.
func (s *Store) List(ctx context.Context) ([]medium.File, error) {
	files, prefixes, err := s.list(ctx, "", false)
	if err == nil && slices.Contains(prefixes, "blobs") {
		var blobs []medium.File
		blobs, _, err = s.list(ctx, "blobs/", true)
		files = append(files, blobs...)
	}
	slices.SortFunc(files, func(a, b medium.File) int { return strings.Compare(a.Name, b.Name) })
	return files, err
}

// Prefixes lists the prefixes below this one that may have bundles, sorted.
func (s *Store) Prefixes(ctx context.Context) ([]string, error) {
	_, prefixes, err := s.list(ctx, "", false)
	slices.Sort(prefixes)
	return prefixes, err
}

// Below is the store at a prefix below this one.
func (s *Store) Below(prefix string) medium.Medium {
	return &Store{bucket: s.bucket, prefix: s.prefix + prefix + "/", core: s.core, keys: s.keys, transport: s.transport, o: s.o}
}

// list lists the objects, and the prefixes, one level below a prefix, or all objects.
func (s *Store) list(ctx context.Context, below string, all bool) (files []medium.File, prefixes []string, err error) {
	err = s.try(ctx, "", func(ctx context.Context) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		files, prefixes = nil, nil
		for info := range s.core.Client.ListObjects(ctx, s.bucket, minio.ListObjectsOptions{Prefix: s.prefix + below, Recursive: all}) {
			name := strings.TrimPrefix(info.Key, s.prefix)
			prefix, isPrefix := strings.CutSuffix(name, "/")
			switch {
			case info.Err != nil:
				return info.Err
			case name == "" || strings.HasPrefix(name, ".") || artifact.Printable(name) != name || !fs.ValidPath(prefix):
			case isPrefix:
				prefixes = append(prefixes, prefix)
			default:
				files = append(files, medium.File{Name: name, Size: info.Size})
			}
		}
		return ctx.Err()
	})
	return files, prefixes, err
}

// Remove implements medium.Medium.
func (s *Store) Remove(ctx context.Context, name string) error {
	return s.try(ctx, name, func(ctx context.Context) error {
		return s.core.RemoveObject(ctx, s.bucket, s.prefix+name, minio.RemoveObjectOptions{})
	})
}

// Free implements medium.Medium: a store does not say.
func (s *Store) Free(context.Context) (int64, error) { return -1, nil }
