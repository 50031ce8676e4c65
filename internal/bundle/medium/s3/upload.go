package s3

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // S3's Content-MD5 and ETag; the SHA-256 goes beside it
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bundle/medium"
	"github.com/minimirror/minimirror/internal/bytesize"
)

// abortTime is how long the end of an upload that failed may take.
const abortTime = 30 * time.Second

// A writer writes an object: one of up to a chunk with one request, a larger one as a multipart upload.
type writer struct {
	s     *Store
	ctx   context.Context // of Create
	name  string
	chunk int    // bytes
	buf   []byte // the chunk that is being filled
	size  int64  // bytes before buf

	upload  string                   // ID; empty: nothing was sent
	has     map[int]minio.ObjectPart // chunks that the store has from a run that was cut off
	parts   []minio.CompletePart
	sending chan error // the result of the chunk that is under way; nil: none
	ended   bool
}

// Create implements medium.Medium.
func (s *Store) Create(ctx context.Context, name string, size int64) (medium.Writer, error) {
	chunk := s.o.ChunkSize
	if least := int((size + mostChunks - 1) / mostChunks); chunk < least {
		chunk = least
	}
	return &writer{s: s, ctx: ctx, name: name, chunk: chunk}, nil
}

// Write implements io.Writer. A chunk is sent while the next is filled.
func (w *writer) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		if len(w.buf) == w.chunk {
			if err := w.send(); err != nil {
				return n, err
			}
		}
		if cap(w.buf) == 0 {
			w.buf = w.s.buffer(0)
		}
		if len(w.buf)+len(p) > cap(w.buf) && cap(w.buf) < w.chunk {
			w.buf = append(w.s.buffer(w.chunk), w.buf...)
		}
		more := copy(w.buf[len(w.buf):min(cap(w.buf), w.chunk)], p)
		w.buf = w.buf[:len(w.buf)+more]
		n, p = n+more, p[more:]
	}
	return n, nil
}

// smallBuffer is enough for a header.
const smallBuffer = 64 << 10

// buffer returns an empty buffer: one that an earlier writer has released, if it is large enough.
func (s *Store) buffer(size int) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.free) - 1; n >= 0 && size > 0 && cap(s.free[n]) >= size {
		b := s.free[n]
		s.free = s.free[:n]
		return b[:0]
	}
	return make([]byte, 0, max(size, smallBuffer))
}

// release gives a buffer of a chunk to the next writer.
func (s *Store) release(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cap(b) >= s.o.ChunkSize && len(s.free) < 2 {
		s.free = append(s.free, b)
	}
}

// wait ends the chunk that is under way.
func (w *writer) wait() error {
	if w.sending == nil {
		return nil
	}
	err := <-w.sending
	w.sending = nil
	return err
}

// send begins to send the buffer as the next chunk.
func (w *writer) send() error {
	if w.upload == "" {
		if err := w.begin(); err != nil {
			return err
		}
	}
	if err := w.wait(); err != nil {
		return err
	}
	number, data := len(w.parts)+1, w.buf
	if number > mostChunks {
		return artifact.Hint(fmt.Errorf("%s: an object of more than %s cannot be written in chunks of %s", w.s.of(w.name), bytesize.Text(w.size), bytesize.Text(int64(w.chunk))), "export smaller parts: --part-size 4480M")
	}
	w.parts, w.size, w.buf = append(w.parts, minio.CompletePart{PartNumber: number}), w.size+int64(len(data)), nil
	sending := make(chan error, 1)
	w.sending = sending
	part := &w.parts[number-1]
	have, upload := w.has[number], w.upload
	go func() {
		etag, err := w.s.putChunk(w.ctx, w.name, upload, number, data, have)
		part.ETag = etag
		w.s.release(data)
		sending <- err
	}()
	return nil
}

