package filecache_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/filecache"
)

// A file that comes before it is requested is not fetched again. A reader who requests it on its way waits for it, and gets it from its
// source if it does not come, or comes wrong.
func TestAhead(t *testing.T) {
	data := content(1, 90_000)
	wrong := bytes.Clone(data)
	wrong[5] ^= 1
	for name, test := range map[string]struct {
		arrive func(a *filecache.Arrival)
		asks   int64
		wrong  int64
	}{
		"right": {func(a *filecache.Arrival) { a.Take(bytes.NewReader(data)) }, 0, 0},
		"wrong": {func(a *filecache.Arrival) { a.Take(bytes.NewReader(wrong)) }, 1, 1},
		"short": {func(a *filecache.Arrival) { a.Take(bytes.NewReader(data[1:])) }, 1, 1},
		"never": {func(a *filecache.Arrival) { a.Fail(errors.New("away")) }, 1, 0},
	} {
		for _, early := range []bool{true, false} { // the reader
			dir := t.TempDir()
			c := open(t, dir, 64<<20)
			source := &giving{data: data}
			arrival := c.Ahead(fileOf(data), source.open)
			if c.Ahead(fileOf(data), source.open) != nil {
				t.Errorf("%s: announced twice", name)
			}
			result := make(chan error)
			get := func() {
				got, err := read(c, fileOf(data), source.open)
				if err == nil && !bytes.Equal(got, data) {
					err = errors.New("other content")
				}
				result <- err
			}
			if early {
				go get()
				for c.Stats().Hits == 0 {
					time.Sleep(time.Millisecond)
				}
			}
			test.arrive(arrival)
			if !early {
				if n, kept := onDisk(t, dir), test.asks == 0; (n > 0) != kept {
					t.Errorf("%s: %d bytes on the disk", name, n)
				}
				go get()
			}
			if err := <-result; err != nil {
				t.Errorf("%s: %v", name, err)
			}
			useful := int64(1)
			if !early && test.asks > 0 {
				useful = 0
			}
			if s := c.Stats(); source.asks.Load() != test.asks || s.Ahead != 1 || s.Useful != useful || s.Wrong != test.wrong || s.Files != 1 {
				t.Errorf("%s, early %t: asked %d times, %+v", name, early, source.asks.Load(), s)
			}
			c.Close()
		}
	}
}

// Files that nobody requests remove each other, and nearly nothing that was requested. One that was requested is as safe as others.
func TestAheadShare(t *testing.T) {
	const size, files = 100_000, 32
	c := open(t, t.TempDir(), files*102_400) // so two of them are the share
	sources := make([]*giving, files)
	for i := range sources {
		sources[i] = &giving{data: content(i, size)}
		if _, err := read(c, fileOf(sources[i].data), sources[i].open); err != nil {
			t.Fatal(err)
		}
	}
	var requested *giving
	for i := range 20 {
		data := content(100+i, size)
		c.Ahead(fileOf(data), nil).Take(bytes.NewReader(data))
		if i == 10 {
			requested = &giving{data: data}
			if _, err := read(c, fileOf(data), requested.open); err != nil || requested.asks.Load() != 0 {
				t.Errorf("asked %d times, %v", requested.asks.Load(), err)
			}
		}
	}
	if s := c.Stats(); s.Files != files || s.Bytes > files*102_400 || s.Useful != 1 {
		t.Errorf("%+v", s)
	}
	for i, source := range append(sources[3:], requested) {
		if _, err := read(c, fileOf(source.data), source.open); err != nil || source.asks.Load() > 1 {
			t.Errorf("file %d was fetched %d times, %v", i+3, source.asks.Load(), err)
		}
	}
	if c.Ahead(fileOf(content(1, filecache.Whole)), nil) != nil {
		t.Error("a file larger than the share is announced")
	}
}

// What the cache removes is used again for new files, and leaves nothing behind.
func TestRemovedFilesAreUsedAgain(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir, 102_400)
	var before os.FileInfo
	for i := range 5 {
		data := content(i, 100_000-i)
		source := &giving{data: data}
		if got, err := read(c, fileOf(data), source.open); err != nil || !bytes.Equal(got, data) {
			t.Fatalf("file %d: %v", i, err)
		}
		info, err := os.Stat(filepath.Join(dir, "files", fileOf(data).SHA256))
		if err != nil || info.Size() != int64(len(data)) || before != nil && !os.SameFile(before, info) {
			t.Errorf("file %d: %v, another file: %t", i, err, !os.SameFile(before, info))
		}
		before = info
	}
	c.Close()
	for folder, want := range map[string]int{"files": 1, "part": 0} {
		if entries, err := os.ReadDir(filepath.Join(dir, folder)); err != nil || len(entries) != want {
			t.Errorf("%s: %d files, %v", folder, len(entries), err)
		}
	}
}
