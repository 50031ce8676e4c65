// Package filecache keeps files of a distant place in a folder of bounded size. It stands between a server and the place that its files
// come from: a file is fetched once for all who want it at the same time, it is given to them while it arrives, and it stays in the
// folder when its SHA-256 is right, until files that were used later need the room.
//
//	distant place ──Source──▶ Cache ──┬──▶ file in the folder ──Span──▶ readers
//	              ──Ahead───▶         └──▶ (no room, or a disk that fails) ──ReadSome──▶ one reader
//
// Files may also be read ahead, before anybody requests them (ahead.go). They use only a small share of the folder.
//
// No reader gets the last byte that it asks for before all of the file has been verified: so an answer that ends as
// announced is right. Files up to Whole bytes are verified before their first byte is given.
package filecache

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/atomicfile"
)

const (
	// Whole is the size up to which a file is verified before its first byte is given, in bytes.
	Whole = 1 << 20

	block       = 4 << 10         // what a file takes on the disk is a multiple of it
	maxFetches  = 256             // at the same time
	maxPassed   = 256             // readers without the folder, each with a buffer
	maxOpen     = 4096            // descriptors of files that nobody reads
	touchEvery  = 5 * time.Minute // the file's time on the disk says after a restart when it was used
	maxSpare    = 64
	worthMore   = 64 << 20 // bytes; a file up to this size arrives even if nobody waits for it any more
	lockName    = "lock"
	filesFolder = "files"
	partsFolder = "part"
)

// Options are those of a cache.
type Options struct {
	Dir  string       // the folder; it is made if it does not exist
	Size int64        // bytes that files may take on the disk, each rounded up to 4 KiB
	Log  *slog.Logger // nil: nothing is logged
}

// A File is named by its content.
type File struct {
	SHA256 string // lower-case hexadecimal
	Size   int64  // bytes
}

// A Source opens a file at the place that it comes from, at its first byte. If direct is set, the reader may be as slow as a client;
// otherwise it reads as fast as the bytes come.
type Source func(ctx context.Context, direct bool) (io.ReadCloser, error)

// A Cache is a folder:
//
//	lock          held by the process that uses the folder
//	files/abcd…   content, named by its digest
//	part/abcd…-1  content of a large file that is arriving; or an empty file, for the next one
//
// Its methods may be called by many goroutines.
type Cache struct {
	o       Options
	lock    *os.File
	fetches chan struct{}
	passing chan struct{}
	ctx     context.Context // of the fetches
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu         sync.Mutex
	entries    map[string]*entry
	order      *list.List // of *entry that were requested; the first was used last
	ahead      *list.List // of *entry that nobody has requested yet; the first came last
	opened     *list.List // of *entry with an open file; the first was used last
	descriptor int        // files that may be open without a reader
	used       int64      // bytes
	unused     int64      // of these, of files in ahead
	parts      int64      // names in the folder of parts
	spare      []string   // empty files in the folder of parts
	closed     bool
	stats      Stats
}

// Stats count what a cache has done since it was opened, and what it holds.
type Stats struct {
	Files   int   // in the folder
	Bytes   int64 // that they take, and those that are arriving
	Size    int64 // the bound
	Hits    int64 // files that were there when they were asked for, or arriving
	Misses  int64 // files that had to be fetched
	Passed  int64 // of these, files that were given without the folder
	Ahead   int64 // files that came before anybody requested them
	Useful  int64 // of these, files that were requested later
	Evicted int64 // files removed to make room
	Wrong   int64 // files that did not verify, as they arrived or in the folder
	Fetched int64 // bytes received from sources
}

// An entry is a file that is in the folder, or arriving there.
type entry struct {
	File
	place    *list.Element // in order or ahead
	open     *list.Element // in opened; nil: not there
	users    int           // readers, and the flight
	ahead    bool          // nobody has requested it yet
	flight   *flight       // nil: the file is in the folder since before the start, and not yet verified
	verified bool
	charged  bool     // it counts in used
	gone     bool     // no longer in the cache
	file     *os.File // nil: not open
	touched  time.Time
}

func (e *entry) charge() int64 { return (e.Size + block - 1) / block * block }

