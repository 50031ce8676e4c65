package artifact

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"io"
)

// Content identifies bytes by at least one digest, or only gives their size.
type Content struct {
	Size   int64  // -1: unknown
	SHA256 string // empty: unknown
	SHA512 string // empty: unknown
}

// Identified reports whether a digest says which bytes are meant.
func (c Content) Identified() bool { return c.SHA256 != "" || c.SHA512 != "" }

// Verify compares the bytes that c's Hasher has hashed with c: the size and each digest that
// c has. The error is ErrVerify.
func (c Content) Verify(got Content) error {
	switch {
	case c.Size >= 0 && got.Size != c.Size:
		return Verifyf("size mismatch: got %d bytes, want %d", got.Size, c.Size)
	case c.SHA256 != "" && got.SHA256 != c.SHA256:
		return Verifyf("sha256 mismatch: got %s, want %s", got.SHA256, c.SHA256)
	case c.SHA512 != "" && got.SHA512 != c.SHA512:
		return Verifyf("sha512 mismatch: got %s, want %s", got.SHA512, c.SHA512)
	}
	return nil
}

// VerifyData is Verify for bytes in memory.
func (c Content) VerifyData(data []byte) error {
	if !c.Identified() {
		return c.Verify(Content{Size: int64(len(data))})
	}
	h := c.Hasher()
	h.Write(data)
	return c.Verify(h.Sum())
}

// VerifyFile is Verify for a file, of which it reads no more than is wanted. It closes the file.
func (c Content) VerifyFile(f io.ReadCloser) error {
	defer f.Close()
	h := c.Hasher()
	if _, err := io.Copy(h, io.LimitReader(f, c.Size+1)); err != nil {
		return err
	}
	return c.Verify(h.Sum())
}

// A Hasher hashes what is written to it.
type Hasher struct {
	size           int64
	sha256, sha512 hash.Hash
}

// Hasher computes what Verify needs, and the SHA-256 in any case.
func (c Content) Hasher() *Hasher {
	h := &Hasher{sha256: sha256.New()}
	if c.SHA512 != "" {
		h.sha512 = sha512.New()
	}
	return h
}

// Write implements io.Writer. It never fails.
func (h *Hasher) Write(p []byte) (int, error) {
	h.size += int64(len(p))
	h.sha256.Write(p)
	if h.sha512 != nil {
		h.sha512.Write(p)
	}
	return len(p), nil
}

// Size is how many bytes were written.
func (h *Hasher) Size() int64 { return h.size }

// Sum returns the content that was written.
func (h *Hasher) Sum() Content {
	c := Content{Size: h.size, SHA256: hex.EncodeToString(h.sha256.Sum(nil))}
	if h.sha512 != nil {
		c.SHA512 = hex.EncodeToString(h.sha512.Sum(nil))
	}
	return c
}

// Reset forgets what was written.
func (h *Hasher) Reset() {
	h.size = 0
	h.sha256.Reset()
	if h.sha512 != nil {
		h.sha512.Reset()
	}
}
