package builder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bytesize"
	"github.com/minimirror/minimirror/internal/cache"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/tarlayer"
	"github.com/minimirror/minimirror/internal/lockfile"
	"github.com/minimirror/minimirror/internal/placement"
)

// A Forecast says what Build will fetch, write and need, before it does.
type Forecast struct {
	Items   int        `json:"items"`
	Content Amount     `json:"content"` // the files of all items, each content once
	Cached  Amount     `json:"cached"`  // what the cache has of them, and of what upstream signed
	Fetch   Amount     `json:"fetch"`   // what it lacks
	Sources []Download `json:"sources"` // of Fetch
	Layers  Shipped    `json:"layers"`  // without the program, the generated files and the catalog
	Disks   []Disk     `json:"disks"`   // that build writes to
}

// An Amount is a number of files, and their bytes.
type Amount struct {
	Files int   `json:"files"`
	Size  int64 `json:"size"`
}

func (a *Amount) add(size int64) {
	a.Files++
	a.Size += size
}

// A Disk is a file system that Build writes to.
type Disk struct {
	For   []string `json:"for"`   // "cache DIR" and "output REFERENCE"
	Needs int64    `json:"needs"` // bytes that will be written
	Free  int64    `json:"free"`  // bytes that this user may still write
}

// Lacks is how many bytes too few are free.
func (d *Disk) Lacks() int64 { return max(0, d.Needs-d.Free) }

// Duration is how long so many bytes take at a rate in bytes per second.
func Duration(size, rate int64) time.Duration {
	return time.Duration(float64(size) / float64(rate) * float64(time.Second)).Round(time.Second)
}

// Forecast tells what Build would do now. It uses no network, unless the base is an image in a registry. The error is artifact.ErrStale if the
// lock does not match the definition.
func (b *Builder) Forecast(ctx context.Context, d *Definition, output image.Reference) (*Forecast, error) {
	lock, _, err := readFresh(d, lockfile.ReadComplete)
	if err != nil {
		return nil, err
	}
	files := lockedFiles(lock)
	wanted := b.Platforms.Architectures
	if carried := b.architectures(d, lock); len(carried) > 0 && len(wanted) == 0 {
		programs, err := b.programs(lock, carried, output)
		if err != nil {
			return nil, err
		}
		wanted = architecturesOf(programs)
	}
	parts, err := b.parts(d, lock, files, wanted)
	if err != nil {
		return nil, err
	}
	base, err := b.base(ctx, d)
	if err != nil {
		return nil, err
	}
	lock, files = together(lock, files, parts)
	return b.forecast(lock, files, parts, base, output)
}

// CheckCache returns an error if the disk of the cache lacks room for what Build would fetch.
func CheckCache(lock *lockfile.Lock, c *cache.Cache) error {
	b := &Builder{Cache: c}
	files := lockedFiles(lock)
	f, err := b.forecast(lock, files, []part{{lock: lock, items: files}}, nil, image.Reference{Transport: image.Docker})
	if err != nil {
		return err
	}
	return f.Fits()
}

// forecast is Forecast for what the parts of a lock have together.
func (b *Builder) forecast(lock *lockfile.Lock, files []*lockedFile, parts []part, base []placement.Layer, output image.Reference) (*Forecast, error) {
	seen, has := make(map[artifact.Content]bool, len(files)), lookup(b.Cache, len(files))
	f := &Forecast{Items: len(lock.Items), Sources: downloads(lock, has)}
	for _, d := range f.Sources {
		f.Fetch.Files += d.Files
		f.Fetch.Size += d.Size
	}
	for _, file := range files {
		content := file.Content()
		if seen[content] {
			continue
		}
		seen[content] = true
		f.Content.add(content.Size)
		if has(content) {
			f.Cached.add(content.Size)
		}
	}
	for _, w := range distinct(upstreamProofs(lock)) {
		if has(w.Content) {
			f.Cached.add(w.Content.Size)
		}
	}
	for n, part := range parts {
		p := &plan{part: part, cache: b.Cache, base: base, sizes: b.Layers}
		if err := p.place(map[placement.File]tarlayer.Entry{}); err != nil {
			return nil, err
		}
		sizes := make([]int64, len(p.placed))
		for i := range p.placed {
			sizes[i] = layerSize(&p.placed[i])
		}
		f.Layers.ship(p, sizes, n == 0)
	}
	return f, b.disks(f, output)
}