// Open prepares the folder, and finds what is in it. The files are verified when they are first used. The error has a hint if the user can
// mend it.
func Open(o Options) (*Cache, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	c := &Cache{o: o, entries: map[string]*entry{}, order: list.New(), ahead: list.New(), opened: list.New(), descriptor: descriptors(),
		fetches: make(chan struct{}, maxFetches), passing: make(chan struct{}, maxPassed)}
	if err := c.take(); err != nil {
		return nil, err
	}
	if err := c.scan(); err != nil {
		return nil, errors.Join(err, c.lock.Close())
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c, nil
}

// take makes the folder and locks it.
func (c *Cache) take() (err error) {
	for _, folder := range []string{"", filesFolder, partsFolder} {
		if err := os.MkdirAll(filepath.Join(c.o.Dir, folder), 0o755); err != nil {
			return artifact.Hint(fmt.Errorf("cache: %w", err), "name a folder that this user may write to: --cache DIR")
		}
	}
	c.lock, err = os.OpenFile(filepath.Join(c.o.Dir, lockName), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return artifact.Hint(fmt.Errorf("cache: %w", err), "name a folder that this user may write to: --cache DIR")
	}
	if !atomicfile.TryLock(c.lock) {
		return errors.Join(artifact.Hint(fmt.Errorf("cache: %s is in use by another process", c.o.Dir),
			"give each server a folder of its own: --cache DIR"), c.lock.Close())
	}
	for _, folder := range []string{filesFolder, partsFolder} { // it may exist, and not be writable
		probe, err := os.CreateTemp(filepath.Join(c.o.Dir, folder), "probe-*")
		if err != nil && !full(err) {
			return errors.Join(artifact.Hint(fmt.Errorf("cache: %w", err), "name a folder that this user may write to: --cache DIR"), c.lock.Close())
		}
		if err == nil {
			probe.Close()
			os.Remove(probe.Name())
		}
	}
	return nil
}

// scan removes what was arriving when the process before ended, and lists the files.
func (c *Cache) scan() error {
	parts, err := os.ReadDir(filepath.Join(c.o.Dir, partsFolder))
	if err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	for _, e := range parts {
		if name, _, _ := strings.Cut(e.Name(), "-"); artifact.ValidSHA256(name) {
			os.Remove(filepath.Join(c.o.Dir, partsFolder, e.Name()))
		}
	}
	files, err := os.ReadDir(filepath.Join(c.o.Dir, filesFolder))
	if err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	var found []*entry
	for _, f := range files {
		info, err := f.Info()
		if err != nil || !info.Mode().IsRegular() || !artifact.ValidSHA256(f.Name()) {
			continue
		}
		found = append(found, &entry{File: File{f.Name(), info.Size()}, touched: info.ModTime(), charged: true})
	}
	slices.SortFunc(found, func(a, b *entry) int { return b.touched.Compare(a.touched) })
	for _, e := range found {
		e.place = c.order.PushBack(e)
		c.entries[e.SHA256] = e
		c.used += e.charge()
	}
	c.makeRoom(0)
	c.stats = Stats{}
	return nil
}

// Stats returns what the cache has done and holds.
func (c *Cache) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.stats
	s.Files, s.Bytes, s.Size = len(c.entries), c.used, c.o.Size
	return s
}

// Has reports whether the folder has a file, complete and verified.
func (c *Cache) Has(f File) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[f.SHA256]
	return e != nil && e.Size == f.Size && e.verified
}

// Dir is the folder.
func (c *Cache) Dir() string { return c.o.Dir }

// Close ends the fetches and unlocks the folder. Readers that are open fail unless their file is complete.
func (c *Cache) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.cancel()
	c.running.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closeUnused(0)
	for _, name := range c.spare {
		os.Remove(name)
	}
	return c.lock.Close()
}

// part is a new name in the folder of parts. The cache is locked.
func (c *Cache) part(e *entry) string {
	c.parts++
	return filepath.Join(c.o.Dir, partsFolder, fmt.Sprintf("%s-%d", e.SHA256, c.parts))
}

func (c *Cache) path(e *entry) string { return filepath.Join(c.o.Dir, filesFolder, e.SHA256) }

// full reports whether the disk has no room.
func full(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// errClosed is the error of a cache that was closed.
var errClosed = &fs.PathError{Op: "open", Path: "cache", Err: fs.ErrClosed}

// descriptors is how many files may be open without a reader: at most a quarter of what this process may open.
func descriptors() int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return maxOpen / 16
	}
	return int(min(limit.Cur/4, maxOpen))
}

// Free is how many bytes the folder's file system has left for this user.
func (c *Cache) Free() (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(c.o.Dir, &s); err != nil {
		return 0, os.NewSyscallError("statfs", err)
	}
	return int64(s.Bavail) * s.Bsize, nil
}
