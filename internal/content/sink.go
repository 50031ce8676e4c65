package content

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/atomicfile"
)

// StagingFolder is the folder of a layout that has what is not complete yet.
const StagingFolder = ".minimirror-import"

var _ PieceSink = (*LayoutSink)(nil)

// A LayoutSink is a PieceSink: a folder in the OCI image layout. Blobs are written below StagingFolder, and moved to their places by Finish.
type LayoutSink struct {
	dir, staging string // staging is relative to root
	root         *os.Root
	lock         *os.File
	has          map[digest.Digest]bool
	pieces       map[digest.Digest][]span
	running      runningHash
	unsynced     []string // files that were written since the last Sync
	buffer       []byte
}

// NewLayoutSink opens or creates the folder. id names what is staged: the same id goes on with what an interrupted import has left.
func NewLayoutSink(dir, id string) (*LayoutSink, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	s := &LayoutSink{dir: dir, staging: path.Join(StagingFolder, id), root: root, has: map[digest.Digest]bool{}, pieces: map[digest.Digest][]span{}, buffer: make([]byte, 256<<10)}
	if err := s.begin(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", s, err), s.Close())
	}
	return s, nil
}

func (s *LayoutSink) begin() error {
	if err := s.refuseOther(); err != nil {
		return err
	}
	if err := s.root.MkdirAll(s.staging, 0o777); err != nil {
		return err
	}
	var err error
	if s.lock, err = s.root.Open(StagingFolder); err != nil {
		return err
	}
	if !atomicfile.TryLock(s.lock) {
		return errors.New("another import is writing to this folder")
	}
	text, err := fs.ReadFile(s.root.FS(), path.Join(s.staging, "pieces.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && json.Unmarshal(text, &s.pieces) != nil {
		clear(s.pieces) // what a full disk cut off
	}
	return err
}

// ownFiles begins the names of what this program keeps beside the images: the record of imports and their reports, which a failed import leaves, too.
const ownFiles = "minimirror."

// refuseOther refuses a folder that has other files than a layout.
func (s *LayoutSink) refuseOther() error {
	if _, err := s.root.Lstat(v1.ImageLayoutFile); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	entries, err := fs.ReadDir(s.root.FS(), ".")
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !slices.Contains([]string{StagingFolder, "lost+found", v1.ImageBlobsDir}, e.Name()) && !strings.HasPrefix(e.Name(), ownFiles) {
			return artifact.Hint(fmt.Errorf("the folder is not an OCI image layout, and has %s", e.Name()), "name a new or empty folder")
		}
	}
	return nil
}

func (s *LayoutSink) String() string { return "oci:" + s.dir }

// Close ends the import; what is staged stays.
func (s *LayoutSink) Close() error {
	var err error
	if s.lock != nil {
		err = s.lock.Close()
	}
	return errors.Join(err, s.root.Close())
}

// stagedName is where a blob is before Finish.
func (s *LayoutSink) stagedName(d digest.Digest) string {
	return path.Join(s.staging, d.Algorithm().String()+"-"+d.Encoded())
}

// Has implements Sink. A blob that was there before, visible or staged, is read and verified once: an import that was cut off by a power failure may have left other bytes.
func (s *LayoutSink) Has(ctx context.Context, _ Image, b Blob) (bool, error) {
	if known, found := s.has[b.Digest]; found {
		return known, nil
	}
	for _, name := range []string{s.stagedName(b.Digest), BlobPath(b.Digest)} {
		good, err := s.isGood(ctx, name, b)
		if err != nil {
			return false, fmt.Errorf("%s: %w", s, err)
		}
		if good {
			s.has[b.Digest] = true
			return true, nil
		}
		if name != BlobPath(b.Digest) { // else Finish would move it
			if err := s.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return false, fmt.Errorf("%s: %w", s, err)
			}
		}
	}
	s.has[b.Digest] = false // a damaged blob is replaced
	return false, nil
}

// isGood reports whether a file has the content of a blob.
func (s *LayoutSink) isGood(ctx context.Context, name string, b Blob) (bool, error) {
	file, err := artifact.OpenRegular(func(flag int) (*os.File, error) { return s.root.OpenFile(name, os.O_RDONLY|flag, 0) })
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer file.Close()
	_, err = io.CopyBuffer(onlyWriter{io.Discard}, &cancelled{ctx, NewVerifier(file, b)}, s.buffer)
	if errors.Is(err, artifact.ErrVerify) {
		return false, nil
	}
	return err == nil, err
}

