package cache

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
)

func content(s string) artifact.Content {
	sum := sha256.Sum256([]byte(s))
	return artifact.Content{Size: int64(len(s)), SHA256: hex.EncodeToString(sum[:])}
}

func open(t *testing.T) *Cache {
	t.Helper()
	c, err := Open(filepath.Join(t.TempDir(), "cache"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func put(t *testing.T, c *Cache, written, want string) error {
	t.Helper()
	w, err := c.Create()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, err := io.WriteString(w, written); err != nil {
		t.Fatal(err)
	}
	return w.Commit(content(want))
}

func temporaries(t *testing.T, c *Cache) int {
	t.Helper()
	entries, err := os.ReadDir(c.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func TestKeepsOnlyWhatIsRight(t *testing.T) {
	c := open(t)
	for name, written := range map[string]string{"shorter": "hell", "longer": "hello!", "other": "jello"} {
		if err := put(t, c, written, "hello"); !errors.Is(err, artifact.ErrVerify) {
			t.Fatalf("%s: %v", name, err)
		}
		if c.Has(content("hello")) {
			t.Fatalf("%s: was kept", name)
		}
	}
	if err := put(t, c, "hello", "hello"); err != nil {
		t.Fatal(err)
	}
	f, err := c.Open(content("hello"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if data, err := io.ReadAll(f); err != nil || string(data) != "hello" {
		t.Fatal(string(data), err)
	}
	if n := temporaries(t, c); n != 0 {
		t.Fatalf("%d temporary files are left", n)
	}
}

func TestDamageIsFound(t *testing.T) {
	c := open(t)
	if err := put(t, c, "hello", "hello"); err != nil {
		t.Fatal(err)
	}
	path := c.path(content("hello").SHA256)
	if err := os.WriteFile(path, []byte("hell"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Open(content("hello")); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("a truncated file was opened: %v", err)
	}
	if err := os.WriteFile(path, []byte("jello"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := c.Check(content("hello")); !errors.Is(err, artifact.ErrVerify) {
		t.Fatal(err)
	}
	if c.Has(content("hello")) {
		t.Fatal("the damaged file is still there")
	}
}

func TestSweepSparesLivingWriters(t *testing.T) {
	c := open(t)
	w, err := c.Create()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, err := io.WriteString(w, "hello"); err != nil {
		t.Fatal(err)
	}
	dead := filepath.Join(c.TempDir(), "fetch-dead")
	if err := os.WriteFile(dead, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(c.Dir()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dead); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("what a killed writer left is still there: %v", err)
	}
	if err := w.Commit(content("hello")); err != nil {
		t.Fatal(err)
	}
}

func TestManyWritersAndSweepers(t *testing.T) {
	c := open(t)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := Open(c.Dir()); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			if err := c.SetNote("kind", "key", []byte("fact")); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			if err := put(t, c, "hello", "hello"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestNotes(t *testing.T) {
	c := open(t)
	if c.Note("kind", "key") != nil {
		t.Fatal("a note that nobody wrote")
	}
	if err := c.SetNote("kind", "key", []byte("fact")); err != nil {
		t.Fatal(err)
	}
	if string(c.Note("kind", "key")) != "fact" {
		t.Fatal("the note is lost")
	}
}

func TestUnwritable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	var hint *artifact.HintError
	if _, err := Open(filepath.Join(file, "cache")); !errors.As(err, &hint) {
		t.Fatalf("no hint: %v", err)
	}
}
