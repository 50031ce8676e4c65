package lockfile

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/minimirror/minimirror/internal/artifact"
)

// ErrProofs reports that mirror.proofs lacks proofs of the lock. Locking again fixes this.
var ErrProofs = errors.New("mirror.proofs does not go with the lock")

// A store is the content of a mirror.proofs: files by their SHA-256.
type store map[string][]byte

const (
	storeFolder = "sha256/" // of all names in the archive
	// storeRecord is the unit of the archive's size. From 64 KiB on, the zstd header has the size in four bytes, of
	// which the lowest two are then 0: git treats every mirror.proofs as binary, without an attribute.
	storeRecord = 128 << 10
	maxStore    = 1 << 30 // bytes, uncompressed
	maxWindow   = 128 << 20
)

// ProofsFile is the path of a lock's proofs: mirror.proofs beside mirror.lock.
func ProofsFile(file string) string { return strings.TrimSuffix(target(file), ".lock") + ".proofs" }

// target is the file that a path refers to, through symbolic links.
func target(file string) string {
	if target, err := filepath.EvalSymlinks(file); err == nil {
		return target
	}
	return file
}

// store is the content that the lock has for its mirror.proofs.
func (l *Lock) store() store {
	all := make(store)
	for _, p := range l.kept() {
		if p.Data != nil {
			all[p.SHA256] = p.Data
		}
	}
	return all
}

// kept are the proofs whose content is kept in mirror.proofs.
func (l *Lock) kept() (all []*artifact.Proof) {
	for i := range l.Sources {
		for j := range l.Sources[i].Releases {
			r := &l.Sources[i].Releases[j]
			for k := range r.Proofs {
				if p := &r.Proofs[k]; p.Kept || p.Data != nil {
					all = append(all, p)
				}
			}
		}
	}
	return all
}

// ReadComplete is Read with the content of mirror.proofs. If that is missing, damaged or of another lock, the error is ErrProofs (and
// artifact.ErrStale or artifact.ErrVerify), and it returns the lock without it.
func ReadComplete(file string) (*Lock, string, error) {
	for {
		lock, digest, err := Read(file)
		if err != nil {
			return nil, "", err
		}
		if err = lock.load(file); err == nil || !errors.Is(err, ErrProofs) {
			return lock, digest, err
		}
		// Write may have replaced both since the lock was read.
		if _, now, reading := Read(file); reading != nil || now == digest {
			return lock, digest, err
		}
	}
}

// load adds the content of mirror.proofs to the lock. On an error nothing is changed.
func (l *Lock) load(file string) error {
	kept := slices.DeleteFunc(l.kept(), func(p *artifact.Proof) bool { return p.Data != nil })
	if len(kept) == 0 {
		return nil
	}
	name := ProofsFile(file)
	all, err := readStore(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &proofsError{fmt.Errorf("%s: there is no such file, but %s needs it", name, file), artifact.ErrStale}
	case errors.Is(err, artifact.ErrVerify):
		return &proofsError{fmt.Errorf("%s: %w", name, err), artifact.ErrVerify}
	case err != nil:
		return err
	}
	for _, p := range kept {
		switch data, found := all[p.SHA256]; {
		case !found:
			return &proofsError{fmt.Errorf("%s: it is of another lock: %s needs %s with sha256 %s", name, file, p.Path, p.SHA256), artifact.ErrStale}
		case int64(len(data)) != p.Size:
			return &proofsError{fmt.Errorf("%s: %s has %d bytes, but %s says %d", name, p.Path, len(data), file, p.Size), artifact.ErrVerify}
		}
	}
	for _, p := range kept {
		p.Data = all[p.SHA256]
	}
	return nil
}

// A proofsError is an ErrProofs that is also another sentinel.
type proofsError struct {
	error
	sentinel error
}

func (e *proofsError) Unwrap() []error { return []error{e.error, ErrProofs, e.sentinel} }

// readStore reads a mirror.proofs and verifies all its content. The error for damaged content is artifact.ErrVerify.
func readStore(file string) (store, error) {
	f, err := artifact.OpenFile(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	all, err := unpack(f)
	if err != nil && !errors.As(err, new(*fs.PathError)) { // which is of the disk
		return nil, artifact.Verifyf("it is damaged: %w", err)
	}
	return all, err
}

// unpack is the reverse of pack. It accepts any tar archive compressed with zstd whose files are named by their digests.
func unpack(r io.Reader) (store, error) {
	decoder, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, err
	}
	defer decoder.Close()
	limited := &io.LimitedReader{R: decoder, N: maxStore}
	all, archive := make(store), tar.NewReader(limited)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if header.Typeflag == tar.TypeDir {
			continue
		}
		digest, named := strings.CutPrefix(strings.TrimPrefix(header.Name, "./"), storeFolder)
		if !named || !artifact.ValidSHA256(digest) || header.Typeflag != tar.TypeReg {
			return nil, fmt.Errorf("%q: its name is not %s and a digest", header.Name, storeFolder)
		}
		data, err := io.ReadAll(archive)
		if err != nil {
			return nil, err
		}
		if got := Digest(data); got != "sha256:"+digest {
			return nil, fmt.Errorf("%s: sha256 mismatch: got %s", header.Name, got)
		}
		all[digest] = data
	}
	// The end of the archive is not the end of the file, which has a checksum.
	if _, err := io.Copy(io.Discard, limited); err != nil {
		return nil, err
	}
	switch limited.N {
	case maxStore:
		return nil, errors.New("it is empty")
	case 0:
		return nil, fmt.Errorf("it is larger than %d bytes", maxStore)
	}
	return all, nil
}

// pack returns the bytes of a mirror.proofs, which depend only on the content.
func (s store) pack() ([]byte, error) {
	var b bytes.Buffer
	archive := tar.NewWriter(&b)
	for _, digest := range slices.Sorted(maps.Keys(s)) {
		header := &tar.Header{Format: tar.FormatUSTAR, Typeflag: tar.TypeReg, Name: storeFolder + digest, Mode: 0o644, Size: int64(len(s[digest]))}
		if err := archive.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := archive.Write(s[digest]); err != nil {
			return nil, err
		}
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	b.Write(make([]byte, (storeRecord-b.Len()%storeRecord)%storeRecord))
	if b.Len() >= maxStore {
		return nil, fmt.Errorf("what upstream signed is larger than %d bytes", maxStore)
	}
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedBetterCompression))
	if err != nil {
		return nil, err
	}
	return encoder.EncodeAll(b.Bytes(), nil), encoder.Close()
}

// holds reports whether the store has all of the other's files.
func (s store) holds(other store) bool {
	for digest := range other {
		if _, found := s[digest]; !found {
			return false
		}
	}
	return true
}
