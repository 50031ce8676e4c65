package tarlayer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Notes store small facts between runs; losing a note costs only time.
type Notes interface {
	Note(kind, key string) []byte // nil when there is none
	SetNote(kind, key string, data []byte) error
}

// layerNote is the kind of note that holds a layer's digest under its plan.
const layerNote = "layer"

// Descriptor describes the layer as a blob of the OCI image specification. If
// notes (may be nil) have the digest of the plan, nothing is read. Otherwise it reads all
// contents once; if one does not have the size or digest of its Entry,
// the error is an artifact.ErrVerify that names the file. It calls read (may be nil)
// with the number of bytes of each step.
func (l *Layer) Descriptor(ctx context.Context, notes Notes, read func(n int)) (ocispec.Descriptor, error) {
	if notes != nil {
		if known, err := digest.Parse(string(notes.Note(layerNote, l.plan))); err == nil {
			return l.descriptor(known), nil
		}
	}
	sum, err := l.Verify(ctx, read)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	if notes != nil {
		notes.SetNote(layerNote, l.plan, []byte(sum)) // without it, the next run reads again
	}
	return l.descriptor(sum), nil
}

// Forget removes the layer's note, which has proved wrong.
func (l *Layer) Forget(notes Notes) error { return notes.SetNote(layerNote, l.plan, nil) }

func (l *Layer) descriptor(sum digest.Digest) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: ocispec.MediaTypeImageLayer, Digest: sum, Size: l.size}
}

// Verify reads the whole layer, compares each content with its Entry, and
// returns the layer's digest. It calls read (may be nil) with the number of
// bytes of each step.
func (l *Layer) Verify(ctx context.Context, read func(n int)) (digest.Digest, error) {
	r := l.NewReader(ctx)
	defer r.Close()
	whole := newBlockHash()
	content := sha256.New()
	next, offset := 0, int64(0) // next: the member whose content ends at or after offset
	for offset < l.size {
		block := whole.block()
		n, err := io.ReadFull(r, block[:min(int64(len(block)), l.size-offset)])
		if err != nil {
			whole.sum()
			return "", err
		}
		end := offset + int64(n)
		for ; next < len(l.members); next++ {
			m := &l.members[next]
			from, to := max(m.content, offset), min(m.content+m.Size, end)
			if from < to {
				content.Write(block[from-offset : to-offset])
			}
			if m.content+m.Size > end || m.content > end {
				break
			}
			if err := m.check(content); err != nil {
				whole.sum()
				return "", err
			}
			content.Reset()
		}
		whole.hash(block[:n])
		offset = end
		if read != nil {
			read(n)
		}
	}
	return whole.sum(), nil
}

func (m *Member) check(content hash.Hash) error {
	if m.Directory || m.Open == nil {
		return nil
	}
	if got := hex.EncodeToString(content.Sum(nil)); got != m.SHA256 {
		return artifact.Verifyf("%s: sha256 mismatch: got %s, want %s", m.Path, got, m.SHA256)
	}
	return nil
}

// Copy writes the layer to w and returns the digest of what it wrote. It
// calls written (may be nil) with the number of bytes of each step.
func (l *Layer) Copy(ctx context.Context, w io.Writer, written func(n int)) (digest.Digest, error) {
	r := l.NewReader(ctx)
	defer r.Close()
	whole := newBlockHash()
	for offset := int64(0); offset < l.size; {
		block := whole.block()
		n, err := io.ReadFull(r, block[:min(int64(len(block)), l.size-offset)])
		if err == nil {
			_, err = w.Write(block[:n])
		}
		if err != nil {
			whole.sum()
			return "", err
		}
		whole.hash(block[:n])
		offset += int64(n)
		if written != nil {
			written(n)
		}
	}
	return whole.sum(), nil
}

// A blockHash computes a SHA-256 in a goroutine of its own.
type blockHash struct {
	free, full chan []byte
	result     chan digest.Digest
}

// Three blocks: one is read, one is hashed, one waits.
const (
	hashBlocks    = 3
	hashBlockSize = 512 << 10
)

func newBlockHash() *blockHash {
	b := &blockHash{make(chan []byte, hashBlocks), make(chan []byte, hashBlocks), make(chan digest.Digest, 1)}
	for range hashBlocks {
		b.free <- make([]byte, hashBlockSize)
	}
	go func() {
		h := sha256.New()
		for block := range b.full {
			h.Write(block)
			b.free <- block[:hashBlockSize]
		}
		b.result <- digest.NewDigest(digest.SHA256, h)
	}()
	return b
}

// block returns memory to be filled and given to hash.
func (b *blockHash) block() []byte { return <-b.free }

// hash takes the block back.
func (b *blockHash) hash(block []byte) { b.full <- block }

// sum ends the goroutine and returns the digest.
func (b *blockHash) sum() digest.Digest {
	close(b.full)
	return <-b.result
}
