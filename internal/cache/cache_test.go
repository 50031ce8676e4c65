package cache

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
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
	w, err := c.create(content(want))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, err := io.WriteString(w, written); err != nil {
		t.Fatal(err)
	}
	return w.Commit()
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
	if _, err := c.Check(content("hello")); !errors.Is(err, artifact.ErrVerify) {
		t.Fatal(err)
	}
	if c.Has(content("hello")) {
		t.Fatal("the damaged file is still there")
	}
}

func TestSweepSparesLivingWriters(t *testing.T) {
	c := open(t)
	w, err := c.create(content("hello"))
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
	if err := w.Commit(); err != nil {
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

// TestSHA512Alone: content that only its SHA-512 identifies is found again by that, and by its SHA-256.
func TestSHA512Alone(t *testing.T) {
	sum := sha512.Sum512([]byte("hello"))
	want := artifact.Content{Size: 5, SHA512: hex.EncodeToString(sum[:])}
	c := open(t)
	write := func(text string) error {
		w, err := c.Resume(want)
		must(t, err)
		defer w.Close()
		must(t, w.Reset())
		_, err = io.WriteString(w, text)
		must(t, err)
		return w.Commit()
	}
	if err := write("jello"); !errors.Is(err, artifact.ErrVerify) || c.Has(want) {
		t.Fatalf("other content was kept: %v", err)
	}
	must(t, write("hello"))
	if got, err := c.Check(want); err != nil || got.SHA256 != content("hello").SHA256 || !c.Has(want) || !c.Has(content("hello")) {
		t.Fatal(got, err)
	}
	must(t, put(t, c, "world", "world"))
	must(t, c.SetNote(digestNotes, want.SHA512, []byte(content("world").SHA256)))
	if got, err := c.Check(want); err == nil {
		t.Fatalf("a note that lies was believed: %v", got)
	}
	must(t, write("hello"))
	if _, err := c.Check(want); err != nil {
		t.Fatal(err)
	}
}

// Lookup says of every file what Has says.
func TestLookup(t *testing.T) {
	c, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w, err := c.Create()
	if err != nil {
		t.Fatal(err)
	}
	w.Write([]byte("text"))
	content := w.Content()
	if err := w.KeepFile(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	absent, short := content, content
	absent.SHA256 = strings.Repeat("0", 64)
	short.Size--
	has := c.Lookup()
	for name, want := range map[string]artifact.Content{"there": content, "absent": absent, "of another size": short, "nothing": {}} {
		if got := has(want); got != c.Has(want) || got != (name == "there") {
			t.Errorf("%s: %t, Has says %t", name, got, c.Has(want))
		}
	}
}
