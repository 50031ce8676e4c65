package content

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
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

// Has implements Sink. A blob that the layout had before is read and verified once.
func (s *LayoutSink) Has(ctx context.Context, _ Image, b Blob) (bool, error) {
	if known, found := s.has[b.Digest]; found {
		return known, nil
	}
	if info, err := s.root.Stat(s.stagedName(b.Digest)); err == nil && info.Size() == b.Size {
		s.has[b.Digest] = true
		return true, nil
	}
	file, err := artifact.OpenRegular(func(flag int) (*os.File, error) { return s.root.OpenFile(BlobPath(b.Digest), os.O_RDONLY|flag, 0) })
	if errors.Is(err, fs.ErrNotExist) {
		s.has[b.Digest] = false
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("%s: %w", s, err)
	}
	defer file.Close()
	_, err = io.CopyBuffer(onlyWriter{io.Discard}, &cancelled{ctx, NewVerifier(file, b)}, s.buffer)
	if err != nil && !errors.Is(err, artifact.ErrVerify) {
		return false, fmt.Errorf("%s: %w", s, err)
	}
	s.has[b.Digest] = err == nil // a damaged blob is replaced
	return err == nil, nil
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

// Finish implements Sink: moves the blobs to their places, then writes index.json. An image takes the place of another one with its name.
func (s *LayoutSink) Finish(_ context.Context, images []Image) error {
	if err := s.Sync(); err != nil {
		return err
	}
	folders := map[string]bool{}
	for _, d := range slices.Sorted(maps.Keys(s.has)) {
		if !s.has[d] {
			continue
		}
		if _, err := s.root.Lstat(s.stagedName(d)); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := s.root.MkdirAll(path.Dir(BlobPath(d)), 0o777); err != nil {
			return err
		}
		if err := s.root.Rename(s.stagedName(d), BlobPath(d)); err != nil {
			return err
		}
		folders[path.Dir(BlobPath(d))] = true
	}
	if err := s.root.MkdirAll(v1.ImageBlobsDir+"/sha256", 0o777); err != nil {
		return err
	}
	if _, err := s.root.Lstat(v1.ImageLayoutFile); errors.Is(err, fs.ErrNotExist) {
		text, err := json.Marshal(v1.ImageLayout{Version: v1.ImageLayoutVersion})
		if err != nil {
			return err
		}
		if err := atomicfile.WriteIn(s.root, v1.ImageLayoutFile, text, 0o666); err != nil {
			return err
		}
	}
	index, err := s.readIndex()
	if err != nil {
		return err
	}
	for _, im := range images {
		index.Manifests = mergeImage(index.Manifests, im)
	}
	text, err := json.Marshal(index)
	if err != nil {
		return err
	}
	for folder := range folders {
		if err := s.syncFile(folder); err != nil {
			return err
		}
	}
	if err := atomicfile.WriteIn(s.root, v1.ImageIndexFile, text, 0o666); err != nil {
		return err
	}
	if err := s.root.RemoveAll(s.staging); err != nil {
		return err
	}
	_ = s.root.Remove(StagingFolder) // unless another bundle is staged
	return nil
}

func (s *LayoutSink) readIndex() (index v1.Index, err error) {
	index = v1.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageIndex}
	text, err := fs.ReadFile(s.root.FS(), v1.ImageIndexFile)
	if errors.Is(err, fs.ErrNotExist) {
		return index, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &index)
	}
	if err != nil {
		err = fmt.Errorf("%s: %s: %w", s, v1.ImageIndexFile, err)
	}
	return index, err
}

// mergeImage adds an image to those of index.json.
func mergeImage(all []v1.Descriptor, im Image) []v1.Descriptor {
	d := im.Descriptor
	if im.Name != "" {
		annotations := map[string]string{}
		maps.Copy(annotations, d.Annotations)
		annotations[v1.AnnotationRefName] = im.Name
		d.Annotations = annotations
	}
	for i, other := range all {
		name := other.Annotations[v1.AnnotationRefName]
		if im.Name != "" && name == im.Name || im.Name == "" && name == "" && other.Digest == d.Digest {
			all[i] = d
			return all
		}
	}
	return append(all, d)
}
