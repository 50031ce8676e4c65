package atomicfile_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/minimirror/minimirror/internal/atomicfile"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func folder(t *testing.T) (root *os.Root, dir string) {
	t.Helper()
	dir = t.TempDir()
	root, err := os.OpenRoot(dir)
	must(t, err)
	t.Cleanup(func() { root.Close() })
	return root, dir
}

// holds compares the folder's files with "NAME TEXT" of each.
func holds(t *testing.T, dir string, want ...string) {
	t.Helper()
	var got []string
	entries, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		must(t, err)
		got = append(got, e.Name()+" "+string(text))
	}
	if !slices.Equal(got, want) {
		t.Errorf("the folder has %q, want %q", got, want)
	}
}

func begin(t *testing.T, root *os.Root, name, text string) *atomicfile.File {
	t.Helper()
	f, err := atomicfile.Create(root, name, 0o644)
	must(t, err)
	_, err = f.WriteString(text)
	must(t, err)
	return f
}

func TestFile(t *testing.T) {
	root, dir := folder(t)
	must(t, os.WriteFile(filepath.Join(dir, "a"), []byte("old"), 0o600))

	f := begin(t, root, "a", "new")
	if text, _ := os.ReadFile(filepath.Join(dir, "a")); string(text) != "old" {
		t.Errorf("before Commit: %q", text)
	}
	f.Abort()
	holds(t, dir, "a old")

	must(t, begin(t, root, "a", "new").Commit())
	holds(t, dir, "a new")
	if err := begin(t, root, "a", "newer").CommitNew(); !errors.Is(err, fs.ErrExist) {
		t.Errorf("CommitNew over a file: %v", err)
	}
	must(t, begin(t, root, "b", "first").CommitNew())
	holds(t, dir, "a new", "b first")
}

// A killed process leaves its file unlocked; a living one holds it.
func TestLeftovers(t *testing.T) {
	root, dir := folder(t)
	living := begin(t, root, "b", "living")
	temporary := filepath.Base(living.Name())
	for _, name := range []string{"a", "c"} { // as long and of other rights
		must(t, os.WriteFile(filepath.Join(dir, strings.TrimSuffix(temporary, "b")+name), []byte("left behind"), 0o400))
	}

	must(t, begin(t, root, "a", "1").Commit())
	info, err := os.Stat(filepath.Join(dir, "a"))
	must(t, err)
	if info.Mode().Perm()&0o200 == 0 {
		t.Errorf("the file has the mode of the one left behind: %s", info.Mode())
	}
	must(t, begin(t, root, "b", "2").Commit())
	must(t, atomicfile.Sweep(dir))
	holds(t, dir, temporary+" living", "a 1", "b 2")
	must(t, living.Commit())
	holds(t, dir, "a 1", "b living")
}

// Several writers at once: one of them wins, whole.
func TestTogether(t *testing.T) {
	root, dir := folder(t)
	var group sync.WaitGroup
	texts := make([]string, 20)
	for i := range texts {
		texts[i] = "a " + strings.Repeat(fmt.Sprintf("%02d", i), 5000)
		group.Go(func() {
			if err := atomicfile.WriteIn(root, "a", []byte(texts[i][2:]), 0o644); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	entries, err := os.ReadDir(dir)
	must(t, err)
	text, err := os.ReadFile(filepath.Join(dir, "a"))
	must(t, err)
	if len(entries) != 1 || !slices.Contains(texts, "a "+string(text)) {
		t.Errorf("%v; %d bytes", entries, len(text))
	}
}

func TestWrite(t *testing.T) {
	_, dir := folder(t)
	must(t, os.Mkdir(filepath.Join(dir, "real"), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "real", "a"), []byte("old"), 0o600))
	must(t, os.Symlink("real/a", filepath.Join(dir, "link")))
	must(t, atomicfile.Write(filepath.Join(dir, "link"), []byte("new"), 0o640))
	holds(t, filepath.Join(dir, "real"), "a new")
	info, err := os.Lstat(filepath.Join(dir, "real", "a"))
	must(t, err)
	if info.Mode() != 0o640 {
		t.Error(info.Mode())
	}
	if info, err = os.Lstat(filepath.Join(dir, "link")); err != nil || info.Mode().Type() != fs.ModeSymlink {
		t.Error("the link was replaced", info, err)
	}

	long := filepath.Join(dir, "real", strings.Repeat("x", 255))
	must(t, atomicfile.Write(long, []byte("long"), 0o644))
	must(t, os.Remove(long))

	for file, want := range map[string]string{
		filepath.Join(dir, "absent", "a"):    filepath.Join(dir, "absent"),
		filepath.Join(dir, "real", "a", "b"): "not a directory",
		filepath.Join(dir, "real"):           "write " + filepath.Join(dir, "real") + ": ",
	} {
		if err := atomicfile.Write(file, []byte("x"), 0o644); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", file, err)
		}
	}
	if err := atomicfile.WriteNew(filepath.Join(dir, "real", "a"), []byte("x"), 0o600); !errors.Is(err, fs.ErrExist) {
		t.Errorf("WriteNew over a file: %v", err)
	}
	holds(t, filepath.Join(dir, "real"), "a new")
}

// If something else already has the temporary name, the error names it, and it stays.
func TestInTheWay(t *testing.T) {
	root, dir := folder(t)
	f := begin(t, root, "a", "")
	temporary := f.Name()
	f.Abort()
	must(t, os.Symlink("elsewhere", temporary))
	if _, err := atomicfile.Create(root, "a", 0o644); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Error(err)
	}
	must(t, atomicfile.Sweep(dir))
	if _, err := os.Lstat(temporary); err != nil {
		t.Error(err)
	}
}
