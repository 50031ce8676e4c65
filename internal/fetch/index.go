package fetch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/minimirror/minimirror/internal/artifact"
)

const maxIndex = 512 << 20 // bytes that a decoded index may have

// Index implements artifact.Upstream.
func (c *Client) Index(ctx context.Context, want artifact.Content, files []artifact.RemoteFile) ([]byte, int, error) {
	if want.Size > maxIndex {
		return nil, 0, artifact.Verifyf("an index of %d bytes is announced; it may have %d", want.Size, int64(maxIndex))
	}
	for i, file := range files {
		if data, err := c.keptIndex(want, file); err == nil {
			return data, i, nil
		}
	}
	var failures []error
	for i, file := range files {
		data, err := c.fetchIndex(ctx, want, file)
		if err == nil {
			return data, i, nil
		}
		if ctx.Err() != nil {
			return nil, 0, context.Cause(ctx)
		}
		failures = append(failures, err)
	}
	if len(failures) == 0 {
		return nil, 0, errors.New("no address is known for it")
	}
	return nil, 0, errors.Join(failures...)
}

// keptIndex reads an encoded index from the cache. What is damaged there is as good as absent.
func (c *Client) keptIndex(want artifact.Content, file artifact.RemoteFile) ([]byte, error) {
	if err := c.Cache.Check(file.Content); err != nil {
		return nil, err
	}
	if data := c.noted(want); data != nil {
		return data, nil
	}
	kept, err := c.Cache.Open(file.Content)
	if err != nil {
		return nil, err
	}
	defer kept.Close()
	return c.decode(kept, want, file, true)
}

// fetchIndex brings one encoding of the wanted content, verifies it, decodes
// it, verifies the result and keeps the encoded file.
func (c *Client) fetchIndex(ctx context.Context, want artifact.Content, file artifact.RemoteFile) ([]byte, error) {
	w, err := c.Cache.Resume(file.Content)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	if err := c.download(ctx, file.URLs, file.Content, w, true); err != nil {
		return nil, err
	}
	data, err := c.decode(w.Content(), want, file, false)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", Redacted(file.URLs[0]), err)
	}
	return data, w.Commit(file.Content)
}

// decode decodes and verifies. What took long to decode is noted for the next time, if it is
// read again: many an index is read once, and the note takes as much room as the index.
func (c *Client) decode(encoded io.Reader, want artifact.Content, file artifact.RemoteFile, again bool) ([]byte, error) {
	plain := io.NopCloser(encoded)
	if file.Decode != nil {
		var err error
		if plain, err = file.Decode(encoded); err != nil {
			return nil, err
		}
	}
	defer plain.Close()
	limit := int64(maxIndex)
	if want.Size >= 0 {
		limit = min(limit, want.Size)
	}
	buffer := bytes.NewBuffer(make([]byte, 0, max(0, want.Size)+bytes.MinRead))
	into := io.Writer(buffer)
	var note *indexNote
	if again && file.Decode != nil && want.Size >= worthNoting && want.SHA256 != "" {
		note = newIndexNote()
		defer note.close()
		into = io.MultiWriter(buffer, note)
	}
	if _, err := io.Copy(into, io.LimitReader(plain, limit+1)); err != nil {
		return nil, err
	}
	if err := verify(buffer.Bytes(), want); err != nil {
		return nil, err
	}
	if note != nil {
		note.keep(c, want)
	}
	return buffer.Bytes(), nil
}

func verify(data []byte, want artifact.Content) error {
	if int64(len(data)) > maxIndex {
		return artifact.Verifyf("an index may have %d bytes decoded, this one has more", int64(maxIndex))
	}
	if want.Size >= 0 && int64(len(data)) != want.Size {
		return artifact.Verifyf("size mismatch: got %d bytes, want %d", len(data), want.Size)
	}
	if want.SHA256 == "" {
		return nil
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != want.SHA256 {
		return artifact.Verifyf("sha256 mismatch: got %x, want %s", sum, want.SHA256)
	}
	return nil
}
