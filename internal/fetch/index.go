package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/transfer"
)

const maxIndex = 512 << 20 // bytes that a decoded index may have

// Index implements artifact.Upstream.
func (c *Client) Index(ctx context.Context, want artifact.Content, files []artifact.RemoteFile) (artifact.Index, error) {
	if want.Size > maxIndex {
		return artifact.Index{}, artifact.Verifyf("the index has %d bytes; the limit is %d", want.Size, int64(maxIndex))
	}
	for i, file := range files {
		if index, err := c.keptIndex(want, file); err == nil {
			index.File = i
			return index, nil
		}
	}
	var failures []error
	for i, file := range files {
		index, err := c.fetchIndex(ctx, want, file)
		if err == nil {
			index.File = i
			return index, nil
		}
		if ctx.Err() != nil {
			return artifact.Index{}, context.Cause(ctx)
		}
		failures = append(failures, err)
	}
	if len(failures) == 0 {
		return artifact.Index{}, errors.New("it has no address")
	}
	return artifact.Index{}, errors.Join(failures...)
}

// keptIndex reads an encoded index from the cache. What is damaged there is as good as absent.
func (c *Client) keptIndex(want artifact.Content, file artifact.RemoteFile) (artifact.Index, error) {
	content, err := c.Cache.Check(file.Content)
	if err != nil {
		return artifact.Index{}, err
	}
	if data := c.noted(want); data != nil {
		return artifact.Index{Data: data, Content: content}, nil
	}
	kept, err := c.Cache.Open(content)
	if err != nil {
		return artifact.Index{}, err
	}
	defer kept.Close()
	data, err := c.decode(kept, want, file, true)
	return artifact.Index{Data: data, Content: content}, err
}

// fetchIndex brings one encoding of the wanted content, verifies it, decodes
// it, verifies the result and keeps the encoded file.
func (c *Client) fetchIndex(ctx context.Context, want artifact.Content, file artifact.RemoteFile) (artifact.Index, error) {
	w, err := c.Cache.Resume(file.Content)
	if err != nil {
		return artifact.Index{}, err
	}
	defer w.Close()
	if _, err := c.download(ctx, transfer.Download{Addresses: transfer.URLs(file.URLs), Fresh: true}, file.Content, w, 0); err != nil {
		return artifact.Index{}, err
	}
	data, err := c.decode(w.Reader(), want, file, false)
	if err != nil {
		return artifact.Index{}, fmt.Errorf("%s: %w", artifact.Redacted(file.URLs[0]), err)
	}
	return artifact.Index{Data: data, Content: w.Content()}, w.Commit()
}

// decode decodes and verifies. What took long to decode is noted for the next time, if it is
// read again: many an index is read once, and the note takes as much room as the index.
//
// If the size of the wanted content is known, nothing after it is read: some
// uploaders pad their files, and the digest decides whether the content is right.
func (c *Client) decode(encoded io.Reader, want artifact.Content, file artifact.RemoteFile, again bool) ([]byte, error) {
	plain := io.NopCloser(encoded)
	if file.Decode != nil {
		var err error
		if plain, err = file.Decode(encoded); err != nil {
			return nil, fmt.Errorf("it can't be decoded: %w", err)
		}
	}
	defer plain.Close()
	limit := int64(maxIndex) + 1
	if want.Size >= 0 && want.Identified() {
		limit = want.Size
	}
	buffer := bytes.NewBuffer(make([]byte, 0, max(0, want.Size)+bytes.MinRead))
	into := io.Writer(buffer)
	var note *indexNote
	if again && file.Decode != nil && want.Size >= worthNoting && want.Identified() {
		note = newIndexNote()
		defer note.close()
		into = io.MultiWriter(buffer, note)
	}
	if _, err := io.Copy(into, io.LimitReader(plain, limit)); err != nil && int64(buffer.Len()) < limit {
		return nil, fmt.Errorf("it can't be decoded: %w", err)
	}
	if buffer.Len() > maxIndex {
		return nil, artifact.Verifyf("the decoded index is larger than the limit of %d bytes", int64(maxIndex))
	}
	if err := want.VerifyData(buffer.Bytes()); err != nil {
		return nil, err
	}
	if note != nil {
		note.keep(c, want)
	}
	return buffer.Bytes(), nil
}