// putChunk sends a chunk, unless the store has it.
func (s *Store) putChunk(ctx context.Context, name, upload string, number int, data []byte, have minio.ObjectPart) (etag string, err error) {
	sum := md5.Sum(data) //nolint:gosec // see the import
	if have.Size == int64(len(data)) && strings.Trim(have.ETag, `"`) == hex.EncodeToString(sum[:]) {
		return have.ETag, nil
	}
	sha := sha256.Sum256(data)
	o := minio.PutObjectPartOptions{Md5Base64: base64.StdEncoding.EncodeToString(sum[:]), Sha256Hex: hex.EncodeToString(sha[:]), DisableContentSha256: true}
	err = s.try(ctx, name, func(ctx context.Context) error {
		part, err := s.core.PutObjectPart(ctx, s.bucket, s.prefix+name, upload, number, bytes.NewReader(data), int64(len(data)), o)
		etag = part.ETag
		return err
	})
	return etag, err
}

// begin begins a multipart upload, or continues one of the same object that was cut off.
func (w *writer) begin() error {
	found, err := w.s.uploads(w.ctx, w.name)
	if err != nil {
		w.s.o.Log.Debug("the store does not list unfinished uploads", "error", err)
	}
	for _, upload := range found {
		if w.upload == "" {
			if w.has, err = w.s.chunks(w.ctx, w.name, upload); err == nil {
				w.upload = upload
				continue
			}
		}
		if err := w.s.abort(w.ctx, w.name, upload); err != nil {
			w.s.o.Log.Debug("an unfinished upload stays", "object", w.s.of(w.name), "error", err)
		}
	}
	if w.upload != "" {
		return nil
	}
	return w.s.try(w.ctx, w.name, func(ctx context.Context) (err error) {
		w.upload, err = w.s.core.NewMultipartUpload(ctx, w.s.bucket, w.s.prefix+w.name, minio.PutObjectOptions{})
		return err
	})
}

// uploads lists the unfinished uploads of an object, the newest first.
func (s *Store) uploads(ctx context.Context, name string) (ids []string, err error) {
	all, err := s.unfinished(ctx, s.prefix+name)
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].Key == s.prefix+name {
			ids = append(ids, all[i].UploadID)
		}
	}
	return ids, err
}

// unfinished lists unfinished uploads, as the store sorts them: by name, then time.
func (s *Store) unfinished(ctx context.Context, prefix string) (all []minio.ObjectMultipartInfo, err error) {
	var key, id string
	for {
		var page minio.ListMultipartUploadsResult
		if err := s.try(ctx, "", func(ctx context.Context) (err error) {
			page, err = s.core.ListMultipartUploads(ctx, s.bucket, prefix, key, id, "", 1000)
			return err
		}); err != nil {
			return all, err
		}
		all = append(all, page.Uploads...)
		if !page.IsTruncated || page.NextKeyMarker == key && page.NextUploadIDMarker == id {
			return all, nil
		}
		key, id = page.NextKeyMarker, page.NextUploadIDMarker
	}
}

// chunks lists what the store has of an upload.
func (s *Store) chunks(ctx context.Context, name, upload string) (map[int]minio.ObjectPart, error) {
	all := make(map[int]minio.ObjectPart)
	for after := 0; ; {
		var page minio.ListObjectPartsResult
		if err := s.try(ctx, name, func(ctx context.Context) (err error) {
			page, err = s.core.ListObjectParts(ctx, s.bucket, s.prefix+name, upload, after, 1000)
			return err
		}); err != nil {
			return nil, err
		}
		for _, part := range page.ObjectParts {
			all[part.PartNumber] = part
		}
		if !page.IsTruncated || page.NextPartNumberMarker <= after {
			return all, nil
		}
		after = page.NextPartNumberMarker
	}
}

// Commit implements medium.Writer.
func (w *writer) Commit(ctx context.Context) error {
	if w.ended {
		return nil
	}
	var err error
	if w.upload == "" {
		err = w.s.put(ctx, w.name, w.buf)
	} else {
		if len(w.buf) > 0 {
			err = w.send()
		}
		if err = errors.Join(err, w.wait()); err == nil {
			err = w.complete(ctx)
		}
	}
	if err == nil {
		w.ended = true
		w.s.release(w.buf)
		w.buf = nil
		w.s.note(true)
	}
	return err
}

// note counts a writer that has ended.
func (s *Store) note(well bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if well {
		s.committed++
	} else {
		s.failed = true
	}
}

