package watch

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is replaced, reached by another link, grown or gone has another state; what is as it was has the same.
func TestState(t *testing.T) {
	dir := t.TempDir()
	file, other, link := filepath.Join(dir, "file"), filepath.Join(dir, "other"), filepath.Join(dir, "link")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.WriteFile(file, []byte("one"), 0o600))
	must(os.WriteFile(other, []byte("two"), 0o600))
	must(os.Symlink(file, link))
	before, err := StateOf(link)
	must(err)
	if again, err := StateOf(link); again != before || err != nil {
		t.Errorf("nothing has changed: %+v, %+v, %v", before, again, err)
	}
	for _, c := range []struct {
		what   string
		change func() error
	}{
		{"a longer file", func() error { return os.WriteFile(file, []byte("longer"), 0o600) }},
		{"another file of the same length", func() error {
			return errors.Join(os.WriteFile(file+".new", []byte("LONGER"), 0o600), os.Rename(file+".new", file))
		}},
		{"another link", func() error { return errors.Join(os.Remove(link), os.Symlink(other, link)) }},
	} {
		if err := c.change(); err != nil {
			t.Fatal(err)
		}
		after, err := StateOf(link)
		if after == before || err != nil {
			t.Errorf("%s: the state is the same: %+v, %v", c.what, after, err)
		}
		before = after
	}
	must(os.Remove(link))
	if gone, err := StateOf(link); gone != (State{}) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %+v, %v", gone, err)
	}
}

func TestRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	for size, fails := range map[int]bool{0: false, MaxSize: false, MaxSize + 1: true} {
		if err := os.WriteFile(file, bytes.Repeat([]byte("#"), size), 0o600); err != nil {
			t.Fatal(err)
		}
		want, _ := StateOf(file)
		data, state, err := Read(file)
		if state != want || fails != (err != nil) || !fails && len(data) != size {
			t.Errorf("%d bytes: %d, %+v, %v", size, len(data), state, err)
		}
		if fails && !strings.Contains(err.Error(), "more than 4194304 bytes") {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
	if _, _, err := Read(file + ".absent"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}
