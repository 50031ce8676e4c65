package content

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/atomicfile"
)

// A span is a range of a blob that is stored.
type span struct {
	Offset int64 `json:"offset"`
	Size   int64 `json:"size"`
}

// A runningHash is the hash of a blob's beginning.
type runningHash struct {
	blob   digest.Digest
	hash   hash.Hash
	offset int64
}

// PutPiece implements PieceSink.
func (s *LayoutSink) PutPiece(ctx context.Context, _ Image, b Blob, offset int64, r io.Reader) error {
	name := s.stagedName(b.Digest) + ".part"
	file, err := s.root.OpenFile(name, os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return fmt.Errorf("%s: %w", s, err)
	}
	s.unsynced = append(s.unsynced, name)
	_, err = file.Seek(offset, io.SeekStart)
	if offset == 0 {
		s.running = runningHash{b.Digest, b.Digest.Algorithm().Hash(), 0}
	} else if s.running.blob != b.Digest || s.running.offset != offset {
		s.running = runningHash{}
	}
	h := s.running.hash
	s.running.offset = -1 // unless it ends well
	n := int64(0)
	if err == nil {
		n, err = s.copy(ctx, file, hashing(r, h), io.LimitReader(r, b.Size-offset))
	}
	if err = errors.Join(err, file.Close()); err == nil {
		s.running.offset = offset + n
	}
	return err
}

// HasPiece implements PieceSink.
func (s *LayoutSink) HasPiece(b Blob, offset, size int64) bool {
	info, err := s.root.Stat(s.stagedName(b.Digest) + ".part")
	return err == nil && info.Size() >= offset+size && slices.Contains(s.pieces[b.Digest], span{offset, size})
}

// KeepPiece implements PieceSink.
func (s *LayoutSink) KeepPiece(b Blob, offset, size int64) error {
	if !slices.Contains(s.pieces[b.Digest], span{offset, size}) {
		s.pieces[b.Digest] = append(s.pieces[b.Digest], span{offset, size})
	}
	return s.savePieces()
}

func (s *LayoutSink) savePieces() error {
	text, err := json.Marshal(s.pieces)
	if err == nil {
		err = atomicfile.WriteIn(s.root, path.Join(s.staging, "pieces.json"), text, 0o666)
	}
	return err
}

// Complete implements PieceSink.
func (s *LayoutSink) Complete(ctx context.Context, b Blob) error {
	part := s.stagedName(b.Digest) + ".part"
	if s.running.blob == b.Digest && s.running.offset == b.Size {
		if got := digest.NewDigest(b.Digest.Algorithm(), s.running.hash); got != b.Digest {
			return s.drop(b, artifact.Verifyf("%s: digest mismatch: the content has %s", b.Digest, got))
		}
	} else {
		file, err := s.root.Open(part)
		if err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
		_, err = io.CopyBuffer(onlyWriter{io.Discard}, &cancelled{ctx, NewVerifier(file, b)}, s.buffer)
		if err = errors.Join(err, file.Close()); errors.Is(err, artifact.ErrVerify) {
			return s.drop(b, err)
		} else if err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	if err := s.root.Rename(part, s.stagedName(b.Digest)); err != nil {
		return err
	}
	s.has[b.Digest] = true
	delete(s.pieces, b.Digest)
	return s.savePieces()
}

// drop forgets the pieces of a blob that turned out wrong.
func (s *LayoutSink) drop(b Blob, err error) error {
	delete(s.pieces, b.Digest)
	return errors.Join(err, s.root.Remove(s.stagedName(b.Digest)+".part"), s.savePieces())
}
