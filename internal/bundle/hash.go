package bundle

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
)

// chunkSize is how many bytes are read at once.
const chunkSize = 256 << 10

// A countedHash is a SHA-256, and the number of bytes that went into it.
type countedHash struct {
	hash hash.Hash
	size int64
}

func newCountedHash() countedHash { return countedHash{hash: sha256.New()} }

func (h *countedHash) sum() string { return hex.EncodeToString(h.hash.Sum(nil)) }

func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
