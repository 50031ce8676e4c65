// Package cache keeps files by the SHA-256 of their content in a folder of the
// user's, so that nothing is fetched twice. It stands between upstream and
// everything that reads items. Several processes may share one cache.
package cache

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/atomicfile"
)

// A Cache is a folder:
//
//	sha256/abcd…    verified content, named by its digest
//	note/KIND/KEY   facts derived from content, and pages of upstream (page.go), safe to lose
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

// digestNotes maps the SHA-512 of files to their SHA-256, for files that upstream lists only by SHA-512.
const digestNotes = "sha512"

// locate returns the name of the file with the content; empty: unknown.
func (c *Cache) locate(want artifact.Content) string {
	if want.SHA256 != "" || !artifact.ValidSHA512(want.SHA512) {
		return want.SHA256
	}
	if noted := string(c.Note(digestNotes, want.SHA512)); artifact.ValidSHA256(noted) {
		return noted
	}
	return ""
}

// Open returns the file with the digest. The error is fs.ErrNotExist when the
// cache lacks it or holds it with another size (a machine that lost power).
func (c *Cache) Open(want artifact.Content) (*os.File, error) {
	name := c.locate(want)
	if name == "" {
		return nil, fmt.Errorf("cache: sha512 %s: %w", want.SHA512, fs.ErrNotExist)
	}
	f, err := artifact.OpenFile(c.path(name))
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && want.Size >= 0 && info.Size() != want.Size {
		err = fmt.Errorf("cache: %s: size %d, want %d: %w", name, info.Size(), want.Size, fs.ErrNotExist)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Has reports whether Open would find the file.
func (c *Cache) Has(want artifact.Content) bool {
	name := c.locate(want)
	if name == "" {
		return false
	}
	info, err := os.Stat(c.path(name))
	return err == nil && info.Mode().IsRegular() && (want.Size < 0 || info.Size() == want.Size)
}

// Lookup returns what Has would say of files, for many of them: it lists the cache once instead of asking for each.
func (c *Cache) Lookup() (has func(want artifact.Content) bool) {
	dir, err := os.Open(filepath.Join(c.dir, "sha256"))
	if err != nil {
		return c.Has
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return c.Has
	}
	there := make(map[string]bool, len(names))
	for _, name := range names {
		there[name] = true
	}
	return func(want artifact.Content) bool { return there[c.locate(want)] && c.Has(want) }
}

// Check reads the file, compares its digests and returns its content, with the SHA-256. A file
// that is wrong is removed and the error is artifact.ErrVerify.
func (c *Cache) Check(want artifact.Content) (artifact.Content, error) {
	f, err := c.Open(want)
	if err != nil {
		return artifact.Content{}, err
	}
	defer f.Close()
	h := want.Hasher()
	if _, err := io.Copy(h, f); err != nil {
		return artifact.Content{}, err
	}
	if want.Verify(h.Sum()) != nil {
		os.Remove(f.Name())
		return artifact.Content{}, artifact.Verifyf("cache: %s: the file was damaged and has been removed", f.Name())
	}
	return h.Sum(), nil
}

// A Writer takes content of which nothing is kept before Commit.
type Writer struct {
	cache *Cache
	want  artifact.Content
	file  *os.File
	hash  *artifact.Hasher
	part  bool // what is not committed is kept for Resume
	done  bool // committed
}

// create begins a file.
func (c *Cache) create(want artifact.Content) (*Writer, error) {
	f, err := c.temporary()
	if err != nil {
		return nil, err
	}
	return &Writer{cache: c, want: want, file: f, hash: want.Hasher()}, nil
}

// temporary makes a file that no other process sweeps away while it is open.
func (c *Cache) temporary() (*os.File, error) {
	for {
		f, err := os.CreateTemp(c.TempDir(), "new-*")
		if err != nil {
			return nil, fmt.Errorf("cache: %w", diskHint(err))
		}
		// Another process may sweep the file away before it is locked.
		if atomicfile.TryLock(f) && atomicfile.Current(f) {
			return f, nil
		}
		f.Close()
	}
}

func (w *Writer) Write(p []byte) (int, error) {
	n, err := w.file.Write(p)
	w.hash.Write(p[:n])
	if err != nil {
		w.part = false // a full disk needs the room
		err = fmt.Errorf("cache: %w", diskHint(err))
	}
	return n, err
}

// Size is what was written so far, in bytes.
func (w *Writer) Size() int64 { return w.hash.Size() }

// Reader reads what was written.
func (w *Writer) Reader() io.Reader { return io.NewSectionReader(w.file, 0, w.Size()) }

// Content is what was written.
func (w *Writer) Content() artifact.Content { return w.hash.Sum() }

// Reset forgets what was written.
func (w *Writer) Reset() error {
	w.hash.Reset()
	if _, err := w.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return w.file.Truncate(0)
}

// Verify compares the written content with the wanted content; the error is artifact.ErrVerify.
func (w *Writer) Verify() error {
	if !w.want.Identified() {
		return artifact.Verifyf("there is no digest to verify it against")
	}
	return w.want.Verify(w.Content())
}

// Commit keeps the file if it has the wanted content.
func (w *Writer) Commit() error {
	if err := w.Verify(); err != nil {
		return err
	}
	if err := w.file.Chmod(0o644); err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	name := w.Content().SHA256
	if err := os.Rename(w.file.Name(), w.cache.path(name)); err != nil {
		return fmt.Errorf("cache: %w", diskHint(err))
	}
	w.done = true
	if w.want.SHA256 == "" {
		return w.cache.SetNote(digestNotes, w.want.SHA512, []byte(name))
	}
	return nil
}

// Close ends the writer and removes what was not committed, but what Resume goes on with.
func (w *Writer) Close() error {
	if !w.done && (!w.part || w.Size() == 0) {
		os.Remove(w.file.Name())
	}
	return w.file.Close()
}

// Note returns the fact that was kept for the key, or nil.
func (c *Cache) Note(kind, key string) []byte {
	data, err := artifact.ReadFile(filepath.Join(c.dir, "note", kind, key))
	if err != nil {
		return nil
	}
	return data
}

// OpenNote opens a note that is large.
func (c *Cache) OpenNote(kind, key string) (*os.File, error) {
	return artifact.OpenFile(filepath.Join(c.dir, "note", kind, key))
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
