package cache

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/minimirror/minimirror/internal/artifact"
)

// maxPartAge is how long the beginning of a file is kept.
const maxPartAge = 14 * 24 * time.Hour

// Resume begins the wanted file, or goes on with what an earlier Writer had of it when it ended:
// Size tells how much. Nobody has verified that yet, but Commit does. Close keeps what is there for the
// next time. Where another writer is at the same file, Resume is Create.
func (c *Cache) Resume(want artifact.Content) (*Writer, error) {
	if !artifact.ValidSHA256(want.SHA256) {
		return c.Create()
	}
	f, err := os.OpenFile(filepath.Join(c.dir, "part", want.SHA256), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil { // of another user, who has been here
		return c.Create()
	}
	if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil || !sameFile(f) {
		f.Close()
		return c.Create()
	}
	w := &Writer{cache: c, file: f, hash: sha256.New(), part: true}
	w.size, err = io.Copy(w.hash, f)
	if err != nil || want.Size >= 0 && w.size > want.Size {
		err = w.Reset()
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("cache: %w", diskHint(err))
	}
	return w, nil
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
		if err == nil && (time.Since(info.ModTime()) > maxPartAge || c.Has(artifact.Content{Size: -1, SHA256: e.Name()})) {
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
	if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil && sameFile(f) {
		os.Remove(name)
	}
}