// put writes a small object.
func (s *Store) put(ctx context.Context, name string, data []byte) error {
	sum, sha := md5.Sum(data), sha256.Sum256(data) //nolint:gosec // see the import
	kind := "application/octet-stream"
	if path.Ext(name) == ".json" {
		kind = "application/json"
	}
	return s.try(ctx, name, func(ctx context.Context) error {
		_, err := s.core.PutObject(ctx, s.bucket, s.prefix+name, bytes.NewReader(data), int64(len(data)), base64.StdEncoding.EncodeToString(sum[:]), hex.EncodeToString(sha[:]),
			minio.PutObjectOptions{ContentType: kind, DisableContentSha256: true})
		return err
	})
}

// complete makes an object of its chunks, and checks that the store has all of it.
func (w *writer) complete(ctx context.Context) error {
	var before string // ETag of the object that this one replaces
	if info, err := w.s.stat(ctx, w.name); err == nil {
		before = info.ETag
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	again := false
	err := w.s.try(ctx, w.name, func(ctx context.Context) error {
		_, err := w.s.core.CompleteMultipartUpload(ctx, w.s.bucket, w.s.prefix+w.name, w.upload, w.parts, minio.PutObjectOptions{})
		if again && minio.ToErrorResponse(err).Code == "NoSuchUpload" {
			return w.completed(ctx, before)
		}
		again = true
		return err
	})
	if err != nil {
		return err
	}
	info, err := w.s.stat(ctx, w.name)
	if err == nil && info.Size != w.size {
		err = artifact.Verifyf("%s: the store has %d bytes, and %d were written", w.s.of(w.name), info.Size, w.size)
	}
	return err
}

// completed returns nil if the object appeared: an attempt before was successful, and its answer was lost.
func (w *writer) completed(ctx context.Context, before string) error {
	info, err := w.s.core.StatObject(ctx, w.s.bucket, w.s.prefix+w.name, minio.StatObjectOptions{})
	if err == nil && (info.Size != w.size || info.ETag == before) {
		err = artifact.Hint(fmt.Errorf("%s: the store ended the upload before it was complete", w.s.of(w.name)), "run the same command again: it goes on from here")
	}
	return err
}

func (s *Store) stat(ctx context.Context, name string) (info minio.ObjectInfo, err error) {
	err = s.try(ctx, name, func(ctx context.Context) (err error) {
		info, err = s.core.StatObject(ctx, s.bucket, s.prefix+name, minio.StatObjectOptions{})
		return err
	})
	return info, err
}

// Abort implements medium.Writer: the store forgets what was sent, if it can be reached.
func (w *writer) Abort() {
	if w.ended {
		return
	}
	w.ended = true
	w.s.note(false)
	_ = w.wait()
	if w.upload == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.ctx), abortTime)
	defer cancel()
	if err := w.s.abort(ctx, w.name, w.upload); err != nil {
		w.s.o.Log.Debug("an unfinished upload stays", "object", w.s.of(w.name), "error", err)
	}
}

func (s *Store) abort(ctx context.Context, name, upload string) error {
	return s.try(ctx, name, func(ctx context.Context) error {
		err := s.core.AbortMultipartUpload(ctx, s.bucket, s.prefix+name, upload)
		if minio.ToErrorResponse(err).Code == "NoSuchUpload" {
			return nil
		}
		return err
	})
}

// ownName reports whether this program gives that name to a file of a bundle.
func ownName(name string) bool {
	return strings.HasPrefix(name, "part-") || strings.HasPrefix(name, "minimirror.bundle.json") || name == "SHA256SUMS" || strings.HasPrefix(name, "blobs/")
}

// Close ends what a run that was killed has left of a bundle, if this one has written another and nothing failed: unfinished uploads cost
// money, and are not seen in a listing.
func (s *Store) Close() error {
	defer s.transport.CloseIdleConnections()
	if s.committed == 0 || s.failed {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), abortTime)
	defer cancel()
	left, err := s.unfinished(ctx, s.prefix)
	for _, upload := range left {
		if name := strings.TrimPrefix(upload.Key, s.prefix); ownName(name) && err == nil {
			err = s.abort(ctx, name, upload.UploadID)
		}
	}
	if err != nil {
		s.o.Log.Debug("unfinished uploads may stay", "error", err)
	}
	return nil
}
