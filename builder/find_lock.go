package builder

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/lockfile"
)

// FindLock finds the lock for a path: that of a folder with a definition, that of a definition file, or
// the path itself. file is empty if there is no lock for the path.
func FindLock(path string) (file string) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		if filepath.Ext(path) == ".lock" {
			return path
		}
		return ""
	case info.IsDir():
		d := Definition{File: filepath.Join(path, DefinitionFile)}
		for _, is := range []string{d.File, d.LockFile()} {
			if _, err := os.Stat(is); err == nil {
				return d.LockFile()
			}
		}
		return ""
	case !info.Mode().IsRegular():
		return ""
	case slices.Contains([]string{".yaml", ".yml"}, filepath.Ext(path)):
		return (&Definition{File: path}).LockFile()
	case filepath.Ext(path) == ".lock" || beginsLikeJSON(path):
		return path
	}
	return ""
}

// beginsLikeJSON distinguishes a lock from an archive.
func beginsLikeJSON(path string) bool {
	f, err := artifact.OpenFile(path)
	if err != nil {
		return false
	}
	defer f.Close()
	begin := make([]byte, 64)
	n, _ := f.Read(begin) // what can't be read is reported by whoever needs it
	return bytes.HasPrefix(bytes.TrimSpace(begin[:n]), []byte("{"))
}

// ReadLock reads a lock that FindLock found, whether or not it matches the definition beside it. The error for a definition
// without a lock is artifact.ErrStale. changed is the definition beside the lock, if it has changed since it was locked.
func ReadLock(file string) (lock *lockfile.Lock, digest, changed string, err error) {
	definition := ""
	for _, extension := range []string{".yaml", ".yml"} {
		if name := strings.TrimSuffix(file, filepath.Ext(file)) + extension; definition == "" {
			if _, err := os.Stat(name); err == nil {
				definition = name
			}
		}
	}
	lock, digest, err = lockfile.Read(file)
	if errors.Is(err, fs.ErrNotExist) && definition != "" {
		return nil, "", "", artifact.Hint(fmt.Errorf("%s: there is no lock yet: %w", file, artifact.ErrStale), "run: minimirror lock %s", definition)
	}
	if err != nil || definition == "" {
		return lock, digest, "", err
	}
	data, err := artifact.ReadFile(definition)
	if err != nil {
		return nil, "", "", err
	}
	if lockfile.Digest(data) != lock.Definition {
		changed = definition
	}
	return lock, digest, changed, nil
}