type onlyWriter struct{ io.Writer }

// cancelled is a reader that ends with a context.
type cancelled struct {
	ctx context.Context
	io.Reader
}

func (c *cancelled) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.Reader.Read(p)
}

// Put implements Sink.
func (s *LayoutSink) Put(ctx context.Context, _ Image, b Blob, r io.Reader) error {
	file, err := s.root.OpenFile(s.stagedName(b.Digest)+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o666)
	if err != nil {
		return fmt.Errorf("%s: %w", s, err)
	}
	h := b.Digest.Algorithm().Digester()
	n, err := s.copy(ctx, file, hashing(r, h.Hash()), io.LimitReader(r, b.Size+1))
	if err = errors.Join(err, file.Close()); err == nil {
		switch got := h.Digest(); {
		case n != b.Size:
			err = artifact.Verifyf("%s: %d bytes, want %d", b.Digest, n, b.Size)
		case got != b.Digest:
			err = artifact.Verifyf("%s: digest mismatch: the content has %s", b.Digest, got)
		default:
			err = s.root.Rename(s.stagedName(b.Digest)+".new", s.stagedName(b.Digest))
		}
	}
	if err != nil {
		return errors.Join(err, s.root.Remove(s.stagedName(b.Digest)+".new"))
	}
	s.unsynced = append(s.unsynced, s.stagedName(b.Digest))
	s.has[b.Digest] = true
	return nil
}

// A Hasher is a reader that has something else to hash, and does both at once, which is faster: see package hashpair. Hash may be called before the next Read.
type Hasher interface{ Hash(h hash.Hash, p []byte) }

// hashing returns what adds bytes that were read from r to h; nil: h is nil.
func hashing(r io.Reader, h hash.Hash) func(p []byte) {
	if h == nil {
		return nil
	}
	if both, is := r.(Hasher); is {
		return func(p []byte) { both.Hash(h, p) }
	}
	return func(p []byte) { h.Write(p) }
}

// copy hashes while it writes.
func (s *LayoutSink) copy(ctx context.Context, w io.Writer, add func(p []byte), r io.Reader) (total int64, err error) {
	for {
		if ctx.Err() != nil {
			return total, context.Cause(ctx)
		}
		n, err := io.ReadFull(r, s.buffer)
		if n > 0 {
			var adding sync.WaitGroup
			if add != nil {
				adding.Go(func() { add(s.buffer[:n]) })
			}
			_, writeErr := w.Write(s.buffer[:n])
			adding.Wait()
			if writeErr != nil {
				return total, fmt.Errorf("%s: %w", s, writeErr)
			}
			total += int64(n)
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) && n > 0 {
			if next, is := r.(*io.LimitedReader); errors.Is(err, io.ErrUnexpectedEOF) && is && next.N > 0 {
				continue // the next Read tells whether it is the end or an error
			}
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

// fewFiles is up to how many files are forced to the disk one by one. More than that take the file system's call for all, which also waits for
// what other programs have written.
const fewFiles = 64

// Sync forces what is staged to the disk.
func (s *LayoutSink) Sync() error {
	names := s.unsynced
	s.unsynced = nil
	if len(names) > fewFiles {
		return syncFS(s.lock)
	}
	for _, name := range names {
		if err := s.syncFile(name); err != nil && !errors.Is(err, fs.ErrNotExist) { // it may have another name by now
			return err
		}
	}
	return nil
}

// syncFile forces one file, or the names in a folder, to the disk.
func (s *LayoutSink) syncFile(name string) error {
	file, err := s.root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

// Open reads a blob that Has reports, visible or not: for a second destination.
func (s *LayoutSink) Open(_ context.Context, _ Image, b Blob, offset int64) (io.ReadCloser, error) {
	file, err := s.root.Open(s.stagedName(b.Digest))
	if errors.Is(err, fs.ErrNotExist) {
		file, err = s.root.Open(BlobPath(b.Digest))
	}
	if err != nil {
		return nil, err
	}
	if _, err := file.Seek(offset, io.SeekStart); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}
