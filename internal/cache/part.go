package cache

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/atomicfile"
)

// maxPartAge is how long the beginning of a file is kept.
const maxPartAge = 14 * 24 * time.Hour

// Resume begins the wanted file, or goes on with what an earlier Writer had of it when it ended:
// Size tells how much. Nobody has verified that yet, but Commit does. Close must be called; it keeps the data
// for the next time. If another writer has the same file open, Resume starts from the beginning, and Close without Commit discards the data.
func (c *Cache) Resume(want artifact.Content) (*Writer, error) {
	name := cmp.Or(want.SHA256, want.SHA512)
	if digest(name) == (artifact.Content{Size: -1}) {
		return c.create(want)
	}
	f, err := artifact.OpenRegular(func(flag int) (*os.File, error) {
		return os.OpenFile(filepath.Join(c.dir, "part", name), os.O_RDWR|os.O_CREATE|flag, 0o600)
	})
	if err != nil { // of another user, who has been here
		return c.create(want)
	}
	if !atomicfile.Abandoned(f) {
		f.Close()
		return c.create(want)
	}
	w := &Writer{cache: c, want: want, file: f, hash: want.Hasher(), part: true}
	_, err = io.Copy(w.hash, f)
	if err != nil || want.Size >= 0 && w.Size() > want.Size {
		err = w.Reset()
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("cache: %w", diskHint(err))
	}
	return w, nil
}

// digest is the content with the digest: a SHA-256 or SHA-512 by its length.
func digest(text string) artifact.Content {
	switch {
	case artifact.ValidSHA256(text):
		return artifact.Content{Size: -1, SHA256: text}
	case artifact.ValidSHA512(text):
		return artifact.Content{Size: -1, SHA512: text}
	}
	return artifact.Content{Size: -1}
}

// sweepParts removes what nobody went on with for long, and what is there whole by now.
func (c *Cache) sweepParts() {
	dir := filepath.Join(c.dir, "part")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && (time.Since(info.ModTime()) > maxPartAge || c.Has(digest(e.Name()))) {
			removeUnlocked(filepath.Join(dir, e.Name()))
		}
	}
}

// removeUnlocked removes a file whose writer is gone.
func removeUnlocked(name string) {
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0)
	if err != nil {
		return
	}
	defer f.Close()
	if atomicfile.Abandoned(f) {
		os.Remove(name)
	}
}