// haveRoom reports whether every disk has so much room that a forecast would find that all fits: three times what the items have, and 1 GiB. The cache
// needs their size at most, and an image a third more, for unused files.
func (b *Builder) haveRoom(files []*lockedFile, output image.Reference) bool {
	size := int64(1 << 30)
	for _, file := range files {
		size += 3 * (file.Content().Size + 2048) // a header and half a block each
	}
	folders := []string{b.Cache.Dir()}
	if output.Transport != image.Docker {
		folders = append(folders, output.Path)
	}
	for _, path := range folders {
		folder, _, err := nearest(path)
		if err != nil {
			return false
		}
		if free, err := b.free(folder); err != nil || free < size {
			return false
		}
	}
	return true
}

// layerSize is about the size of a layer, in bytes.
func layerSize(l *placement.Layer) (size int64) {
	for _, files := range [][]placement.File{l.Files, l.Unused} {
		for _, f := range files {
			if size += 512; l.Links[f.Path] == "" {
				size += (f.Size + 511) / 512 * 512
			}
		}
	}
	return size + 1024
}

// disks adds what the file systems need and have.
func (b *Builder) disks(f *Forecast, output image.Reference) error {
	var devices []uint64
	add := func(what, path string, needs int64) error {
		if needs == 0 {
			return nil
		}
		folder, device, err := nearest(path)
		if err != nil {
			return err
		}
		bytes, err := b.free(folder)
		if err != nil {
			return err
		}
		for i := range f.Disks {
			if other := &f.Disks[i]; devices[i] == device {
				other.For, other.Needs = append(other.For, what), other.Needs+needs
				return nil
			}
		}
		f.Disks = append(f.Disks, Disk{[]string{what}, needs, bytes})
		devices = append(devices, device)
		return nil
	}
	if err := add("cache "+b.Cache.Dir(), b.Cache.Dir(), f.Fetch.Size+int64(f.Fetch.Files)*2048); err != nil { // a half block each
		return err
	}
	return add("output "+output.String(), output.Path, outputSize(f, output))
}

// outputSize is how many bytes the image takes at the output: nothing on this machine if it goes to a registry. A folder that has an
// image has the layers that are kept.
func outputSize(f *Forecast, output image.Reference) int64 {
	switch output.Transport {
	case image.Docker:
		return 0
	case image.OCI:
		if _, err := os.Stat(filepath.Join(output.Path, "index.json")); err == nil {
			return f.Layers.New
		}
	}
	return f.Layers.Size
}

// nearest is the path, or the folder above it that exists, and its file system.
func nearest(path string) (folder string, device uint64, err error) {
	path, err = filepath.Abs(path)
	for err == nil {
		var s unix.Stat_t
		err = unix.Stat(path, &s)
		if err == nil {
			return path, s.Dev, nil
		}
		if above := filepath.Dir(path); errors.Is(err, fs.ErrNotExist) && above != path {
			path, err = above, nil
		}
	}
	return "", 0, &fs.PathError{Op: "stat", Path: path, Err: err}
}

// free is how many bytes this user may still write to a file system.
func (b *Builder) free(folder string) (int64, error) {
	if b.Free != nil {
		return b.Free(folder)
	}
	var s unix.Statfs_t
	if err := unix.Statfs(folder, &s); err != nil {
		return 0, &fs.PathError{Op: "statfs", Path: folder, Err: err}
	}
	return int64(s.Bavail) * s.Bsize, nil
}

// Fits returns an error if a disk lacks room.
func (f *Forecast) Fits() error {
	at := slices.IndexFunc(f.Disks, func(d Disk) bool { return d.Lacks() > 0 })
	if at < 0 {
		return nil
	}
	d := &f.Disks[at]
	hint := fmt.Sprintf("free %s, or put the cache on a larger disk (XDG_CACHE_HOME=DIR)", bytesize.Text(d.Lacks()))
	if slices.ContainsFunc(d.For, func(what string) bool { return strings.HasPrefix(what, "output ") }) {
		hint += "; an image that goes to a registry (--output docker://HOST/NAME:TAG) takes no room here"
	}
	return artifact.Hint(fmt.Errorf("not enough room on the disk of %s: %s will be written, %s are free",
		strings.Join(d.For, " and "), bytesize.Text(d.Needs), bytesize.Text(d.Free)), "%s; or build anyway: --force", hint)
}
