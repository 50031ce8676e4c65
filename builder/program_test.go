package builder

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/cache"
)

func TestCheckStatic(t *testing.T) {
	if err := CheckStatic("/bin/sh"); err == nil || !strings.Contains(err.Error(), "CGO_ENABLED=0") {
		t.Errorf("/bin/sh needs a dynamic linker: %v", err)
	}
	script := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := CheckStatic(script); err == nil {
		t.Error("a script is no program for an image")
	}
}

// A program is read once, as long as its file stays the same; what a note says wrongly is forgotten.
func TestProgramDigest(t *testing.T) {
	notes, err := cache.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "program")
	digest := func() string {
		t.Helper()
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		_, sum, err := programDigest(f, notes)
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	write := func(content string) string {
		t.Helper()
		time.Sleep(20 * time.Millisecond) // longer than file systems take for one moment
		if err := os.WriteFile(file, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%x", sha256.Sum256([]byte(content)))
	}
	for _, content := range []string{"one", "two"} {
		want := write(content)
		for range 2 {
			if got := digest(); got != want {
				t.Errorf("%s: %s", content, got)
			}
		}
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	key, _, err := programKey(f)
	if err != nil {
		t.Fatal(err)
	}
	right, wrong := digest(), strings.Repeat("0", 64)
	if err := notes.SetNote(programNote, key, []byte(wrong)); err != nil || digest() != wrong {
		t.Errorf("the note is not read: %v", err)
	}
	if forgetProgram(file, notes); digest() != right {
		t.Error("the wrong note is still there")
	}
}
