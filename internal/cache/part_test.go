package cache

import (
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// part writes the beginning of a file and ends, as an interrupted run does.
func part(t *testing.T, c *Cache, written, want string) {
	t.Helper()
	w := resume(t, c, want)
	_, err := io.WriteString(w, written)
	must(t, err)
	must(t, w.Close())
}

func resume(t *testing.T, c *Cache, want string) *Writer {
	t.Helper()
	w, err := c.Resume(content(want))
	must(t, err)
	return w
}

func parts(t *testing.T, c *Cache) int {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(c.Dir(), "part"))
	must(t, err)
	return len(entries)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestResume(t *testing.T) {
	c := open(t)
	part(t, c, "hel", "hello")
	c, err := Open(c.Dir()) // the next run
	must(t, err)
	w := resume(t, c, "hello")
	if w.Size() != 3 {
		t.Fatalf("%d bytes are there", w.Size())
	}
	if c.Has(content("hello")) {
		t.Fatal("a part counts")
	}
	_, err = io.WriteString(w, "lo")
	must(t, err)
	must(t, w.Commit())
	must(t, w.Close())
	_, err = c.Check(content("hello"))
	must(t, err)
	if parts(t, c) != 0 {
		t.Fatal("the part is left")
	}
}

func TestResumeWithNothingOfUse(t *testing.T) {
	c := open(t)
	part(t, c, "", "hello")
	if parts(t, c) != 0 {
		t.Error("an empty part is kept")
	}
	part(t, c, "hello, world", "hello")
	if w := resume(t, c, "hello"); w.Size() != 0 {
		t.Errorf("%d bytes of too many", w.Size())
	} else {
		must(t, w.Close())
	}
	if parts(t, c) != 0 {
		t.Error("an empty part is kept")
	}
}

// Of two writers at one file, each ends well.
func TestResumeTogether(t *testing.T) {
	c := open(t)
	first, second := resume(t, c, "hello"), resume(t, c, "hello")
	for _, w := range []*Writer{first, second} {
		_, err := io.WriteString(w, "hello")
		must(t, err)
	}
	must(t, first.Commit())
	third := resume(t, c, "hello") // has not seen that it is there
	must(t, first.Close())
	_, err := io.WriteString(third, "hello")
	must(t, err)
	must(t, second.Commit())
	must(t, third.Commit())
	must(t, second.Close())
	must(t, third.Close())
	_, err = c.Check(content("hello"))
	must(t, err)
	if parts(t, c)+temporaries(t, c) != 0 {
		t.Error("something is left")
	}
}

func TestOldPartsGo(t *testing.T) {
	c := open(t)
	part(t, c, "hel", "hello")
	part(t, c, "wor", "world")
	part(t, c, "he", "here")
	must(t, put(t, c, "here", "here"))
	old := time.Now().Add(-2 * maxPartAge)
	must(t, os.Chtimes(filepath.Join(c.Dir(), "part", content("hello").SHA256), old, old))
	busy := resume(t, c, "busy")
	defer busy.Close()
	must(t, os.Chtimes(busy.file.Name(), old, old))
	c, err := Open(c.Dir())
	must(t, err)
	if n := parts(t, c); n != 2 {
		t.Errorf("%d parts, want those of world and busy", n)
	}
}
