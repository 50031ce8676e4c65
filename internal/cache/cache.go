// Package cache keeps files by the SHA-256 of their content in a folder of the
// user's, so that nothing is fetched twice. It stands between upstream and
// everything that reads artifacts. Several processes may share one cache.
package cache

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A Cache is a folder:
//
//	sha256/abcd…    verified content, named by its digest
//	note/KIND/KEY   facts derived from content, safe to lose
//	part/abcd…      the beginning of a file with this digest, locked by its writer
//	tmp/            files being written, each locked by its writer
type Cache struct{ dir string }

// Default is the cache of this user: $XDG_CACHE_HOME/minimirror.
func Default() (*Cache, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		return nil, artifact.Hint(fmt.Errorf("cache: %w", err), "set XDG_CACHE_HOME to a folder that you may write to")
	}
	return Open(filepath.Join(base, "minimirror"))
}

// Open prepares dir and removes what killed writers left in it.
func Open(dir string) (*Cache, error) {
	c := &Cache{dir}
	for _, sub := range []string{"sha256", "note", "part", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return nil, artifact.Hint(fmt.Errorf("cache: %w", err), "set XDG_CACHE_HOME to a folder that you may write to")
		}
	}
	c.sweep()
	c.sweepParts()
	return c, nil
}

// Dir is the cache's folder.
func (c *Cache) Dir() string { return c.dir }

// TempDir is a folder on the cache's file system for work in progress.
func (c *Cache) TempDir() string { return filepath.Join(c.dir, "tmp") }

// sweep removes temporary files whose writers are gone.
func (c *Cache) sweep() {
	entries, err := os.ReadDir(c.TempDir())
	if err != nil {
		return
	}
	for _, e := range entries {
		if e.Type().IsRegular() {
			removeUnlocked(filepath.Join(c.TempDir(), e.Name()))
		}
	}
}

func (c *Cache) path(sum string) string { return filepath.Join(c.dir, "sha256", sum) }

// Open returns the file with the digest. The error is fs.ErrNotExist when the
// cache lacks it or holds it with another size (a machine that lost power).
func (c *Cache) Open(want artifact.Content) (*os.File, error) {
	f, err := os.Open(c.path(want.SHA256))
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && want.Size >= 0 && info.Size() != want.Size {
		err = fmt.Errorf("cache: %s: size %d, want %d: %w", want.SHA256, info.Size(), want.Size, fs.ErrNotExist)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Has reports whether Open would find the file.
func (c *Cache) Has(want artifact.Content) bool {
	info, err := os.Stat(c.path(want.SHA256))
	return err == nil && (want.Size < 0 || info.Size() == want.Size)
}

// Check reads the file and compares its digest. A file that is wrong is removed
// and the error is artifact.ErrVerify.
func (c *Cache) Check(want artifact.Content) error {
	f, err := c.Open(want)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != want.SHA256 {
		os.Remove(f.Name())
		return artifact.Verifyf("cache: %s: the file was damaged and has been removed", f.Name())
	}
	return nil
}

// A Writer takes content of which nothing is kept before Commit.
type Writer struct {
	cache *Cache
	file  *os.File
	hash  hash.Hash
	size  int64
	part  bool // what is not committed is kept for Resume
	done  bool // committed
}

// Create begins a file. Close must be called; without Commit it discards.
func (c *Cache) Create() (*Writer, error) {
	f, err := c.temporary()
	if err != nil {
		return nil, err
	}
	return &Writer{cache: c, file: f, hash: sha256.New()}, nil
}

// temporary makes a file that no other process sweeps away while it is open.
func (c *Cache) temporary() (*os.File, error) {
	for {
		f, err := os.CreateTemp(c.TempDir(), "new-*")
		if err != nil {
			return nil, fmt.Errorf("cache: %w", diskHint(err))
		}
		// Another process may sweep the file away before it is locked.
		if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil && sameFile(f) {
			return f, nil
		}
		f.Close()
	}
}

// sameFile reports whether f is still what its name leads to.
func sameFile(f *os.File) bool {
	opened, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(f.Name())
	return err == nil && os.SameFile(opened, named)
}

func (w *Writer) Write(p []byte) (int, error) {
	n, err := w.file.Write(p)
	w.hash.Write(p[:n])
	w.size += int64(n)
	if err != nil {
		w.part = false // a full disk needs the room
		err = fmt.Errorf("cache: %w", diskHint(err))
	}
	return n, err
}

// Size is what was written so far, in bytes.
func (w *Writer) Size() int64 { return w.size }

// Content reads what was written.
func (w *Writer) Content() io.Reader { return io.NewSectionReader(w.file, 0, w.size) }

// Reset forgets what was written.
func (w *Writer) Reset() error {
	w.hash.Reset()
	w.size = 0
	if _, err := w.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return w.file.Truncate(0)
}

// Verify compares what was written with want; the error is artifact.ErrVerify.
func (w *Writer) Verify(want artifact.Content) error {
	if want.Size >= 0 && w.size != want.Size {
		return artifact.Verifyf("size mismatch: got %d bytes, want %d", w.size, want.Size)
	}
	if got := hex.EncodeToString(w.hash.Sum(nil)); got != want.SHA256 {
		return artifact.Verifyf("sha256 mismatch: got %s, want %s", got, want.SHA256)
	}
	return nil
}

// Commit keeps the file if it is what want says.
func (w *Writer) Commit(want artifact.Content) error {
	if err := w.Verify(want); err != nil {
		return err
	}
	if err := w.file.Chmod(0o644); err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	if err := os.Rename(w.file.Name(), w.cache.path(want.SHA256)); err != nil {
		return fmt.Errorf("cache: %w", diskHint(err))
	}
	w.done = true
	return nil
}

// Close ends the writer and removes what was not committed, but what Resume goes on with.
func (w *Writer) Close() error {
	if !w.done && (!w.part || w.size == 0) {
		os.Remove(w.file.Name())
	}
	return w.file.Close()
}

// Note returns the fact that was kept for the key, or nil.
func (c *Cache) Note(kind, key string) []byte {
	data, err := os.ReadFile(filepath.Join(c.dir, "note", kind, key))
	if err != nil {
		return nil
	}
	return data
}

// OpenNote opens a note that is large.
func (c *Cache) OpenNote(kind, key string) (*os.File, error) {
	return os.Open(filepath.Join(c.dir, "note", kind, key))
}

// SetNote keeps a fact; a failure to keep it costs only time later.
func (c *Cache) SetNote(kind, key string, data []byte) error {
	dir := filepath.Join(c.dir, "note", kind)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := c.temporary()
	if err != nil {
		return err
	}
	defer f.Close()
	defer os.Remove(f.Name()) // already renamed on success
	if _, err := f.Write(data); err != nil {
		return fmt.Errorf("cache: %w", diskHint(err))
	}
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(dir, key))
}

// diskHint says what to do about a full disk.
func diskHint(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return artifact.Hint(err, "free some space, or set XDG_CACHE_HOME to a folder on a larger disk; what was fetched is kept")
	}
	return err
}
