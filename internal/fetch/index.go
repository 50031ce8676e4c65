package fetch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"

	"github.com/minimirror/minimirror/internal/artifact"
)

const (
	indexNote = "index"
	maxIndex  = 512 << 20 // bytes that a decoded index may have
)

// Index implements artifact.Upstream. Indexes are read again and again, and
// some of upstream's compressions are slow to undo: the cache keeps their
// decoded content as zstd, under its digest or, where upstream names none,
// under that of the encoded file.
func (c *Client) Index(ctx context.Context, want artifact.Content, files []artifact.RemoteFile) ([]byte, error) {
	if want.Size > maxIndex {
		return nil, artifact.Verifyf("an index of %d bytes is announced; it may have %d", want.Size, int64(maxIndex))
	}
	if data, err := c.keptIndex(want.SHA256, want); err == nil {
		return data, nil
	}
	var failures []error
	for _, file := range files {
		data, err := c.fetchIndex(ctx, want, file)
		if err == nil {
			return data, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		failures = append(failures, err)
	}
	if len(failures) == 0 {
		return nil, errors.New("no address is known for it")
	}
	return nil, errors.Join(failures...)
}

func (c *Client) keptIndex(key string, want artifact.Content) ([]byte, error) {
	packed := c.Cache.Note(indexNote, key)
	if key == "" || len(packed) == 0 {
		return nil, errors.New("not in the cache")
	}
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxIndex))
	if err != nil {
		return nil, err
	}
	defer decoder.Close()
	data, err := decoder.DecodeAll(packed, make([]byte, 0, max(0, want.Size)))
	if err != nil {
		return nil, err
	}
	return data, verify(data, want)
}

// fetchIndex brings one encoding of the wanted content, verifies it, decodes
// it, verifies the result and keeps that.
func (c *Client) fetchIndex(ctx context.Context, want artifact.Content, file artifact.RemoteFile) ([]byte, error) {
	key := want.SHA256
	if key == "" {
		key = file.SHA256
		if data, err := c.keptIndex(key, want); err == nil {
			return data, nil
		}
	}
	w, err := c.Cache.Create()
	if err != nil {
		return nil, err
	}
	defer w.Close()
	if err := c.download(ctx, file.URLs, file.Content, w); err != nil {
		return nil, err
	}
	data, err := decode(w.Content(), want, file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", Redacted(file.URLs[0]), err)
	}
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBetterCompression), zstd.WithWindowSize(64<<20), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	if err := c.Cache.SetNote(indexNote, key, encoder.EncodeAll(data, nil)); err != nil {
		c.Log.Warn("index not kept", "error", err)
	}
	return data, nil
}

func decode(encoded io.Reader, want artifact.Content, file artifact.RemoteFile) ([]byte, error) {
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
	if _, err := io.Copy(buffer, io.LimitReader(plain, limit+1)); err != nil {
		return nil, err
	}
	return buffer.Bytes(), verify(buffer.Bytes(), want)
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
