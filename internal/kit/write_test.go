package kit_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/kit"
)

func TestWrite(t *testing.T) {
	some := map[string][]byte{"a": []byte("a"), "b/c.sh": []byte("c")}
	root := t.TempDir()
	at := func(name string) string { return filepath.Join(root, name) }
	holds := func(dir string) {
		t.Helper()
		var got []string
		err := filepath.WalkDir(dir, func(file string, e os.DirEntry, err error) error {
			if err == nil && !e.IsDir() {
				got = append(got, strings.TrimPrefix(file, dir))
			}
			return err
		})
		if err != nil || strings.Join(got, " ") != "/a /b/c.sh" {
			t.Errorf("%s: %v, %v", dir, got, err)
		}
	}
	for _, made := range []string{"empty", "target", "cwd"} {
		if err := os.Mkdir(at(made), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("target", at("link")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at("file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for to, where := range map[string]string{"new": "new", "deep/er": "deep/er", "empty": "empty", "link": "target"} {
		if err := kit.Write(at(to), some); err != nil {
			t.Errorf("%s: %v", to, err)
		}
		holds(at(where))
	}
	if info, err := os.Lstat(at("link")); err != nil || info.Mode().Type() != os.ModeSymlink {
		t.Errorf("the link became %v, %v", info, err)
	}
	t.Chdir(at("cwd"))
	if err := kit.Write(".", some); err != nil {
		t.Errorf("the current folder: %v", err)
	}
	holds(at("cwd"))
	if err := kit.Write(at("new"), some); err == nil || !strings.Contains(err.Error(), "hint:") {
		t.Errorf("into a folder that is not empty: %v", err)
	}
	for _, to := range []string{"file", "file/below"} {
		if err := kit.Write(at(to), some); err == nil {
			t.Errorf("%s: no error", to)
		}
	}
	// What cannot be finished leaves nothing.
	clash := map[string][]byte{"a": nil, "a/b": nil}
	if err := kit.Write(at("half"), clash); err == nil {
		t.Error("a file that is a folder, too: no error")
	}
	entries, err := os.ReadDir(root)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") || e.Name() == "half" {
			t.Errorf("%s is left", e.Name())
		}
	}
	if err != nil {
		t.Error(err)
	}
}
