package bootstrap

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"syscall"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/atomicfile"
	"github.com/minimirror/minimirror/internal/bytesize"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/catalog"
)

// Extract writes the files of the plan's items into dir; see the function Extract.
func (p *Plan) Extract(ctx context.Context, r *image.Reader, dir string, received func(n int64)) error {
	return Extract(ctx, r, p.wanted(), dir, received)
}

// Extract writes files of an image into dir, under their base names. A correct file
// that already exists is not read again; an incomplete file never has
// its final name. Two files with the same base name are an error, unless they have the same content.
func Extract(ctx context.Context, r *image.Reader, files []catalog.File, dir string, received func(n int64)) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := atomicfile.Sweep(dir); err != nil {
		return err
	}
	names := make(map[string]catalog.File)
	var missing []catalog.File
	var room int64
	for _, f := range files {
		name := path.Base(f.Path)
		if other, taken := names[name]; taken && other.SHA256 != f.SHA256 {
			return fmt.Errorf("%s and %s have the same file name", other.Path, f.Path)
		} else if taken {
			received(f.Size)
			continue
		}
		names[name] = f
		if whole, err := isWhole(root, name, f.SHA256); err != nil {
			return err
		} else if whole {
			received(f.Size)
			continue
		}
		missing = append(missing, f)
		room += f.Size
	}
	if err := enough(dir, room); err != nil {
		return err
	}
	return r.Fetch(ctx, missing, func(f catalog.File) (image.Delivery, error) {
		return newPart(root, path.Base(f.Path), received)
	})
}

// wanted are the files of all items, each once.
func (p *Plan) wanted() (files []catalog.File) {
	taken := make(map[string]bool)
	for _, i := range p.items() {
		for f := range i.Files {
			if id := i.FileID(&i.Files[f]); !taken[id] {
				taken[id] = true
				files = append(files, p.files[id])
			}
		}
	}
	return files
}

// isWhole reports whether the file exists with the right content. A regular file
// with other content is removed; anything else with that name is an error.
func isWhole(root *os.Root, name, sha256sum string) (bool, error) {
	info, err := root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !info.Mode().IsRegular() {
		return false, fmt.Errorf("%s: not a regular file: remove it", path.Join(root.Name(), name))
	}
	f, err := root.Open(name)
	if err != nil {
		return false, err
	}
	defer f.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, f); err != nil {
		return false, err
	}
	if hex.EncodeToString(hash.Sum(nil)) == sha256sum {
		return true, nil
	}
	return false, root.Remove(name)
}

// enough returns an error, before any work, if the file system lacks space.
func enough(dir string, room int64) error {
	var s syscall.Statfs_t
	if syscall.Statfs(dir, &s) != nil {
		return nil // then the writes tell
	}
	if free := int64(s.Bavail) * int64(s.Bsize); free < room {
		return artifact.Hint(fmt.Errorf("%s: %s are needed, %s are free: %w", dir, bytesize.MB(room), bytesize.MB(free), syscall.ENOSPC),
			"make room, or name a folder on another file system with --to")
	}
	return nil
}

// A part is an incomplete file. It gets its final name when it is complete and verified. It is not synced to
// disk: after a power failure, the digest shows whether the file is complete.
type part struct {
	*atomicfile.File
	received func(n int64)
}

func newPart(root *os.Root, name string, received func(n int64)) (*part, error) {
	f, err := atomicfile.Create(root, name, 0o644)
	if err != nil {
		return nil, err
	}
	return &part{f, received}, nil
}

func (p *part) Write(b []byte) (int, error) {
	n, err := p.File.Write(b)
	p.received(int64(n))
	return n, err
}
